"""Real customers' queries on their way through bot, log, exporter and Elasticsearch: every count is right."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from prometheus_client.parser import text_string_to_metric_families

from aiwatch import names
from tests.integration import banking77_bot as bot
from tools.demo.programs import AIWATCH
from tools.servers import run

ABSENT = bot.why_absent(bot.testbeds())
pytestmark = pytest.mark.skipif(ABSENT is not None, reason=str(ABSENT))

PROCESS = "bank-bot"
CATALOGUE = f"""\
name: {PROCESS}
title: Bank bot
kind: chat
business_unit: retail
owner: bots@example.com
"""


@dataclass(frozen=True, slots=True)
class Exported:
    """What the bot wrote, and what the exporter made of it: its report and its metrics."""

    expected: bot.Expected
    report: dict[str, Any]
    metrics: dict[str, list[tuple[dict[str, str], float]]]


def aiwatch(*arguments: str | Path) -> str:
    done = subprocess.run([AIWATCH, *arguments], capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def read_metrics(path: Path) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(path.read_text()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


@pytest.fixture(scope="module")
def exported(
    es: Elasticsearch, elasticsearch_server: run.Elasticsearch, tmp_path_factory: pytest.TempPathFactory
) -> Exported:
    folder = tmp_path_factory.mktemp("banking77")
    (folder / "catalogue" / "processes").mkdir(parents=True)
    (folder / "catalogue" / "processes" / f"{PROCESS}.yml").write_text(CATALOGUE)
    (folder / "password").write_text(elasticsearch_server.password)
    server = f"--elasticsearch={elasticsearch_server.url}"
    catalogue = f"--catalogue={folder / 'catalogue'}"
    applied = (f"--root={folder}", f"--secrets={folder / 'secrets'}", f"--password-file={folder / 'password'}")
    aiwatch("provision", catalogue, *applied, "--apply", server)
    log = folder / "logs" / PROCESS / "live.jsonl"
    log.parent.mkdir(parents=True)
    expected = bot.answer_test_part(log, bot.testbeds(), datetime.now(UTC))
    report = aiwatch(
        "export",
        "--once",
        "--json",
        catalogue,
        server,
        f"--logs={folder / 'logs'}",
        f"--state={folder / 'state'}",
        f"--api-key-file={folder / 'secrets' / 'exporter-api-key'}",
        f"--metrics-file={folder / 'metrics.txt'}",
    )
    es.indices.refresh(index="aiwatch-*")
    return Exported(expected, json.loads(report), read_metrics(folder / "metrics.txt"))


def summed(exported: Exported, metric: str, label: str = "process") -> dict[str, float]:
    """Return the samples of a metric, added up by a label."""
    found: Counter[str] = Counter()
    for labels, value in exported.metrics[metric]:
        assert labels["process"] == PROCESS
        found[labels[label]] += value
    return dict(found)


def terms(es: Elasticsearch, family: str, field: str) -> dict[str, int]:
    """Return how many documents have each value of a field."""
    answer = es.search(
        index=f"aiwatch-{family}-*",
        size=0,
        query={"term": {"process": PROCESS}},
        aggs={"values": {"terms": {"field": field, "size": 1000}}},
    )
    return {bucket["key"]: bucket["doc_count"] for bucket in answer["aggregations"]["values"]["buckets"]}


def test_the_bot_understands_most_customers(exported: Exported) -> None:
    assert exported.expected.interactions == 3080
    assert exported.expected.accuracy > 0.75


def test_the_report_counts_every_line(exported: Exported) -> None:
    report, expected = exported.report, exported.expected
    assert report["lines"] == report["records"] == expected.interactions + expected.feedback
    assert report["by_process"] == {PROCESS: {"interaction": expected.interactions, "feedback": expected.feedback}}
    assert (report["rejected"], report["duplicates"], report["unread_bytes"]) == ({}, 0, 0)


def test_the_metrics_count_what_was_written(exported: Exported) -> None:
    expected = exported.expected
    assert summed(exported, names.INTERACTIONS_TOTAL, "intent") == expected.by_intent
    assert summed(exported, names.INTERACTIONS_TOTAL, "outcome") == expected.by_outcome
    assert summed(exported, names.FEEDBACK_TOTAL, "rating") == expected.by_rating
    assert summed(exported, f"{names.CONFIDENCE_RATIO}_count") == {PROCESS: expected.interactions}
    confidence = summed(exported, f"{names.CONFIDENCE_RATIO}_sum")[PROCESS]
    assert confidence == pytest.approx(expected.confidence_sum, abs=0.01)
    assert summed(exported, names.RECORDS_TOTAL, "record") == {
        "interaction": expected.interactions,
        "feedback": expected.feedback,
    }


def test_the_documents_are_those_that_were_written(exported: Exported, es: Elasticsearch) -> None:
    expected = exported.expected
    assert terms(es, "interactions", "intent") == expected.by_intent
    assert terms(es, "interactions", "outcome") == expected.by_outcome
    assert terms(es, "feedback", "rating") == expected.by_rating
    total = es.search(index="aiwatch-interactions-*", size=0, aggs={"sum": {"sum": {"field": "confidence"}}})
    assert total["aggregations"]["sum"]["value"] == pytest.approx(expected.confidence_sum, abs=0.01)


def test_every_rating_is_joined_onto_its_interaction(exported: Exported, es: Elasticsearch) -> None:
    assert terms(es, "interactions", "feedback.rating") == exported.expected.by_rating
