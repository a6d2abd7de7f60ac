from pathlib import Path

import pytest

from tools.servers import jars
from tools.servers.commands import ServerError


def test_a_change_of_what_is_compiled_makes_another_cache_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = jars.entry()
    assert before.startswith(f"elasticsearch-{jars.ELASTICSEARCH_VERSION}-")
    for source in jars.JAVA_FOLDER.iterdir():
        (tmp_path / source.name).write_bytes(source.read_bytes())
    monkeypatch.setattr(jars, "JAVA_FOLDER", tmp_path)
    assert jars.entry() == before
    (tmp_path / "EsNode.java").write_text("other")
    assert jars.entry() != before


def test_the_version_asked_of_maven_is_the_one_that_is_arranged() -> None:
    pom = (jars.JAVA_FOLDER / "pom.xml").read_text()
    assert f"<elasticsearch.version>{jars.ELASTICSEARCH_VERSION}</elasticsearch.version>" in pom


def test_an_old_java_is_refused_with_the_command_that_installs_a_newer_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    java.chmod(0o755)
    for tool in ("javac", "mvn"):
        (tmp_path / tool).symlink_to(java)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerError, match=r"needs Java 17, and .*/java is 11: apt-get install openjdk-17"):
        jars.ensure(say=print)
