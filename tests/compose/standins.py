"""The official images: pulled, or where no registry can be reached, stand-ins under their names, for tests alone."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.compose.shell import ComposeTestError, run, say, succeeds
from tools.servers.install import ensure_elasticsearch

RECIPES = Path(__file__).with_name("standins")
BASES = {"bookworm": "", "trixie": ",python3,python3-pip,python3-venv"}
STAND_INS = ("python", "elasticsearch", "prometheus", "alertmanager")  # of Grafana there is none
_LABEL = "aiwatch.standin"
_CERTIFICATES = Path("/usr/local/share/ca-certificates")


def ensure_images(images: Mapping[str, str], work: Path, environment: Mapping[str, str]) -> tuple[set[str], set[str]]:
    """Make the images available, and return the names of those that are stand-ins, and of those that are missing."""
    missing = {name: image for name, image in images.items() if not _is_current(name, image, environment)}
    if missing:
        first = next(iter(missing.values()))
        say(f"pulling {first} and others, if a registry can be reached")
        if succeeds("docker", "pull", "--quiet", first, env=environment, seconds=300):
            for image in missing.values():
                run("docker", "pull", "--quiet", image, env=environment, seconds=1800)
            missing = {}
    for name in STAND_INS:
        if name in missing:
            _build(name, missing.pop(name), work, environment)
    stand_ins = {name for name, image in images.items() if name not in missing and _label(image, environment)}
    return stand_ins, set(missing)


def _has(image: str, environment: Mapping[str, str]) -> bool:
    return succeeds("docker", "image", "inspect", image, env=environment)


def _label(image: str, environment: Mapping[str, str]) -> str:
    """Return the digest of the recipe that an image was built by; nothing when it is an official one."""
    labels = json.loads(
        run("docker", "image", "inspect", "--format", "{{json .Config.Labels}}", image, env=environment)
    )
    return str((labels or {}).get(_LABEL, ""))


def _recipe(name: str) -> str:
    """Return the digest of a stand-in's recipe."""
    digest = hashlib.sha256()
    for path in sorted((RECIPES / name).iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _is_current(name: str, image: str, environment: Mapping[str, str]) -> bool:
    """Tell whether an image is there: the official one, or a stand-in made by the recipe as it is now."""
    return _has(image, environment) and (not (label := _label(image, environment)) or label == _recipe(name))


def _build(name: str, image: str, work: Path, environment: Mapping[str, str]) -> None:
    say(f"building a stand-in for {image}")
    suite = "trixie" if name == "python" else "bookworm"
    _ensure_base(suite, work, environment)
    context = work / "context" / name
    shutil.rmtree(context, ignore_errors=True)
    shutil.copytree(RECIPES / name, context)
    if name == "python":
        (context / "ca").mkdir()
        for certificate in _CERTIFICATES.glob("*.crt"):
            shutil.copy(certificate, context / "ca")
        (context / "ca" / ".keep").touch()
    if name == "elasticsearch":
        home = ensure_elasticsearch(say=say)
        shutil.copytree(home, context / "home", ignore=shutil.ignore_patterns("*.jsa", "m2", "trial"))
        shutil.copy(Path(__file__).parents[2] / "tools/servers/java/log4j2.properties", context / "home")
    run(
        "docker",
        "build",
        "--quiet",
        f"--label={_LABEL}={_recipe(name)}",
        "--tag",
        image,
        context,
        env=environment,
        seconds=1800,
    )


def _ensure_base(suite: str, work: Path, environment: Mapping[str, str]) -> None:
    """Import a small Debian, made from this machine's package mirror."""
    image = f"aiwatch-standin/debian:{suite}"
    if _has(image, environment):
        return
    say(f"making a Debian {suite} (a minute or two)")
    root = work / f"debian-{suite}"
    shutil.rmtree(root, ignore_errors=True)
    run(
        *("debootstrap", "--variant=minbase", f"--include=ca-certificates{BASES[suite]}", suite, root, _mirror()),
        seconds=1800,
    )
    archive = work / f"debian-{suite}.tar"
    run("tar", "-C", root, "--exclude=./var/cache/apt/archives/*.deb", "-cf", archive, ".")
    run("docker", "import", archive, image, env=environment)
    archive.unlink()
    shutil.rmtree(root)


def _mirror() -> str:
    files = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    texts = "\n".join(path.read_text() for path in files if path.exists())
    found = re.search(r"^(?:URIs:|deb (?:\[[^\]]*\] )?)\s*(https?://\S+)", texts, re.MULTILINE)
    if not found:
        raise ComposeTestError(f"no package mirror in {files[0]}: stand-ins are made on Debian ({platform.system()})")
    return found[1]
