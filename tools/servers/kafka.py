"""One Kafka broker from its published jars: fetched by Maven, tried once, run on loopback.

    with kafka(Path("/tmp/k")) as broker:
        print(broker.bootstrap)

A single KRaft node, plain text, no authentication: it listens on loopback only. For tests.
"""

import hashlib
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tools.servers import cache
from tools.servers.commands import Say, require, run_logged, say_to_stderr
from tools.servers.jars import MAVEN_GOAL, fetch_jars
from tools.servers.node import CLASS_ARCHIVE, JVM_OPTIONS
from tools.servers.process import LOOPBACK, Server, Spec, free_port

KAFKA_VERSION = "4.4.0"
KAFKA_FOLDER = Path(__file__).with_name("kafka_jars")
HEAP = "256m"
START_TIMEOUT_SECONDS = 120.0
TRIAL_STOP_SECONDS = 120.0
CLUSTER = "aiwatch-testing-kafka0"  # a Kafka UUID is 22 characters of base64


def kafka(run_dir: Path, *, port: int = 0, say: Say = say_to_stderr) -> "Kafka":
    """A healthy broker, installed on first use.

    Args:
        run_dir: for configuration, data and log; made if need be. Data found there is used again.
        port: to listen on; 0 chooses a free one.
        say: receives progress.

    Raises:
        ServerError: it cannot be installed or started.
    """
    return Kafka(ensure(say), run_dir, port=port, say=say).start()


def ensure(say: Say = say_to_stderr) -> Path:
    """The folder with Kafka's jars. Needs Java 17, and once Maven."""
    require(tools_to_install())

    def build(home: Path, log: Path) -> None:
        say(f"installing Kafka {KAFKA_VERSION} into {cache.cache_folder()} (once)")
        fetch_jars(KAFKA_FOLDER / "pom.xml", home, log, "Kafka's jars (43 MB)", say)
        _try_out(home, log, say)

    return cache.ensure(entry(), build, say=say)


def entry() -> str:
    """Name in the cache: a change of what is put together here makes another entry."""
    digest = hashlib.sha256(MAVEN_GOAL.encode())
    for source in sorted(KAFKA_FOLDER.iterdir()):
        digest.update(source.read_bytes())
    return f"kafka-{KAFKA_VERSION}-{digest.hexdigest()[:8]}"


def tools_to_install() -> set[str]:
    """What must be on PATH to install it; only Java, which runs it, once that is done."""
    return {"java"} if cache.cached(entry()) else {"java", "mvn"}


class Kafka(Server):
    """One broker, its own controller, on loopback."""

    def __init__(
        self,
        home: Path,
        run_dir: Path,
        *,
        port: int = 0,
        jvm: Sequence[str] = (),
        log: Path | None = None,
        say: Say = say_to_stderr,
    ) -> None:
        """Describe it; `start` lays out its folder and runs it.

        Args:
            home: an installation (`ensure`); only read, so that brokers can share it.
            run_dir: of this broker alone: configuration, data and log.
            port: for clients; 0 chooses a free one. The controller's is any free one.
            jvm: further JVM options.
            log: file for its output; ``kafka.log`` in `run_dir` by default.
            say: receives progress.
        """
        home, run_dir = home.absolute(), run_dir.absolute()
        log = log or run_dir / "kafka.log"
        config = run_dir / "server.properties"
        # Relative to home, as in the class archive, which so stays valid wherever the installation is.
        classpath = ":".join(f"lib/{jar.name}" for jar in sorted((home / "lib").glob("*.jar")))
        archive = [f"-XX:SharedArchiveFile={CLASS_ARCHIVE}"] if (home / CLASS_ARCHIVE).exists() else []
        java = ["java", f"-Xms{HEAP}", f"-Xmx{HEAP}", *JVM_OPTIONS]
        logging = f"-Dlog4j2.configurationFile={KAFKA_FOLDER / 'log4j2.properties'}"

        def command(port: int) -> list[str | Path]:
            run_dir.mkdir(parents=True, exist_ok=True)
            config.write_text(properties(run_dir, port, free_port()))
            if not (run_dir / "data" / "meta.properties").exists():
                storage = [*java, *archive, logging, "-cp", classpath, "kafka.tools.StorageTool"]
                run_logged(
                    [*storage, "format", "-t", CLUSTER, "-c", config], log=log, what="formatting", say=say, cwd=home
                )
            return [*java, *archive, *jvm, logging, "-cp", classpath, "kafka.Kafka", config]

        spec = Spec("Kafka", command, log, health="", timeout=START_TIMEOUT_SECONDS, port=port, cwd=home)
        super().__init__(spec, say=say)

    @property
    def bootstrap(self) -> str:
        """Where clients find it, as ``bootstrap.servers``."""
        return f"{LOOPBACK}:{self.port}"

    def _healthy(self, port: int) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1.0)
            if probe.connect_ex((LOOPBACK, port)) != 0:
                return False
        try:
            client = AdminClient({"bootstrap.servers": f"{LOOPBACK}:{port}", "log_level": 0})
            return bool(client.list_topics(timeout=2.0).brokers) and self.running
        except KafkaException:
            return False


def properties(run_dir: Path, port: int, controller_port: int) -> str:
    """server.properties of a single node on loopback that writes below `run_dir` only.

    Groups may have short session timeouts here and do not wait for further members: tests need not either.
    """
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(run_dir / "data"),
        "auto.create.topics.enable": "false",
        "num.partitions": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
    }
    return "".join(f"{key}={_escaped(value)}\n" for key, value in settings.items())


def _escaped(value: str) -> str:
    r"""A value as Java's properties have it.

    >>> _escaped("C:\\a")
    'C:\\\\a'
    """
    return value.replace("\\", "\\\\")


def _try_out(home: Path, log: Path, say: Say) -> None:
    """Start it once: shows that it works, and leaves the class archive that makes later starts faster."""
    run_dir = home / "trial"
    archive = f"-XX:ArchiveClassesAtExit={home / CLASS_ARCHIVE}"
    say("  starting it once, to try it and to speed up later starts ...")
    with Kafka(home, run_dir, jvm=[archive], log=log, say=say).start() as broker:
        say("  it works; writing its class archive ...")
        broker.stop(TRIAL_STOP_SECONDS)
    shutil.rmtree(run_dir)
