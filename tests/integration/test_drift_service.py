"""`aiwatch drift` on a real Elasticsearch, with a key that may do no more than it needs."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
from elasticsearch import ApiError, AuthorizationException, Elasticsearch

from aiwatch import names
from aiwatch.catalogue.model import Catalogue, Framework
from aiwatch.detect.hourly.chain import Link
from aiwatch.detect.hourly.store import DriftStore, StoredWindow
from aiwatch.profiles.baseline import FORMAT, Baseline, FeatureBaseline, Source, write_baseline
from aiwatch.profiles.document import document_of
from aiwatch.profiles.fold import Fold
from aiwatch.profiles.normal_scores import normal_scores
from aiwatch.profiles.profile import Categorical, Counts, Numeric, Profile
from aiwatch.profiles.result import RESULTS, Result, result_id, result_index
from aiwatch.provision.apply.elasticsearch_server import apply
from aiwatch.provision.generators.elasticsearch_templates import generate, retentions
from aiwatch.respond.elasticsearch_windows import ElasticsearchWindows
from aiwatch.respond.store import StoreError
from tests.integration.missing_shard import without_a_shard
from tools.servers import run
from tools.servers.process import free_port

AIWATCH = str(Path(sys.executable).with_name("aiwatch"))
NOW = datetime.now(UTC)
LAST = NOW.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
HOURS = 30
ROWS = 400
PROCESS = """\
name: fraud
title: Fraud
kind: classifier
business_unit: payments
owner: a@example.com
"""


def rows(rng: random.Random, number: int, shift: float = 0.0) -> Iterator[tuple[dict[str, Any], float]]:
    for _ in range(number):
        amount, country = rng.gauss(shift, 1.0), rng.choice(["DE", "DE", "FR", "NL"])
        yield {"amount": amount, "country": country}, min(1.0, max(0.0, rng.gauss(0.3, 0.1)))


def made_baseline() -> Baseline:
    edges = tuple(step / 4 for step in range(-8, 9))
    shapes = {
        "amount": Numeric(edges),
        "country": Categorical(("DE", "FR", "NL")),
        "score": Numeric(tuple(step / 20 for step in range(1, 12))),
    }
    plain = {name: FeatureBaseline(shape, Counts.empty(shape), (0,) * shape.bins) for name, shape in shapes.items()}
    source = Source(("training.csv",), "0" * 64, 20_000)
    bare = Baseline(FORMAT, "fraud", "1", NOW.replace(microsecond=0) - timedelta(days=9), source, plain)
    fold = Fold(bare)
    profile = fold.empty("1", LAST)
    for features, score in rows(random.Random(1), 20_000):
        fold.add(profile, features, score)
    held = {
        name: FeatureBaseline(shapes[name], counts, normal_scores(counts.bins))
        for name, counts in profile.features.items()
    }
    return msgspec.structs.replace(bare, features=held, repeats=0.9)  # so few bins repeat themselves


BASELINE = made_baseline()


def hour(ago: int) -> datetime:
    return LAST - timedelta(hours=ago)


def made_profile(ago: int, shift: float = 0.0, number: int = ROWS, seed: str = "") -> Profile:
    fold = Fold(BASELINE)
    profile = fold.empty("1", hour(ago))
    for features, score in rows(random.Random(f"{ago}{seed}"), number, shift):
        fold.add(profile, features, score)
    return profile


def put(es: Elasticsearch, profile: Profile, part: str = "a") -> None:
    document = document_of(profile, part)
    es.index(index=document.index, id=document.id, document=msgspec.to_builtins(document), refresh=True)


@pytest.fixture
def key(es: Elasticsearch, tmp_path: Path) -> Path:
    """The file of the drift service's own key, on a server whose drift results are empty."""
    if names_ := list(es.indices.get(index="aiwatch-*")):
        es.indices.delete(index=names_)
    apply(es, dict(generate(Catalogue(Framework(), ()))), tmp_path / "secrets", retentions(Framework()), NOW.date())
    return tmp_path / "secrets" / "drift-api-key"


@pytest.fixture
def store(key: Path, elasticsearch_server: run.Elasticsearch) -> Iterator[DriftStore]:
    with Elasticsearch(elasticsearch_server.url, api_key=key.read_text()) as client:
        yield DriftStore(client)


def stored(ago: int) -> StoredWindow:
    result = Result(
        id=result_id("fraud", hour(ago)),
        time=hour(ago),
        end=hour(ago - 1),
        process="fraud",
        model_version="1",
        baseline=BASELINE.fingerprint,
        rows=7,
        state="ok",
        findings=(),
        report={"much": ["of", "it"]},
    )
    return StoredWindow(result, Link(hour(ago), hour(ago - 1), 7, BASELINE.fingerprint), b"memory\x00")


def test_without_any_index_there_is_nothing_and_no_error(store: DriftStore) -> None:
    assert store.seen("fraud", "b", None) == {}
    assert store.profiles("fraud", "b", hour(9), hour(0)) == []
    assert store.links("fraud", hour(9)) == []
    assert store.tested("fraud", hour(9)) is None


def test_the_parts_of_an_hour_are_added_up_for_one_process_and_one_baseline(
    es: Elasticsearch, store: DriftStore
) -> None:
    for part, number in (("a", 10), ("b", 30)):
        put(es, made_profile(3, number=number), part)
    put(es, made_profile(5, number=4))
    put(es, msgspec.structs.replace(made_profile(3), process="other"))
    put(es, msgspec.structs.replace(made_profile(3), baseline="former"), "c")
    seen = store.seen("fraud", BASELINE.fingerprint, None)
    assert seen == {hour(5): 4, hour(3): 40}
    assert store.seen("fraud", BASELINE.fingerprint, hour(4)) == {hour(3): 40}
    found = store.profiles("fraud", BASELINE.fingerprint, hour(9), hour(0))
    assert [(each.start, each.rows) for each in found] == [(hour(5), 4), (hour(3), 40)]


def test_more_results_than_one_answer_holds_are_all_read(es: Elasticsearch, store: DriftStore) -> None:
    for ago in range(600, 0, -1):
        store.put(stored(ago))
    es.indices.refresh(index=RESULTS)
    assert [link.start for link in store.links("fraud", hour(550))] == [hour(ago) for ago in range(551, 0, -1)]
    assert len(store.results("fraud", BASELINE.fingerprint, hour(600), hour(0))) == 600


def test_a_tested_window_comes_back_as_it_was_and_its_report_with_it(es: Elasticsearch, store: DriftStore) -> None:
    store.put(stored(2))
    store.put(stored(2))
    assert store.tested("fraud", hour(2)) == stored(2)
    es.indices.refresh(index=RESULTS)
    [result] = store.results("fraud", BASELINE.fingerprint, hour(9), hour(0))
    assert store.results("fraud", "former", hour(9), hour(0)) == []
    assert result.report == {}
    assert es.count(index=RESULTS)["count"] == 1


def test_results_that_are_none_any_more_are_removed_and_no_others(es: Elasticsearch, store: DriftStore) -> None:
    for ago in (5, 4, 3, 2, 1):
        store.put(stored(ago))
    es.indices.refresh(index=RESULTS)
    store.remove_others("fraud", hour(4), hour(1), [stored(3).link])
    es.indices.refresh(index=RESULTS)
    assert [link.start for link in store.links("fraud", hour(99))] == [hour(5), hour(3), hour(1)]


def test_the_key_can_do_no_more_than_the_service_needs(
    key: Path, store: DriftStore, elasticsearch_server: run.Elasticsearch, es: Elasticsearch
) -> None:
    put(es, made_profile(2))
    with Elasticsearch(elasticsearch_server.url, api_key=key.read_text()) as client:
        for forbidden in (
            lambda: client.index(index=f"aiwatch-profiles-{hour(2):%Y.%m.%d}", document={}),
            lambda: client.search(index="aiwatch-predictions-2026.03.01"),
            lambda: client.indices.delete(index=result_index(result_id("fraud", hour(2)))),
            lambda: client.search(index=names.INDEX_NOTIFICATIONS),
        ):
            with pytest.raises(AuthorizationException):
                forbidden()


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    folder = tmp_path / "catalogue"
    (folder / "processes").mkdir(parents=True)
    (folder / "processes" / "fraud.yml").write_text(PROCESS)
    (folder / "baselines").mkdir()
    (folder / "baselines" / "fraud.json").write_bytes(write_baseline(BASELINE))
    return folder


def command(catalogue: Path, key: Path, server: run.Elasticsearch, *arguments: str) -> list[str]:
    to_es = [f"--elasticsearch={server.url}", f"--api-key-file={key}"]
    return [AIWATCH, "drift", f"--catalogue={catalogue}", *to_es, *arguments]


def call(*parts: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*parts), capture_output=True, text=True, timeout=120, check=False)


def documents(es: Elasticsearch) -> dict[str, Any]:
    es.indices.refresh(index=RESULTS)
    hits = es.search(index=RESULTS, size=1000)["hits"]["hits"]
    return {hit["_id"]: hit["_source"] for hit in hits}


@pytest.fixture
def past(es: Elasticsearch, key: Path) -> None:
    """Thirty hours of predictions, in the last six of which the amounts are others."""
    for ago in range(HOURS):
        put(es, made_profile(ago, shift=1.0 if ago < 6 else 0.0))


@pytest.mark.usefixtures("past")
def test_the_past_is_tested_once_with_cause_and_report_and_what_was_found_is_said(
    es: Elasticsearch, key: Path, catalogue: Path, elasticsearch_server: run.Elasticsearch
) -> None:
    done = call(catalogue, key, elasticsearch_server, "--once", "--fail-on-drift")
    assert done.returncode == 3, done.stderr
    assert done.stdout.startswith("fraud: drift: amount; likely cause: ")
    found = documents(es)
    drifted = sorted(id_ for id_, each in found.items() if each["state"] == "drift")
    assert drifted[0] in {result_id("fraud", hour(ago)) for ago in (3, 4, 5)}
    last = found[drifted[-1]]
    assert last["causes"][0]["evidence"]
    assert last["text"]
    assert last["report"]
    again = call(catalogue, key, elasticsearch_server, "--once")
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert documents(es) == found


@pytest.mark.usefixtures("past")
def test_killed_again_and_again_it_comes_to_the_results_of_one_that_was_not(
    es: Elasticsearch, key: Path, catalogue: Path, elasticsearch_server: run.Elasticsearch
) -> None:
    assert call(catalogue, key, elasticsearch_server, "--once").returncode == 0
    undisturbed = documents(es)
    for id_ in undisturbed:
        es.delete(index=result_index(id_), id=id_)
    es.indices.refresh(index=RESULTS)
    interrupted = 0
    for _ in range(40):
        before = len(documents(es))
        process = subprocess.Popen(
            command(catalogue, key, elasticsearch_server, "--once"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while process.poll() is None and len(documents(es)) < min(before + 5, HOURS - 1):
            time.sleep(0.01)
        interrupted += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        if len(documents(es)) >= HOURS - 2:
            break
    assert interrupted >= 2
    assert call(catalogue, key, elasticsearch_server, "--once").returncode == 0
    assert documents(es) == undisturbed


@pytest.mark.usefixtures("past")
def test_the_service_shows_the_newest_window_takes_late_rows_and_stops_when_told(
    es: Elasticsearch, key: Path, catalogue: Path, elasticsearch_server: run.Elasticsearch, tmp_path: Path
) -> None:
    port = free_port()
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            command(catalogue, key, elasticsearch_server, f"--listen=127.0.0.1:{port}"), stderr=log
        )
    try:
        until = time.monotonic() + 60
        shown = ""
        while f'{names.DRIFT_DETECTED}{{feature="amount",process="fraud"}}' not in shown:
            assert time.monotonic() < until, (tmp_path / "log").read_text()
            assert process.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.2)
            try:
                shown = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text
            except requests.ConnectionError:
                continue
        assert f'{names.DRIFT_STATE}{{process="fraud",state="drift"}} 1.0' in shown
        report = shown.partition(f'{names.DRIFT_REPORT_INFO}{{process="fraud",report="')[2].partition('"')[0]
        assert documents(es)[report]["state"] == "drift"
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0, (tmp_path / "log").read_text()
    put(es, made_profile(20, seed="late"), "late")
    assert call(catalogue, key, elasticsearch_server, "--once").returncode == 0
    assert documents(es)[result_id("fraud", hour(20))]["rows"] == 2 * ROWS


def test_without_elasticsearch_it_says_so_and_fails(catalogue: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("none")
    away = command(catalogue, tmp_path / "key", type("Away", (), {"url": f"http://127.0.0.1:{free_port()}"}), "--once")
    done = subprocess.run(away, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "could not be tested: fraud" in done.stderr
    assert "waits for Elasticsearch" in done.stderr


@pytest.mark.parametrize("kind", ["profiles", "results"])
def test_while_a_part_of_the_past_cannot_be_read_nothing_is_answered(
    es: Elasticsearch, store: DriftStore, kind: str
) -> None:
    put(es, made_profile(3))
    store.put(stored(3))
    es.indices.refresh(index=RESULTS)
    if kind == "profiles":
        without_a_shard(es, f"aiwatch-profiles-{hour(40):%Y.%m.%d}")
        asked = [
            lambda: store.seen("fraud", BASELINE.fingerprint, None),
            lambda: store.profiles("fraud", BASELINE.fingerprint, hour(9), hour(0)),
        ]
    else:
        without_a_shard(es, result_index(result_id("fraud", hour(24 * 40))))
        asked = [
            lambda: store.links("fraud", hour(24 * 41)),
            lambda: store.results("fraud", BASELINE.fingerprint, hour(24 * 41), hour(0)),
            lambda: ElasticsearchWindows(es).find("fraud", hour(3)),
        ]
    for ask in asked:
        with pytest.raises((ApiError, StoreError)):
            ask()
