"""What a server has not got yet for seconds after its start."""

from elasticsearch import Elasticsearch


def without_a_shard(es: Elasticsearch, index: str) -> None:
    """Make an index that no node may hold, as one is for seconds after Elasticsearch has started again."""
    nowhere = {"index.routing.allocation.require._name": "nowhere"}
    es.indices.create(index=index, settings=nowhere, wait_for_active_shards="0")
