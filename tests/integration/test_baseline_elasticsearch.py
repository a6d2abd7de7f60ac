"""Profiles of hours in a real Elasticsearch, and a baseline of the predictions that it holds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import ApiError, Elasticsearch
from elasticsearch.helpers import scan

from aiwatch.catalogue.model import Catalogue, Framework
from aiwatch.profiles.baseline import baseline_path, read_baseline
from aiwatch.profiles.tables import stored
from aiwatch.provision.apply.elasticsearch_server import apply
from aiwatch.provision.generators.elasticsearch_templates import generate, retentions
from bench.faults.scores import Scores
from tests.integration.missing_shard import without_a_shard
from tools.servers import run

AIWATCH = (sys.executable, "-c", "from aiwatch.cli import main; main()")


class Site:
    """A model whose log an exporter reads into Elasticsearch."""

    def __init__(self, folder: Path, server: run.Elasticsearch, key: Path) -> None:
        self.folder = folder
        self.scores = Scores("card-fraud", seed=4)
        (folder / "catalogue" / "processes").mkdir(parents=True)
        self.log = folder / "logs" / "card-fraud" / "scores.jsonl"
        self.log.parent.mkdir(parents=True)
        self.scores.describe(folder / "catalogue")
        self.log.write_bytes(self.scores.make(6000))
        self._common = [
            f"--catalogue={folder / 'catalogue'}",
            f"--elasticsearch={server.url}",
            f"--api-key-file={key}",
        ]

    def run(self, command: str, *arguments: str) -> str:
        done = subprocess.run([*AIWATCH, command, *self._common, *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def export(self, state: str) -> None:
        self.run("export", f"--logs={self.folder / 'logs'}", f"--state={self.folder / state}", "--once")


@pytest.fixture(scope="module")
def site(es: Elasticsearch, elasticsearch_server: run.Elasticsearch, tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("baseline")
    apply(es, dict(generate(Catalogue(Framework(), ()))), folder, retentions(Framework()), datetime.now(UTC).date())
    site = Site(folder, elasticsearch_server, folder / "exporter-api-key")
    site.export("state")
    return site


def profiles(es: Elasticsearch) -> list[dict[str, object]]:
    es.indices.refresh(index="aiwatch-*")
    return [hit["_source"] for hit in scan(es, index="aiwatch-profiles-*")]


def test_the_profiles_are_exact_and_searched_by_hour_and_version(site: Site, es: Elasticsearch) -> None:
    found = profiles(es)
    assert site.scores.differences(found) == []
    assert len(found) == len(site.scores.profiles)
    (_, start), held = next(iter(site.scores.profiles.items()))
    query = {"bool": {"filter": [{"term": {"process": "card-fraud"}}, {"term": {"@timestamp": start.isoformat()}}]}}
    rows = es.search(index="aiwatch-profiles-*", query=query, aggs={"rows": {"sum": {"field": "rows"}}})
    assert rows["aggregations"]["rows"]["value"] == sum(
        profile.rows for (_, hour), profile in site.scores.profiles.items() if hour == start
    )
    assert es.count(index="aiwatch-profiles-*", query={"exists": {"field": "packed"}})["count"] == 0
    assert held.rows > 0


def test_an_exporter_that_finds_every_event_stored_already_counts_none_again(site: Site, es: Elasticsearch) -> None:
    (site.folder / "logs" / "card-fraud" / "copy.jsonl").write_bytes(b"\n" + site.log.read_bytes())
    site.export("another-state")
    (site.folder / "logs" / "card-fraud" / "copy.jsonl").unlink()
    assert site.scores.differences(profiles(es)) == []


def test_a_baseline_of_what_is_stored_is_that_of_the_log(site: Site, es: Elasticsearch) -> None:
    es.indices.refresh(index="aiwatch-*")
    path = baseline_path(site.folder / "catalogue", "card-fraud")
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    only_reads = f"--api-key-file={site.folder / 'baseline-api-key'}"
    said = site.run("baseline", "card-fraud", "--since=2d", f"--until={until}", "--version=7", only_reads)
    stored = read_baseline(path)
    assert f"{stored.source.rows} rows" in said
    assert stored.source.rows == sum(
        profile.rows for (version, _), profile in site.scores.profiles.items() if version == "7"
    )
    assert "is up to date" in site.run("baseline", "card-fraud", "--since=2d", f"--until={until}", "--version=7")
    lines = {line: json.loads(line) for line in site.log.read_text().splitlines()}  # each once
    log = site.folder / "log.jsonl"
    log.write_text("".join(f"{line}\n" for line, held in lines.items() if held["model_version"] == "7"))
    subprocess.run(
        [*AIWATCH, "baseline", "card-fraud", f"--catalogue={site.folder / 'catalogue'}", "--from", str(log)],
        check=True,
        capture_output=True,
    )
    again = read_baseline(path)
    assert again.features == stored.features
    assert (again.products, again.labels, again.fingerprint) == (stored.products, stored.labels, stored.fingerprint)


JANUARY = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]


def write_january(es: Elasticsearch, path: Path) -> int:
    return stored.write_predictions(es, "january", JANUARY[0], JANUARY[-1] + timedelta(days=1), None, path)


@pytest.fixture
def january(es: Elasticsearch) -> Iterator[list[str]]:
    """Three days of two predictions each; their indices."""
    indices = [f"aiwatch-predictions-{day:%Y.%m.%d}" for day in JANUARY]
    for day, index in zip(JANUARY, indices, strict=True):
        for hour in range(2):
            document = {"@timestamp": day + timedelta(hours=hour), "process": "january", "score": 0.5}
            es.index(index=index, document=document, refresh=True)
    yield indices
    es.options(ignore_status=404).indices.delete(index=indices)


def test_a_day_that_is_deleted_while_it_is_read_does_not_pass_for_one_without_predictions(
    es: Elasticsearch, january: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "_AT_ONCE", 2)
    assert write_january(es, tmp_path / "whole") == 6
    search = es.search

    def search_and_delete(**arguments: Any) -> Any:
        found = search(**arguments)
        es.options(ignore_status=404).indices.delete(index=january[-1])
        return found

    monkeypatch.setattr(es, "search", search_and_delete)
    with pytest.raises(ApiError):
        write_january(es, tmp_path / "half")


@pytest.mark.usefixtures("january")
def test_while_a_shard_is_not_there_no_predictions_are_read(es: Elasticsearch, tmp_path: Path) -> None:
    without_a_shard(es, absent := "aiwatch-predictions-2026.01.04")
    try:
        with pytest.raises(ApiError):
            write_january(es, tmp_path / "half")
    finally:
        es.indices.delete(index=absent)
