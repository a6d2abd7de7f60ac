"""Proof that a new version takes over the data of the former one."""

from __future__ import annotations

import json

from tests.compose.clone import NEW_FIELD, NEW_TITLE, next_version
from tests.compose.counts import counts_agree, documents
from tests.compose.stack import Stack, expect

_KEPT = ("alertmanager", "elasticsearch", "prometheus")
_INTERACTIONS = "aiwatch-interactions"
_OVERVIEW = "/site/grafana/generated/dashboards/aiwatch-overview.json"


def upgrade(stack: Stack) -> str:
    """A new image with a changed index template and dashboard takes over while lines are written; data is kept."""
    stack.up(demo=True)
    held, started = documents(stack), stack.started()
    expect(NEW_FIELD not in _mapped(stack) and _title(stack) != NEW_TITLE, "this version is there already")
    version = next_version(stack.clone)
    took = stack.up(True, "--build")
    for name, container in stack.containers().items():
        ours = container["Config"]["Image"].startswith("aiwatch:")
        expect(not ours or container["Config"]["Image"] == f"aiwatch:{version}", f"{name} still runs the former image")
    for name in _KEPT:
        expect(stack.started()[name] == started[name], f"{name} was started again, though its image is the same")
    with stack.elasticsearch() as es:
        template = es.indices.get_index_template(name=_INTERACTIONS).body["index_templates"][0]["index_template"]
    expect(NEW_FIELD in template["template"]["mappings"]["properties"], "the index template is the former one")
    expect(NEW_FIELD in _mapped(stack), "today's index does not have the new field")
    expect(_title(stack) == NEW_TITLE, "the dashboard is the former one")
    counts = counts_agree(stack)
    now = documents(stack)
    expect(all(now[record] >= number for record, number in held.items()), f"of {held} documents {now} are left")
    return f"to {version} in {took:.0f} s with the build; {counts}"


def _mapped(stack: Stack) -> set[str]:
    """Return the fields that every index of interactions maps."""
    with stack.elasticsearch() as es:
        indices = es.indices.get_mapping(index=f"{_INTERACTIONS}-*").body.values()
    return set.intersection(*(set(index["mappings"]["properties"]) for index in indices))


def _title(stack: Stack) -> str:
    """Return the title of the dashboard that Grafana is given."""
    text = stack.compose("run", "--rm", "--no-deps", "-T", "--entrypoint=cat", "provision", _OVERVIEW)
    return str(json.loads(text)["title"])
