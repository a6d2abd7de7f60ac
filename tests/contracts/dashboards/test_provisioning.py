"""The hand-written files of Grafana's provisioning against what the generated dashboards expect of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from aiwatch import names
from aiwatch.provision.grafana_panels.datasources import FEEDBACK, INTERACTIONS, PREDICTIONS, PROMETHEUS
from aiwatch.provision.grafana_panels.page import FOLDER

ROOT = Path(__file__).parents[3]
PROVISIONING = ROOT / "grafana" / "provisioning"


def sources() -> dict[str, dict[str, Any]]:
    content = yaml.safe_load((PROVISIONING / "datasources" / "aiwatch.yml").read_text())
    return {source["uid"]: source for source in content["datasources"]}


def test_every_default_of_a_dashboard_is_provisioned_by_uid_and_name_and_offered() -> None:
    for wanted in (PROMETHEUS, INTERACTIONS, FEEDBACK, PREDICTIONS):
        found = sources()[wanted.default]
        assert (found["name"], found["type"]) == (wanted.default, wanted.type)
        assert re.search(wanted.regex.strip("/i"), found["name"])


def test_each_family_of_documents_has_its_own_index_pattern_and_time_field() -> None:
    for family in (names.FAMILY_INTERACTIONS, names.FAMILY_FEEDBACK, names.FAMILY_PREDICTIONS):
        settings = sources()[f"aiwatch-{family}"]["jsonData"]
        assert settings["index"] == f"{names.INDEX_PREFIX}{family}-*"
        assert settings["timeField"] == names.TIMESTAMP


def test_the_interval_of_prometheus_is_the_one_that_it_scrapes_by() -> None:
    scraped = yaml.safe_load((ROOT / "prometheus" / "prometheus.yml").read_text())["global"]["scrape_interval"]
    assert sources()["aiwatch-prometheus"]["jsonData"]["timeInterval"] == scraped


def test_no_secret_and_no_unexplained_variable_is_in_the_files() -> None:
    text = (PROVISIONING / "datasources" / "aiwatch.yml").read_text()
    explained = set(re.findall(r"^#   (\w+) ", text, re.MULTILINE))
    settings = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
    assert set(re.findall(r"\$\{(\w+)}", settings)) == explained
    for source in sources().values():
        assert set(source.get("secureJsonData", {}).values()) <= {"ApiKey ${ELASTICSEARCH_API_KEY}"}


def test_dashboards_are_read_from_where_they_are_generated() -> None:
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "aiwatch.yml").read_text())["providers"]
    path = provider["options"]["path"].replace("${GF_PATHS_PROVISIONING}", str(PROVISIONING))
    assert Path(path).resolve() == ROOT / FOLDER
