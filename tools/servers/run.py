"""Start the servers, each in a folder of its own for everything that it writes.

They are installed on first use (see `install`). Each function returns a healthy `Server`:

    with prometheus(Path("/tmp/p"), Path("prometheus")) as server:
        print(server.url)
"""

import json
import os
from pathlib import Path

from tools.servers.commands import Say, run_logged, say_to_stderr
from tools.servers.install import (
    ensure_airflow,
    ensure_alertmanager,
    ensure_elasticsearch,
    ensure_mlflow,
    ensure_prometheus,
)
from tools.servers.node import DEFAULT_HEAP, Elasticsearch
from tools.servers.process import LOOPBACK, Server, Spec

__all__ = ["Elasticsearch", "Server", "airflow", "alertmanager", "elasticsearch", "mlflow", "prometheus"]


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


def mlflow(run_dir: Path, *, port: int = 0, say: Say = say_to_stderr) -> Server:
    """MLflow's tracking server with its model registry, in SQLite.

    Args:
        run_dir: for database, artifacts and log; made if need be. Data found there is used again.
        port: to listen on; 0 chooses a free one.
        say: receives progress.

    Raises:
        ServerError: it cannot be installed or started.
    """
    python = ensure_mlflow(say=say)
    run_dir = run_dir.absolute()
    run_dir.mkdir(parents=True, exist_ok=True)

    def command(port: int) -> list[str | Path]:
        return [
            *(python, "-m", "mlflow", "server"),
            *("--host", LOOPBACK, "--port", str(port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{run_dir / 'mlflow.db'}"),
            *("--artifacts-destination", run_dir / "artifacts"),
        ]

    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    spec = Spec(
        "MLflow", command, run_dir / "mlflow.log", "/health", timeout=60, port=port, cwd=run_dir, environment=quiet
    )
    return Server(spec, say=say).start()


def airflow(run_dir: Path, password: str, *, port: int = 0, say: Say = say_to_stderr) -> Server:
    """Airflow's API server, with a user ``aiwatch``; it knows the DAGs in ``dags`` and runs none.

    Args:
        run_dir: for database and log, with a folder ``dags``. Data found there is used again.
        password: of the user.
        port: to listen on; 0 chooses a free one.
        say: receives progress.

    Raises:
        ServerError: it cannot be installed or started.
    """
    python = ensure_airflow(say=say)
    run_dir = run_dir.absolute()
    passwords = run_dir / "passwords.json"
    passwords.write_text(json.dumps({"aiwatch": password}))
    log = run_dir / "airflow.log"
    environment = {
        "AIRFLOW_HOME": str(run_dir),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "aiwatch:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "false",
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
    }
    with_environment = ["env", *(f"{name}={value}" for name, value in environment.items()), python, "-m", "airflow"]
    for what, arguments in (("making its database", ("db", "migrate")), ("reading DAGs", ("dags", "reserialize"))):
        run_logged([*with_environment, *arguments], log=log, what=f"Airflow: {what}", say=say)

    def command(port: int) -> list[str | Path]:
        return [python, "-m", "airflow", "api-server", "--host", LOOPBACK, "--port", str(port)]

    spec = Spec("Airflow", command, log, "/api/v2/version", timeout=60, port=port, cwd=run_dir, environment=environment)
    return Server(spec, say=say).start()
