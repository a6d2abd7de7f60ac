from __future__ import annotations

from pathlib import Path

import pytest

from aiwatch.ingest.group.config import KafkaConfigError, consumer_config


def test_properties_of_a_file_are_added(tmp_path: Path) -> None:
    file = tmp_path / "client"
    file.write_text("# how to log in\n\nsasl.username = aiwatch\nsasl.password=a=b\nsession.timeout.ms=6000\n")
    config = consumer_config("a:9092,b:9092", "watch", file)
    assert (config["bootstrap.servers"], config["group.id"]) == ("a:9092,b:9092", "watch")
    assert (config["sasl.username"], config["sasl.password"]) == ("aiwatch", "a=b")
    assert config["session.timeout.ms"] == "6000"
    assert config["enable.auto.commit"] == "false"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\nsasl.username\n", r"client:2: write key=value"),
        ("enable.auto.commit=true\n", r"client:1: enable.auto.commit is not to be set here"),
        ("group.id=other\n", r"client:1: group.id is not to be set here"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(text: str, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "client"
    file.write_text(text)
    with pytest.raises(KafkaConfigError, match=problem):
        consumer_config("a:9092", "watch", file)


@pytest.mark.parametrize("group", ["", "a b", "a/b", "a" * 101, "a:b"])
def test_a_group_has_a_plain_name(group: str) -> None:
    with pytest.raises(KafkaConfigError, match="--kafka-group"):
        consumer_config("a:9092", group, None)
