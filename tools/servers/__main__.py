"""Command line: ``python -m tools.servers install`` and ``python -m tools.servers up DIR``."""

import argparse
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from tools.servers import run
from tools.servers.commands import ServerError, say_to_stderr
from tools.servers.install import ensure_all

PROMETHEUS_CONFIG = """\
scrape_configs:
  - job_name: prometheus
    static_configs: [{targets: ["127.0.0.1:9090"]}]
"""
ALERTMANAGER_CONFIG = """\
route: {receiver: none}
receivers: [{name: none}]
"""


def main(argv: list[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.servers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("install", help="install all servers into the cache")
    up_parser = commands.add_parser("up", help="run all servers until Ctrl-C, on their usual ports")
    up_parser.add_argument("folder", type=Path, metavar="DIR", help="for configuration, data and logs; kept")
    arguments = parser.parse_args(argv)
    try:
        ensure_all()
        if arguments.command == "up":
            up(arguments.folder)
    except ServerError as error:
        say_to_stderr(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def up(folder: Path) -> None:
    """Run the three servers on their usual ports until Ctrl-C or SIGTERM.

    Args:
        folder: for data and logs, and for the configuration of Prometheus and Alertmanager: a minimal one is
            written if there is none; edit it, then reload (POST /-/reload).
    """
    prometheus_config = folder / "prometheus" / "prometheus.yml"
    alertmanager_config = folder / "alertmanager" / "alertmanager.yml"
    for path, text in ((prometheus_config, PROMETHEUS_CONFIG), (alertmanager_config, ALERTMANAGER_CONFIG)):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(text)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as servers:
        prometheus = servers.enter_context(run.prometheus(folder / "prometheus", prometheus_config.parent, port=9090))
        alertmanager = servers.enter_context(run.alertmanager(folder / "alertmanager", alertmanager_config, port=9093))
        elasticsearch = servers.enter_context(run.elasticsearch(folder / "elasticsearch", port=9200))
        print(f"Prometheus     {prometheus.url}")
        print(f"Alertmanager   {alertmanager.url}")
        print(
            f"Elasticsearch  {elasticsearch.url}  user {elasticsearch.user}, "
            f"password in {folder / 'elasticsearch' / 'password'}"
        )
        print("Ctrl-C stops them.", flush=True)
        signal.pause()


if __name__ == "__main__":
    sys.exit(main())
