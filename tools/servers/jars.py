"""Elasticsearch from its published jars: fetched by Maven, arranged as a home folder, tried once."""

import hashlib
import platform
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import NamedTuple

from tools.servers import cache, node
from tools.servers.commands import Say, ServerError, require, run_logged

JAVA_FOLDER = Path(__file__).with_name("java")
ELASTICSEARCH_VERSION = "8.19.21"
JAVA_MINIMUM = 17
MAVEN_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies"
TRIAL_STOP_SECONDS = 120.0

# Jars that only repeat classes of another one; Elasticsearch refuses to start with both.
DUPLICATE_JARS = ("jakarta.activation-1.2.1.jar", "jcip-annotations-1.0-1.jar", "listenablefuture-*.jar")


class Module(NamedTuple):
    """A part of Elasticsearch that is loaded as a module: its jar, what it extends, further jars."""

    name: str
    extends: str = ""
    jars: tuple[str, ...] = ()


MODULES = (
    Module("transport-netty4"),
    Module("x-pack-core", jars=("x-pack-template-resources",)),
    Module("x-pack-security", extends="x-pack-core"),
)


def ensure(say: Say) -> Path:
    """The home folder of Elasticsearch, for `node.Elasticsearch`. Needs Java, and once javac and Maven."""
    require(tools_to_install())
    _check_java()

    def build(home: Path, log: Path) -> None:
        say(f"installing Elasticsearch {ELASTICSEARCH_VERSION} into {cache.cache_folder()} (once)")
        fetch_jars(JAVA_FOLDER / "pom.xml", home, log, "Elasticsearch's jars (80 MB)", say)
        _drop_duplicates(home)
        _arrange_modules(home)
        _link_zstd(home)
        _compile_java(home, log, say)
        _try_out(home, log, say)

    return cache.ensure(entry(), build, say=say)


def entry() -> str:
    """Name in the cache: a change of what is put together here makes another entry."""
    digest = hashlib.sha256(repr((MODULES, DUPLICATE_JARS, MAVEN_GOAL)).encode())
    for source in sorted(JAVA_FOLDER.iterdir()):
        digest.update(source.read_bytes())
    return f"elasticsearch-{ELASTICSEARCH_VERSION}-{digest.hexdigest()[:8]}"


def tools_to_install() -> set[str]:
    """What must be on PATH to install it; only Java, which runs it, once that is done."""
    return {"java"} if cache.cached(entry()) else {"java", "javac", "mvn"}


def _check_java() -> None:
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    version = re.search(r'version "(\d+)', said.stderr)
    if not version or int(version[1]) < JAVA_MINIMUM:
        raise ServerError(
            f"Elasticsearch needs Java {JAVA_MINIMUM}, and {shutil.which('java')} is "
            f"{version[1] if version else 'of an unknown version'}: apt-get install openjdk-17-jdk-headless"
        )


def fetch_jars(pom: Path, home: Path, log: Path, what: str, say: Say) -> None:
    """Fetch all jars of ``pom`` into lib/, through a fresh local repository: so Maven's strict check sees each."""
    repository = home / "m2"
    run_logged(
        [
            "mvn",
            "--batch-mode",
            "--strict-checksums",
            f"-Dmaven.repo.local={repository}",
            f"--file={pom}",
            MAVEN_GOAL,
            f"-DoutputDirectory={home / 'lib'}",
            "-DincludeScope=runtime",
        ],
        log=log,
        what=f"fetching {what} with Maven",
        say=say,
    )
    shutil.rmtree(repository)


def _drop_duplicates(home: Path) -> None:
    """Remove the jars that Elasticsearch refuses to start with."""
    for pattern in DUPLICATE_JARS:
        for jar in (home / "lib").glob(pattern):
            jar.unlink()


def _arrange_modules(home: Path) -> None:
    """Move each module's jars out of lib/ into a folder with its descriptor."""
    (home / "plugins").mkdir()
    for module in MODULES:
        folder = home / "modules" / module.name
        folder.mkdir(parents=True)
        jars = [f"{name}-{ELASTICSEARCH_VERSION}.jar" for name in (module.name, *module.jars)]
        for jar in jars:
            (home / "lib" / jar).rename(folder / jar)
        with zipfile.ZipFile(folder / jars[0]) as own:
            published = own.read(f"META-INF/es-plugins/{module.name}/plugin-descriptor.properties").decode()
        (folder / "plugin-descriptor.properties").write_text(descriptor(published, module.extends))
    # Security wraps the HTTP transport, without declaring that it needs its classes.
    netty = f"transport-netty4-{ELASTICSEARCH_VERSION}.jar"
    shutil.copy2(home / "modules" / "transport-netty4" / netty, home / "modules" / "x-pack-security")


def descriptor(published: str, extends: str) -> str:
    """A module's descriptor, without what holds only in the official archive: Java modules, absent plugins.

    >>> descriptor("# comment\\nname=a\\nmodulename=org.a\\nextended.plugins=b,c\\n", "b")
    'name=a\\nextended.plugins=b\\n'
    """
    dropped = ("#", "modulename", "extended")
    kept = [line for line in published.splitlines() if line and not line.startswith(dropped)]
    if extends:
        kept.append(f"extended.plugins={extends}")
    return "".join(f"{line}\n" for line in kept)


def _link_zstd(home: Path) -> None:
    """Give Elasticsearch the system's zstd, where there is one, for the index codecs that use it."""
    machine = {"x86_64": "linux-x64", "aarch64": "linux-aarch64"}.get(platform.machine())
    library = next(Path("/usr/lib").glob(f"{platform.machine()}-*/libzstd.so.1"), None)
    if machine and library:
        folder = home / "lib" / "platform" / machine
        folder.mkdir(parents=True)
        shutil.copy2(library.resolve(), folder / "libzstd.so")


def _compile_java(home: Path, log: Path, say: Say) -> None:
    """Compile the launcher into lib/, and the stand-ins into a module."""
    classes = home / "classes"
    run_logged(
        ["javac", "-nowarn", "-d", classes, "-cp", f"{home / 'lib'}/*", *sorted(JAVA_FOLDER.glob("*.java"))],
        log=log,
        what="compiling the launcher",
        say=say,
    )
    extras = home / "modules" / "aiwatch-extras"
    extras.mkdir()
    _write_jar(home / "lib" / "aiwatch-node.jar", classes, "*.class")
    _write_jar(extras / "aiwatch-extras.jar", classes, "aiwatch/*.class")
    (extras / "plugin-descriptor.properties").write_text(
        "name=aiwatch-extras\n"
        "description=stand-ins for modules that are not published\n"
        "version=1\n"
        "classname=aiwatch.Extras\n"
        f"java.version={JAVA_MINIMUM}\n"
        f"elasticsearch.version={ELASTICSEARCH_VERSION}\n"
    )
    shutil.rmtree(classes)


def _write_jar(jar: Path, classes: Path, pattern: str) -> None:
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as file:
        for compiled in sorted(classes.glob(pattern)):
            file.write(compiled, compiled.relative_to(classes))


def _try_out(home: Path, log: Path, say: Say) -> None:
    """Start it once: shows that it works, and leaves the class archive that makes later starts faster."""
    run_dir = home / "trial"
    archive = f"-XX:ArchiveClassesAtExit={home / node.CLASS_ARCHIVE}"
    say("  starting it once, to try it and to speed up later starts ...")
    with node.Elasticsearch(home, run_dir, jvm=[archive], log=log, say=say).start() as server:
        say("  it works; writing its class archive ...")
        server.stop(TRIAL_STOP_SECONDS)
    shutil.rmtree(run_dir)
