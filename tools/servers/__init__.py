"""Real Elasticsearch, Prometheus and Alertmanager as ordinary processes, for machines without Docker.

``install`` puts them into a cache, ``run`` starts them on loopback; in a shell: ``python -m tools.servers``.
"""
