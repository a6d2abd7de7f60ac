"""Start the servers, each in a folder of its own for everything that it writes.

They are installed on first use (see `install`). Each function returns a healthy `Server`:

    with prometheus(Path("/tmp/p"), Path("prometheus")) as server:
        print(server.url)
"""

from pathlib import Path

from tools.servers.commands import Say, say_to_stderr
from tools.servers.install import ensure_alertmanager, ensure_elasticsearch, ensure_prometheus
from tools.servers.node import DEFAULT_HEAP, Elasticsearch
from tools.servers.process import LOOPBACK, Server, Spec

__all__ = ["Elasticsearch", "Server", "alertmanager", "elasticsearch", "prometheus"]


def elasticsearch(run_dir: Path, port: int = 0, heap: str = DEFAULT_HEAP, *, say: Say = say_to_stderr) -> Elasticsearch:
    """Elasticsearch with security on: user ``elastic``, API keys, no TLS (it listens on loopback only).

    Args:
        run_dir: for configuration, data, password and log; made if need be. Data found there is used again.
        port: to listen on; 0 chooses a free one.
        heap: of the JVM.
        say: receives progress.

    Raises:
        ServerError: it cannot be installed or started.
    """
    home = ensure_elasticsearch(say=say)
    return Elasticsearch(home, run_dir, port=port, heap=heap, say=say).start()


def prometheus(
    run_dir: Path, config_dir: Path, *, port: int = 0, retention: str = "60d", say: Say = say_to_stderr
) -> Server:
    """Prometheus, with reload over HTTP and exemplars.

    Args:
        run_dir: for data and log; made if need be. Data found there is used again.
        config_dir: holds ``prometheus.yml``.
        port: to listen on; 0 chooses a free one.
        retention: age up to which samples are kept.
        say: receives progress.

    Raises:
        ServerError: it cannot be installed or started.
    """
    program = ensure_prometheus(say=say) / "prometheus"
    run_dir = run_dir.absolute()
    config = config_dir.absolute() / "prometheus.yml"

    def command(port: int) -> list[str | Path]:
        return [
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={run_dir / 'data'}",
            f"--storage.tsdb.retention.time={retention}",
            f"--web.listen-address={LOOPBACK}:{port}",
            f"--web.external-url=http://{LOOPBACK}:{port}",
            "--web.enable-lifecycle",
            "--enable-feature=exemplar-storage",
            # An alert that fires before Alertmanager is discovered is otherwise sent only a minute later.
            "--rules.alert.resend-delay=5s",
        ]

    spec = Spec("Prometheus", command, run_dir / "prometheus.log", "/-/ready", timeout=60, port=port)
    return Server(spec, say=say).start()


def alertmanager(run_dir: Path, config_file: Path, *, port: int = 0, say: Say = say_to_stderr) -> Server:
    """Alertmanager, on its own (no cluster).

    Args:
        run_dir: for data and log; made if need be. Data found there is used again.
        config_file: its configuration.
        port: to listen on; 0 chooses a free one.
        say: receives progress.

    Raises:
        ServerError: it cannot be installed or started.
    """
    program = ensure_alertmanager(say=say) / "alertmanager"
    run_dir = run_dir.absolute()
    config = config_file.absolute()

    def command(port: int) -> list[str | Path]:
        return [
            program,
            f"--config.file={config}",
            f"--storage.path={run_dir / 'data'}",
            f"--web.listen-address={LOOPBACK}:{port}",
            f"--web.external-url=http://{LOOPBACK}:{port}",
            "--cluster.listen-address=",
        ]

    spec = Spec("Alertmanager", command, run_dir / "alertmanager.log", "/-/ready", timeout=30, port=port)
    return Server(spec, say=say).start()
