"""Prometheus and Alertmanager: from PATH, or from Debian packages unpacked into the cache.

Nothing is installed system-wide and no service is started; apt verifies what it downloads.
"""

import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools.servers import cache
from tools.servers.commands import Say, ServerError, require, run_logged


@dataclass(frozen=True, slots=True)
class DebianServer:
    """A server that is had from Debian's packages.

    Args:
        name: of the server, and of its program on PATH.
        companion: the tool beside it.
        minimum: oldest suitable version.
        package: that holds both.
        program: of the server in the package.
        assets: folder that the program reads, a path fixed at compile time.
        further: packages that hold what its pages need.
        unused: a folder of those that is large and never read.
    """

    name: str
    companion: str
    minimum: tuple[int, int]
    package: str
    program: str
    assets: str
    further: tuple[str, ...] = ()
    unused: str | None = None


PROMETHEUS = DebianServer(
    name="prometheus",
    companion="promtool",
    minimum=(2, 42),
    package="prometheus",
    program="prometheus",
    assets="/usr/share/prometheus/web",
    further=(
        "fonts-glyphicons-halflings",
        "libjs-bootstrap4",
        "libjs-d3",
        "libjs-eonasdan-bootstrap-datetimepicker",
        "libjs-jquery",
        "libjs-jquery-hotkeys",
        "libjs-moment",
        "libjs-moment-timezone",
        "libjs-mustache",
        "libjs-popper.js",
        "libjs-rickshaw",
    ),
    unused="/usr/share/javascript/moment-timezone/data",
)
ALERTMANAGER = DebianServer(
    name="alertmanager",
    companion="amtool",
    minimum=(0, 25),
    package="prometheus-alertmanager",
    program="prometheus-alertmanager",
    assets="/usr/share/prometheus/alertmanager",
)


def ensure(server: DebianServer, say: Say) -> Path:
    """The folder with the server's program, under its usual name, and the tool beside it."""
    if folder := on_path(server):
        return folder

    def build(root: Path, log: Path) -> None:
        say(f"installing {server.name} into {cache.cache_folder()} (once)")
        _unpack_packages(server, root, log, say)
        _relocate(server, root)
        if (found := version(root / "bin" / server.name)) < server.minimum:
            raise ServerError(
                f"{server.name} {'.'.join(map(str, found))} of this machine's package sources is too old: "
                f"put {'.'.join(map(str, server.minimum))} or newer, with {server.companion}, on PATH"
            )

    require(tools_to_install(server))
    return cache.ensure(entry(server), build, say=say) / "bin"


def entry(server: DebianServer) -> str:
    """Name in the cache, as ``prometheus-debian12``: the distribution's release decides the version."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return f"{server.name}-unknown"
    return f"{server.name}-{release['ID']}{release.get('VERSION_ID', '')}"


def tools_to_install(server: DebianServer) -> set[str]:
    """What must be on PATH to install it; nothing once that is done."""
    if on_path(server) or cache.cached(entry(server)):
        return set()
    return {"apt-get", "dpkg-deb"}


def on_path(server: DebianServer) -> Path | None:
    """The folder on PATH that holds a suitable version of the server and its tool."""
    program = shutil.which(server.name)
    if not program:
        return None
    folder = Path(program).absolute().parent
    if not (folder / server.companion).exists() or version(folder / server.name) < server.minimum:
        return None
    return folder


def version(program: Path) -> tuple[int, int]:
    """Major and minor version that a Prometheus program says it has; (0, 0) if it says none."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"version (\d+)\.(\d+)", said.stdout + said.stderr)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _unpack_packages(server: DebianServer, root: Path, log: Path, say: Say) -> None:
    packages = root / "packages"
    packages.mkdir()
    download = ["apt-get", "download", server.package, *server.further]
    what = f"fetching Debian's {server.package}"
    try:
        run_logged(download, cwd=packages, log=log, what=what, say=say)
    except ServerError:
        # The package lists are missing or older than the archive.
        try:
            run_logged(["apt-get", "update"], log=log, what="updating the package lists", say=say)
        except ServerError as error:
            raise ServerError(f"{error}\nRun `apt-get update` as root, then try again") from error
        run_logged(download, cwd=packages, log=log, what=what, say=say)
    for package in sorted(packages.glob("*.deb")):
        run_logged(["dpkg-deb", "-x", package, root], log=log, what=f"unpacking {package.name}", say=say)
    shutil.rmtree(packages)
    if server.unused:
        shutil.rmtree(root / server.unused.lstrip("/"), ignore_errors=True)


def _relocate(server: DebianServer, root: Path) -> None:
    """Make the server find its assets where they were unpacked, and put it and its tool into bin/.

    The path is compiled in. It is replaced, at the same length, by that of an open file descriptor, which a
    wrapper opens on the assets.
    """
    binary = root / "usr" / "bin" / server.program
    fixed = server.assets.encode()
    code = binary.read_bytes()
    if fixed not in code:
        raise ServerError(
            f"Debian's {server.package} does not read {server.assets} any more: "
            f"put {server.name} and {server.companion} on PATH"
        )
    binary.write_bytes(code.replace(fixed, b"/proc/self/fd/9".ljust(len(fixed), b"/")))
    (root / "bin").mkdir()
    wrapper = root / "bin" / server.name
    wrapper.write_text(
        "#!/bin/sh\n"
        'root=$(dirname "$(dirname "$(readlink -f "$0")")")\n'
        f'exec 9<"$root{server.assets}"\n'
        f'exec "$root/usr/bin/{server.program}" "$@"\n'
    )
    wrapper.chmod(0o755)
    (root / "bin" / server.companion).symlink_to(f"../usr/bin/{server.companion}")
