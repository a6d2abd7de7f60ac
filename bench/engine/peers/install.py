"""Install the peers into the cache of servers; a second call returns at once."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from tools.servers import cache
from tools.servers.commands import ServerError, require, run_logged, say_to_stderr

_BUILDER = "go.opentelemetry.io/collector/cmd/builder@v0.159.0"


def ensure_mtail() -> Path:
    """The program ``mtail``: from PATH, or from Debian's package.

    Raises:
        ServerError: it cannot be had.
    """
    if found := shutil.which("mtail"):
        return Path(found)

    def build(root: Path, log: Path) -> None:
        run_logged(["apt-get", "download", "mtail"], cwd=root, log=log, what="fetching mtail", say=say_to_stderr)
        (package,) = root.glob("*.deb")
        run_logged(["dpkg-deb", "-x", package, root], log=log, what="unpacking mtail", say=say_to_stderr)

    require(["apt-get", "dpkg-deb"])
    return cache.ensure("mtail-debian", build, say=say_to_stderr) / "usr" / "bin" / "mtail"


def ensure_collector() -> Path:
    """The OpenTelemetry Collector, built with Go from ``builder.yaml`` (some CPU minutes).

    Raises:
        ServerError: it cannot be built.
    """

    parts = Path(__file__).with_name("builder.yaml")
    name = f"otelcol-{hashlib.sha256(parts.read_bytes()).hexdigest()[:8]}"

    def build(root: Path, log: Path) -> None:
        def go(*command: str | Path, cwd: Path) -> None:
            what = "building the OpenTelemetry Collector"
            arguments = ["env", f"GOBIN={root}", "nice", "-n", "19", *command]
            run_logged(arguments, cwd=cwd, log=log, what=what, say=say_to_stderr)

        shutil.copy(parts, root)
        go("go", "install", _BUILDER, cwd=root)
        try:
            go(root / "builder", "--config", "builder.yaml", "--skip-compilation", cwd=root)
        except ServerError as error:  # it may fail to fetch a module that is not needed in the end
            say_to_stderr(f"  {str(error).splitlines()[0]}: going on")
        jobs = str(max(1, len(os.sched_getaffinity(0)) - 1))
        go("go", "build", "-p", jobs, "-trimpath", "-ldflags", "-s -w", "-o", root / "otelcol", ".", cwd=root / "out")
        shutil.rmtree(root / "out")

    require(["go", "nice"])
    return cache.ensure(name, build, say=say_to_stderr) / "otelcol"
