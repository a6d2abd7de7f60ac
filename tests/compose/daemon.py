"""A Docker daemon and the plugin `docker compose`: the machine's own, or ones made by hand where there are none."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.compose.shell import ComposeTestError, run, say, succeeds, wait
from tools.servers.cache import cache_folder

PLUGIN_VERSION = "v5.6.0"
_PLUGIN_FILE = Path("cli-plugins", "docker-compose")
_PLUGIN = "github.com/docker/compose/v5/cmd"
_NETWORK = Path("/sys/class/net/eth0/mtu")


def work_folder() -> Path:
    """Return where the test keeps what is slow to make, between runs."""
    return cache_folder().parent / "compose"


def address(work: Path) -> str:
    """Return where a daemon that was started by hand listens."""
    return f"unix://{work / 'docker.sock'}"


@dataclass(slots=True)
class Docker:
    """A daemon to work with: ``environment`` is what `docker` and `docker compose` need to be run with."""

    environment: dict[str, str]
    by_hand: ByHand | None = None


@contextmanager
def docker(work: Path) -> Iterator[Docker]:
    """Yield a daemon with the plugin `docker compose`; what was started is stopped at the end."""
    found = Docker(dict(os.environ))
    if not shutil.which("docker"):
        raise ComposeTestError("there is no command docker: install Docker, or on Debian: apt-get install docker.io")
    if succeeds("docker", "info"):
        _ensure_plugin(work, found.environment)
        yield found
        return
    found.by_hand = ByHand(work)
    found.environment["DOCKER_HOST"] = address(work)
    found.environment["DOCKER_BUILDKIT"] = "0"  # an old daemon's own builder needs no plugin
    try:
        found.by_hand.start()
        _ensure_plugin(work, found.environment)
        yield found
    finally:
        found.by_hand.stop()


class ByHand:
    """A dockerd without an init system, in mounts of its own, so that the machine's are left alone."""

    def __init__(self, work: Path) -> None:
        """Choose its places, all below ``work``.

        Raises:
            ComposeTestError: it cannot be run here.
        """
        missing = [name for name in ("dockerd", "debootstrap", "iptables", "runc") if not shutil.which(name)]
        if os.geteuid() != 0 or missing:
            raise ComposeTestError(
                "no Docker daemon answers. Start one; or run this as root, which starts one by hand"
                + (
                    f", after: apt-get install docker.io debootstrap iptables ({', '.join(missing)} missing)"
                    if missing
                    else ""
                )
            )
        self._work = work
        self._pidfile = work / "dockerd.pid"
        self._running = work / "exec"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        say("no Docker daemon answers: starting one by hand")
        self._pidfile.unlink(missing_ok=True)
        log = self._work / "dockerd.log"
        mtu = _NETWORK.read_text().strip() if _NETWORK.exists() else "1500"
        command = [
            *("unshare", "--mount", "--propagation", "shared", "dockerd", "--storage-driver=overlay2"),
            *(f"--data-root={self._work / 'data'}", f"--exec-root={self._running}", f"--pidfile={self._pidfile}"),
            *(f"--host={address(self._work)}", f"--mtu={mtu}", "--default-runtime=clamp"),
            f"--add-runtime=clamp={Path(__file__).with_name('runc_clamp.py')}",
        ]
        environment = {**os.environ, "RUNC_CLAMP_LOG": str(self._work / "runc-clamp.log")}
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, start_new_session=True
            )
        asked = {**os.environ, "DOCKER_HOST": address(self._work)}
        wait(f"dockerd did not answer (see {log})", lambda: succeeds("docker", "info", env=asked), 60)

    def stop(self) -> None:
        """Stop it, and its containers with it."""
        if self._process is None:
            return
        self._process.terminate()
        self._process.wait(timeout=60)
        self._process = None
        say("the daemon that was started by hand is stopped")

    def crash(self) -> int:
        """End the daemon, its containerd and every process in a container by force; return how many those were.

        As when the machine loses power, nobody is asked first, and what stands below /run is gone. What the kernel
        had not yet written to the disk survives here.
        """
        assert self._process is not None
        mounts = _mounts_of(self._process.pid)
        ended: set[int] = set()
        while victims := _processes_in(mounts):
            for pid in (self._process.pid, *victims):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            ended |= victims
            self._process.poll()
        self._process.wait()
        self._process = None
        shutil.rmtree(self._running)
        return len(ended)


def _mounts_of(pid: int) -> str:
    """Return which mounts a process sees; nothing when it has ended."""
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")
    except OSError:
        return ""


def _processes_in(mounts: str) -> set[int]:
    """Return the processes that see these mounts, and what descends from them: containers, which have their own."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
    found = {pid for pid in parents if _mounts_of(pid) == mounts}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def find_plugin(work: Path, environment: dict[str, str]) -> bool:
    """Tell whether `docker compose` works: the machine's, or one that was built by an earlier run of this test.

    In the latter case ``environment`` is made to name it.
    """
    if succeeds("docker", "compose", "version", env=environment):
        return True
    config = work / "docker-config"
    if not (config / _PLUGIN_FILE).exists():
        return False
    environment["DOCKER_CONFIG"] = str(config)
    return succeeds("docker", "compose", "version", env=environment)


def _ensure_plugin(work: Path, environment: dict[str, str]) -> None:
    """Make `docker compose` work: where the plugin is missing, build it from its published source."""
    if find_plugin(work, environment):
        return
    config = work / "docker-config"
    plugin = config / _PLUGIN_FILE
    environment["DOCKER_CONFIG"] = str(config)
    if not shutil.which("go"):
        raise ComposeTestError("there is no plugin docker compose: install docker-compose-plugin, or Go to build it")
    say(f"building docker compose {PLUGIN_VERSION} from its module (once)")
    module = work / "compose-module"
    shutil.rmtree(module, ignore_errors=True)
    module.mkdir(parents=True)
    run("go", "mod", "init", "compose-for-tests", cwd=module)
    run("go", "get", f"{_PLUGIN}@{PLUGIN_VERSION}", cwd=module)
    plugin.parent.mkdir(parents=True, exist_ok=True)
    flags = f"-s -w -X github.com/docker/compose/v5/internal.Version={PLUGIN_VERSION}"
    run("go", "build", "-ldflags", flags, "-o", plugin, _PLUGIN, cwd=module)
