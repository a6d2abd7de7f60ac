"""What Elasticsearch is told fits what the exporter and the responder send."""

from __future__ import annotations

import json
from dataclasses import replace
from fnmatch import fnmatch
from typing import Any, get_args

import msgspec
import pytest

from aiwatch import names
from aiwatch.catalogue.model import Catalogue, Framework
from aiwatch.kinds import KINDS
from aiwatch.kinds.base import RecordType
from aiwatch.provision.generators.elasticsearch_templates import (
    NOTIFICATION_PROPERTIES,
    MappingConflictError,
    family_properties,
    generate,
)
from aiwatch.respond.elasticsearch_store import MAPPINGS, SETTINGS
from aiwatch.respond.trail import Entry

FOLDER = "elasticsearch/generated"
TREE = generate(Catalogue(Framework(), ()))
POLICIES = {
    "drift": "aiwatch-drift",
    **dict.fromkeys(("feedback", "interactions", "predictions", "profiles"), "aiwatch"),
}
RECORDS = [pytest.param(record, id=f"{kind.name}-{record.name}") for kind in KINDS for record in kind.records]


def content(path: str, tree: Any = TREE) -> Any:
    return json.loads(tree[f"{FOLDER}/{path}.json"])


def test_there_is_a_template_for_each_family_two_policies_and_a_role_for_each_key() -> None:
    assert sorted(TREE) == [
        f"{FOLDER}/index_templates/aiwatch-drift.json",
        f"{FOLDER}/index_templates/aiwatch-feedback.json",
        f"{FOLDER}/index_templates/aiwatch-interactions.json",
        f"{FOLDER}/index_templates/aiwatch-notifications.json",
        f"{FOLDER}/index_templates/aiwatch-predictions.json",
        f"{FOLDER}/index_templates/aiwatch-profiles.json",
        f"{FOLDER}/index_templates/aiwatch-responses.json",
        f"{FOLDER}/lifecycle/aiwatch-drift.json",
        f"{FOLDER}/lifecycle/aiwatch.json",
        f"{FOLDER}/roles/baseline.json",
        f"{FOLDER}/roles/drift.json",
        f"{FOLDER}/roles/exporter.json",
        f"{FOLDER}/roles/grafana.json",
        f"{FOLDER}/roles/responder.json",
    ]


@pytest.mark.parametrize("record", RECORDS)
def test_every_field_of_a_record_is_mapped(record: RecordType) -> None:
    mapped = content(f"index_templates/aiwatch-{record.family}")["template"]["mappings"]["properties"]
    fields = {field.encode_name for field in msgspec.structs.fields(record.struct)}
    assert fields | {"process", "log", "attributes", "type"} <= mapped.keys()


def test_feedback_is_mapped_on_the_interaction_as_well() -> None:
    interaction = content("index_templates/aiwatch-interactions")["template"]["mappings"]["properties"]
    assert set(interaction["feedback"]["properties"]) == {"@timestamp", "rating", "comment"}


@pytest.mark.parametrize(("family", "policy"), POLICIES.items())
def test_indices_of_a_family_take_only_mapped_fields_and_age_by_the_day_in_their_name(family: str, policy: str) -> None:
    template = content(f"index_templates/aiwatch-{family}")
    assert template["index_patterns"] == [f"aiwatch-{family}-*"]
    assert template["template"]["mappings"]["dynamic"] is False
    assert template["template"]["settings"]["index"]["lifecycle"] == {
        "name": policy,
        "parse_origination_date": "true",
    }


def test_only_field_types_of_the_core_are_used() -> None:
    core = {"boolean", "date", "double", "flattened", "float", "integer", "keyword", "long", "object", "text"}
    used = {
        mapping.get("type", "object")
        for path in TREE
        if "index_templates" in path
        for mapping in json.loads(TREE[path])["template"]["mappings"]["properties"].values()
    }
    assert used <= core


def test_notifications_are_mapped_as_the_responder_stores_them() -> None:
    template = content("index_templates/aiwatch-notifications")
    assert template["index_patterns"] == [names.INDEX_NOTIFICATIONS]
    assert MAPPINGS["properties"] == NOTIFICATION_PROPERTIES
    assert template["template"]["mappings"]["dynamic"] == MAPPINGS["dynamic"]
    settings = template["template"]["settings"]["index"]
    assert settings == {name: str(value) for name, value in SETTINGS.items()}


@pytest.mark.parametrize("entry", get_args(Entry))
def test_every_field_of_an_entry_of_a_trail_is_mapped(entry: type[msgspec.Struct]) -> None:
    mapped = content("index_templates/aiwatch-responses")["template"]["mappings"]["properties"]
    assert {field.encode_name for field in msgspec.structs.fields(entry)} | {"event"} <= mapped.keys()


@pytest.mark.parametrize(("retention", "age"), [(90 * 86400.0, "90d"), (14 * 86400.0, "14d"), (36 * 3600.0, "36h")])
def test_documents_are_kept_as_long_as_the_framework_says(retention: float, age: str) -> None:
    tree = generate(Catalogue(Framework.model_construct(retention=retention), ()))
    phases = content("lifecycle/aiwatch", tree)["policy"]["phases"]
    assert phases == {"delete": {"min_age": age, "actions": {"delete": {}}}}


def test_results_of_drift_tests_have_a_time_of_their_own() -> None:
    tree = generate(Catalogue(Framework.model_construct(drift_retention=800 * 86400.0), ()))
    assert content("lifecycle/aiwatch-drift", tree)["policy"]["phases"]["delete"]["min_age"] == "800d"
    assert content("lifecycle/aiwatch", tree) == content("lifecycle/aiwatch")


def test_two_kinds_that_map_a_field_differently_are_refused() -> None:
    (record,) = KINDS[1].records
    other = replace(record, properties={**record.properties, "score": {"type": "keyword"}})
    with pytest.raises(MappingConflictError, match=r"family 'predictions': kind 'other' maps 'score' as .*keyword"):
        family_properties([KINDS[1], replace(KINDS[1], name="other", records=(other,))])


def test_a_kind_that_maps_a_common_field_differently_is_refused() -> None:
    (record,) = KINDS[1].records
    other = replace(record, properties={"process": {"type": "text"}})
    with pytest.raises(MappingConflictError, match="but every document as"):
        family_properties([replace(KINDS[1], records=(other,))])


def test_no_role_may_delete_or_manage_anything() -> None:
    allowed = {"auto_configure", "create_doc", "create_index", "index", "read", "view_index_metadata"}
    for role in ("exporter", "grafana", "responder"):
        descriptor = content(f"roles/{role}")
        assert {privilege for grant in descriptor["indices"] for privilege in grant["privileges"]} <= allowed
        assert set(descriptor["cluster"]) <= {"cluster:monitor/health", "cluster:monitor/main"}
        assert all(name.startswith("aiwatch-") for grant in descriptor["indices"] for name in grant["names"])


def test_grafana_reads_what_is_shown_and_neither_state_nor_dead_letters() -> None:
    (grant,) = content("roles/grafana")["indices"]
    hidden = (names.INDEX_CHECKPOINTS, names.INDEX_DEAD_LETTERS)
    assert not any(fnmatch(index, pattern) for index in hidden for pattern in grant["names"])
    assert any(fnmatch("aiwatch-interactions-2026.03.04", pattern) for pattern in grant["names"])


def test_the_same_catalogue_gives_the_same_text() -> None:
    assert generate(Catalogue(Framework(), ())) == TREE
