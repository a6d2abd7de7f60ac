"""An Elasticsearch node: its folder, its users, its command line."""

import base64
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from tools.servers.commands import Say, say_to_stderr
from tools.servers.process import LOOPBACK, Credentials, Server, Spec

USER = "elastic"
DEFAULT_HEAP = "512m"
START_TIMEOUT_SECONDS = 180.0
CLASS_ARCHIVE = "classes.jsa"

# Chosen by measurement (README.md): the quick compiler alone and the serial collector start soonest and leave
# the cores to others. The full compiler wins only after some 100,000 documents.
JVM_OPTIONS = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",
)

PBKDF2_ROUNDS = 10_000


class ClientSettings(TypedDict):
    """Arguments of the Elasticsearch client's constructor."""

    hosts: list[str]
    basic_auth: tuple[str, str]


class Elasticsearch(Server):
    """A secured single node on loopback.

    Attributes:
        user: of the superuser.
        password: of the superuser.
    """

    def __init__(
        self,
        home: Path,
        run_dir: Path,
        *,
        port: int = 0,
        heap: str = DEFAULT_HEAP,
        jvm: Sequence[str] = (),
        log: Path | None = None,
        say: Say = say_to_stderr,
    ) -> None:
        """Lay out its folder; `start` runs it.

        Args:
            home: an installation (`install.ensure_elasticsearch`); only read, so that nodes can share it.
            run_dir: of this node alone: configuration, data, password and log.
            port: for HTTP; 0 chooses a free one. The transport port is any free one.
            heap: of the JVM.
            jvm: further JVM options.
            log: file for its output; ``elasticsearch.log`` in `run_dir` by default.
            say: receives progress.
        """
        home, run_dir = home.absolute(), run_dir.absolute()
        config = run_dir / "config"
        self.user = USER
        self.password = prepare(run_dir)
        # Relative to home, as in the class archive, which so stays valid wherever the installation is.
        classpath = ":".join(f"lib/{jar.name}" for jar in sorted((home / "lib").glob("*.jar")))
        archive = [f"-XX:SharedArchiveFile={CLASS_ARCHIVE}"] if (home / CLASS_ARCHIVE).exists() else []

        def command(port: int) -> list[str | Path]:
            return [
                "java",
                f"-Xms{heap}",
                f"-Xmx{heap}",
                *JVM_OPTIONS,
                f"-XX:ErrorFile={run_dir / 'logs' / 'hs_err.log'}",
                *archive,
                *jvm,
                f"-Djava.io.tmpdir={run_dir / 'tmp'}",
                f"-Des.path.home={home}",
                f"-Des.path.conf={config}",
                "-Des.distribution.type=tar",
                "-cp",
                classpath,
                "EsNode",
                f"http.port={port}",
            ]

        spec = Spec(
            name="Elasticsearch",
            command=command,
            log=log or run_dir / "elasticsearch.log",
            health="/_cluster/health?wait_for_status=yellow&timeout=2s",
            timeout=START_TIMEOUT_SECONDS,
            port=port,
            cwd=home,
            credentials=Credentials(self.user, self.password),
        )
        super().__init__(spec, say=say)

    @property
    def client_settings(self) -> ClientSettings:
        """For ``elasticsearch.Elasticsearch(**server.client_settings)``, as superuser."""
        return {"hosts": [self.url], "basic_auth": (self.user, self.password)}


def prepare(run_dir: Path) -> str:
    """Lay out a node's folder, keeping the data and the password that are there.

    Returns:
        The password of the superuser ``elastic``, generated when the folder is new.
    """
    config = run_dir / "config"
    for folder in (config, run_dir / "data", run_dir / "logs", run_dir / "tmp"):
        folder.mkdir(parents=True, exist_ok=True)
    password_file = run_dir / "password"
    if not password_file.exists():
        _write_private(password_file, secrets.token_urlsafe(24))
    password = password_file.read_text()
    _write_private(config / "users", f"{USER}:{pbkdf2(password, secrets.token_bytes(32))}\n")
    _write_private(config / "users_roles", f"superuser:{USER}\n")
    shutil.copy(Path(__file__).with_name("java") / "log4j2.properties", config)
    (config / "elasticsearch.yml").write_text(node_settings(run_dir))
    return password


def node_settings(run_dir: Path) -> str:
    """elasticsearch.yml of a single secured node on loopback that writes below `run_dir` only."""
    settings = {
        "cluster.name": "aiwatch",
        "node.name": "aiwatch-1",
        "discovery.type": "single-node",
        "network.host": LOOPBACK,
        "transport.port": 0,
        "path.data": str(run_dir / "data"),
        "path.logs": str(run_dir / "logs"),
        # A developer's disk is often nearly full; that must not make the indices read-only.
        "cluster.routing.allocation.disk.threshold_enabled": False,
        "xpack.security.enabled": True,
        "xpack.security.enrollment.enabled": False,
        "xpack.security.http.ssl.enabled": False,
        "xpack.security.transport.ssl.enabled": False,
        "xpack.security.authc.api_key.enabled": True,
        # `elastic` is a user of the file realm here: known from the first moment, no index to wait for.
        "xpack.security.authc.reserved_realm.enabled": False,
    }
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in settings.items())


def pbkdf2(password: str, salt: bytes) -> str:
    """A password as Elasticsearch's file realm stores it (algorithm ``pbkdf2``).

    >>> pbkdf2("secret", bytes(32))
    '{PBKDF2}10000$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=$ecxrYb6VsC1fOq8zjFSpUsthuyvjAcDhSoqpZFvLqAQ='
    """
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, PBKDF2_ROUNDS, dklen=32)
    encoded = (base64.b64encode(part).decode() for part in (salt, key))
    return f"{{PBKDF2}}{PBKDF2_ROUNDS}${'$'.join(encoded)}"


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, replacing it at once."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    partial.replace(path)
