"""A short run of the faults of `make bench-faults`, and whether its verdicts notice what they are there for."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from elasticsearch import Elasticsearch

from bench.faults.fault import Fault
from bench.faults.rig import Rig
from bench.faults.run import inject
from bench.faults.scenarios import FAULTS
from bench.faults.verdict import judge, stored_profiles
from bench.faults.world import World, around
from tools.servers import run


@pytest.fixture(scope="module")
def world(
    es: Elasticsearch, elasticsearch_server: run.Elasticsearch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with around(tmp_path_factory.mktemp("faults"), elasticsearch_server) as world:
        yield world


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.short], ids=lambda fault: fault.name)
def test_nothing_is_lost_stored_twice_or_counted_twice_under(fault: Fault, world: World) -> None:
    row = inject(world, fault, fault.short)
    if row.skipped:
        pytest.skip(row.skipped)
    assert not row.complaints


def test_a_verdict_notices_what_is_missing_twice_and_miscounted(world: World) -> None:
    with Rig(world, "noticed") as rig:
        rig.write(400)
        rig.start()
        rig.catch_up()
        world.client.indices.refresh(index="aiwatch-*")
        mine = {"term": {"process": "noticed"}}
        first, second = world.client.search(index="aiwatch-interactions-*", query=mine, size=2)["hits"]["hits"]
        world.client.delete(index=first["_index"], id=first["_id"])
        world.client.index(index=second["_index"], id="another", document=second["_source"])
        rig.truth.counters["aiwatch_lines_read_total", ()] += 1
        rig.scores.lines += 1
        stored = next(iter(rig.scores.profiles.values()))
        stored.features["amount"].bins[3] += 1
        verdict = judge(rig, 0, patience=2.0)
    assert (verdict.lost, verdict.duplicates) == (1, 1)
    assert any("aiwatch_lines_read_total{} is 400, not 401" in words for words in verdict.wrong)
    assert any("100 lines of the model are read, not 101" in words for words in verdict.wrong)
    assert any("the profile of version" in words for words in verdict.wrong)
    assert any("Prometheus saw aiwatch_lines_read_total grow by 400, not 401" in words for words in verdict.wrong)


def test_after_a_reset_documents_are_recognised_and_counters_start_again(world: World) -> None:
    with Rig(world, "reset", nameless_share=0.0) as rig:
        rig.write(500)
        before = rig.once()
        done = rig.run("checkpoint", "reset", "--yes", f"--state={rig.state}")
        assert done.returncode == 0, done.stderr
        again = rig.once()
        assert (again["lines"], again["records"]) == (625, 0)
        assert again["duplicates"] == before["records"] + before["duplicates"]
        assert again["rejected"] == before["rejected"]
        world.client.indices.refresh(index="aiwatch-*")
        mine = {"terms": {"process": ["reset", "reset-model"]}}
        events = "aiwatch-*,-aiwatch-profiles-*"
        assert world.client.count(index=events, query=mine)["count"] == before["records"]
        assert rig.scores.differences(stored_profiles(rig)) == []
        letters = (rig.state / "dead-letters.ndjson").read_bytes().splitlines()
        assert {json.loads(letter)["path"] for letter in letters} == {str(rig.log)}
        assert len(letters) == len(rig.truth.corrupt)
