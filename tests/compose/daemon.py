"""A Docker daemon and the plugin `docker compose`: the machine's own, or ones made by hand where there are none."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.compose.shell import ComposeTestError, run, say, succeeds, wait

PLUGIN_VERSION = "v5.6.0"
_PLUGIN = "github.com/docker/compose/v5/cmd"
_NETWORK = Path("/sys/class/net/eth0/mtu")


def address(work: Path) -> str:
    """Return where a daemon that was started by hand listens."""
    return f"unix://{work / 'docker.sock'}"


@contextmanager
def docker(work: Path) -> Iterator[dict[str, str]]:
    """Yield the environment in which `docker` and `docker compose` work; what was started is stopped at the end."""
    environment = dict(os.environ)
    if not shutil.which("docker"):
        raise ComposeTestError("there is no command docker: install Docker, or on Debian: apt-get install docker.io")
    if succeeds("docker", "info"):
        _ensure_plugin(work, environment)
        yield environment
        return
    with _by_hand(work):
        environment["DOCKER_HOST"] = address(work)
        environment["DOCKER_BUILDKIT"] = "0"  # an old daemon's own builder needs no plugin
        _ensure_plugin(work, environment)
        yield environment


@contextmanager
def _by_hand(work: Path) -> Iterator[None]:
    """Run dockerd without an init system, in mounts of its own, so that the machine's are left alone."""
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
    say("no Docker daemon answers: starting one by hand")
    pidfile, log = work / "dockerd.pid", work / "dockerd.log"
    pidfile.unlink(missing_ok=True)
    mtu = _NETWORK.read_text().strip() if _NETWORK.exists() else "1500"
    command = [
        *("unshare", "--mount", "--propagation", "shared", "dockerd", "--storage-driver=overlay2"),
        *(f"--data-root={work / 'data'}", f"--exec-root={work / 'exec'}", f"--pidfile={pidfile}"),
        *(f"--host={address(work)}", f"--mtu={mtu}", "--default-runtime=clamp"),
        f"--add-runtime=clamp={Path(__file__).with_name('runc_clamp.py')}",
    ]
    environment = {**os.environ, "RUNC_CLAMP_LOG": str(work / "runc-clamp.log")}
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, start_new_session=True
        )
    try:
        asked = {**os.environ, "DOCKER_HOST": address(work)}
        wait(f"dockerd did not answer (see {log})", lambda: succeeds("docker", "info", env=asked), 60)
        yield
    finally:
        if pidfile.exists():
            os.kill(int(pidfile.read_text()), signal.SIGTERM)
        process.wait(timeout=60)
        say("the daemon that was started by hand is stopped")


def _ensure_plugin(work: Path, environment: dict[str, str]) -> None:
    """Make `docker compose` work: where the plugin is missing, build it from its published source."""
    if succeeds("docker", "compose", "version", env=environment):
        return
    config = work / "docker-config"
    plugin = config / "cli-plugins" / "docker-compose"
    environment["DOCKER_CONFIG"] = str(config)
    if plugin.exists():
        return
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
