from pathlib import Path

import pytest

from tools.servers import kafka


def test_a_change_of_what_is_fetched_makes_another_cache_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = kafka.entry()
    assert before.startswith(f"kafka-{kafka.KAFKA_VERSION}-")
    for source in kafka.KAFKA_FOLDER.iterdir():
        (tmp_path / source.name).write_bytes(source.read_bytes())
    monkeypatch.setattr(kafka, "KAFKA_FOLDER", tmp_path)
    assert kafka.entry() == before
    (tmp_path / "pom.xml").write_text("other")
    assert kafka.entry() != before


def test_the_version_asked_of_maven_is_the_one_that_is_named() -> None:
    pom = (kafka.KAFKA_FOLDER / "pom.xml").read_text()
    assert f"<kafka.version>{kafka.KAFKA_VERSION}</kafka.version>" in pom


def test_a_broker_listens_on_loopback_and_writes_below_its_folder_only(tmp_path: Path) -> None:
    settings = dict(line.split("=", 1) for line in kafka.properties(tmp_path, 9092, 9093).splitlines())
    assert settings["listeners"] == "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"
    assert settings["controller.quorum.voters"] == "1@127.0.0.1:9093"
    assert Path(settings["log.dirs"]).parent == tmp_path
