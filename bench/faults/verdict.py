"""What became of a fault: documents, profiles, metrics, Prometheus's view and dead letters, against the truth."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from elasticsearch.helpers import scan

from bench.faults.rig import Rig, RigError
from bench.faults.shown import EVENTS, differences, parse, scrape
from bench.faults.truth import series
from bench.faults.world import SCRAPE_SECONDS

SEEN = (
    *EVENTS,
    "aiwatch_lines_read_total",
    "aiwatch_records_total",
    "ai_latency_seconds_count",
    "ai_latency_seconds_sum",
)
SETTLE_SECONDS = 40.0


@dataclass
class Verdict:
    """One line of the table. ``wrong`` says in words whatever is not as it must be; all counts are of lines."""

    injected: int = 0
    lines: int = 0
    documents: int = 0
    expected_documents: int = 0
    counted: int = 0
    seen: float = 0.0
    letters: int = 0
    expected_letters: int = 0
    duplicates: int = 0
    lost: int = 0
    wrong: list[str] = field(default_factory=list)


def judge(rig: Rig, injected: int, patience: float = SETTLE_SECONDS) -> Verdict:
    """Let the exporter finish (it is started if need be), and compare everything that it made with the truth.

    What is still wrong after ``patience`` seconds in which nothing moved stays so.
    """
    truth = rig.truth
    verdict = Verdict(injected, truth.lines, expected_documents=truth.documents, expected_letters=len(truth.corrupt))
    if not rig.running:
        rig.start()
    wrong = _settled(rig, patience)
    shown = parse(scrape(rig.world.port), rig.name)
    verdict.counted = round(sum(number for (name, _), number in shown.items() if name in EVENTS))
    _scraped(rig)
    verdict.seen, unseen = _as_prometheus_saw(rig)
    rig.stop()
    again = rig.once()
    if again["lines"] or again["unread_bytes"]:
        wrong.append(
            f"after a restart {again['lines']} lines were read again, {again['unread_bytes']} bytes left unread"
        )
    verdict.wrong = wrong + unseen
    _judge_documents(rig, verdict)
    verdict.wrong += rig.scores.differences(stored_profiles(rig))
    _judge_letters(rig, verdict)
    return verdict


def _settled(rig: Rig, patience: float) -> list[str]:
    """Wait until the metrics are as they must be; return what is still wrong when they do not change any more."""
    until = time.monotonic() + patience
    before, wrong = "", ["the exporter shows nothing"]
    while time.monotonic() < until and wrong:
        if not rig.running:
            raise RigError(f"the exporter ended: {rig.said()[-500:]}")
        time.sleep(0.2)
        text = scrape(rig.world.port)
        found = parse(text, rig.name)
        if rig.resent:
            repeated = series("aiwatch_records_duplicate_total")
            rig.truth.sent_again(max(0, int(found.get(repeated, 0) - rig.truth.counters[repeated])))
        wrong = differences(found, rig.truth)
        scored = parse(text, rig.scores.process).get(series("aiwatch_lines_read_total"), 0)
        if scored != rig.scores.lines:
            wrong.append(f"{scored:g} lines of the model are read, not {rig.scores.lines}")
        if text != before and rig.metric("aiwatch_lag_bytes") > 0:
            before, until = text, time.monotonic() + patience
    return wrong


def _scraped(rig: Rig) -> None:
    """Wait until Prometheus has the last values, which do not change any more."""
    began = time.time()
    last = f'min(timestamp(aiwatch_lines_read_total{{process="{rig.name}"}}))'
    rig.wait(lambda: rig.world.query(last, time.time()) > began + SCRAPE_SECONDS, "get scraped", 20)


def _as_prometheus_saw(rig: Rig) -> tuple[float, list[str]]:
    """Return the increase of all events over the run, and what Prometheus saw otherwise than it was."""
    wrong: list[str] = []
    end = time.time()
    window = f"{math.ceil(end - rig.began) + 1}s"
    truth = rig.truth
    latencies = truth.observed["ai_latency_seconds"]
    expected = {name: float(sum(n for (each, _), n in truth.counters.items() if each == name)) for name in SEEN}
    expected |= {"ai_latency_seconds_count": len(latencies), "ai_latency_seconds_sum": sum(latencies)}
    seen = 0.0
    for name in SEEN:
        selected = f'{name}{{process="{rig.name}"}}[{window}]'
        increase = rig.world.query(f"sum(increase({selected}))", end)
        growth = f"(max_over_time({selected}) - min_over_time({selected}))"
        exact = rig.world.query(f"sum({growth})", end)
        # `increase` draws each series on beyond its last sample, for up to 1.1 times the distance between samples.
        rounding = rig.world.query(f"sum({growth} * 1.1 / (count_over_time({selected}) - 1))", end)
        resets = rig.world.query(f"sum(resets({selected}))", end)
        seen += increase if name in EVENTS else 0.0
        if resets:
            wrong.append(f"Prometheus saw {name} go back {resets:g} times")
        if exact != expected[name]:
            wrong.append(f"Prometheus saw {name} grow by {exact:g}, not {expected[name]:g}")
        if abs(increase - expected[name]) > rounding + 1e-6:
            wrong.append(f"increase({name}) is {increase:g}, not {expected[name]:g} within {rounding:g}")
    return seen, wrong


def _judge_documents(rig: Rig, verdict: Verdict) -> None:
    """Count the documents by the names that their events carry, whatever their ids are."""
    rig.world.client.indices.refresh(index="aiwatch-*")
    query = {"query": {"term": {"process": rig.name}}}
    index = "aiwatch-interactions-*,aiwatch-feedback-*"
    fields = ["user", "comment", "feedback.rating"]
    found: Counter[str] = Counter()
    rated: dict[str, str] = {}
    hit: dict[str, Any]
    for hit in scan(rig.world.client, query=query, index=index, source_includes=fields, size=5000):
        source = hit["_source"]
        known = source.get("user") or source.get("comment")
        found[known] += 1
        if "feedback" in source:
            rated[known] = source["feedback"]["rating"]
    verdict.documents = found.total()
    verdict.duplicates += found.total() - len(found)
    lost = rig.truth.known - found.keys()
    verdict.lost += len(lost)
    if lost:
        places = sorted(int(known[1:]) for known in lost)
        verdict.wrong.append(f"lost are lines {places[0]} to {places[-1]} of {rig.truth.lines}, not all between them")
    if strange := len(found.keys() - rig.truth.known):
        verdict.wrong.append(f"{strange} documents were never written")
    if rated != rig.truth.rated:
        right = len(rated.items() & rig.truth.rated.items())
        verdict.wrong.append(f"{right} of {len(rig.truth.rated)} ratings stand on their interactions")


def stored_profiles(rig: Rig) -> list[dict[str, Any]]:
    """Return the profiles of the model's hours that are stored."""
    rig.world.client.indices.refresh(index="aiwatch-*")
    query = {"query": {"term": {"process": rig.scores.process}}}
    return [hit["_source"] for hit in scan(rig.world.client, query=query, index="aiwatch-profiles-*")]


def _judge_letters(rig: Rig, verdict: Verdict) -> None:
    """Hold the dead letters against the lines that were spoiled."""
    path = rig.state / "dead-letters.ndjson"
    letters = [json.loads(line) for line in path.read_bytes().splitlines()]
    places = Counter((letter["stream"], letter["offset"]) for letter in letters)
    verdict.letters = len(letters)
    verdict.duplicates += places.total() - len(places)
    verdict.lost += max(0, len(rig.truth.corrupt) - len(places))
    if len(places) > len(rig.truth.corrupt):
        verdict.wrong.append(f"{len(places) - len(rig.truth.corrupt)} dead letters are of lines that were not spoiled")
