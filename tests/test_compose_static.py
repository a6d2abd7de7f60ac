"""What docker-compose.yml, the image and the folders around them promise, checked without Docker."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from aiwatch.provision.doctor.host import PORTS
from aiwatch.provision.first_start import SHARES
from aiwatch.provision.generators import OWNED
from tests.compose.daemon import find_plugin, work_folder

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONE_SHOTS = {"secrets", "setup", "provision", "baseline", "backup", "restore"}
SERVING = sorted(set(SERVICES) - ONE_SHOTS)
DOCKERFILE = (ROOT / "exporters" / "Dockerfile").read_text()
CAPABILITIES = {"backup": ["DAC_READ_SEARCH"], "restore": ["CHOWN", "DAC_OVERRIDE", "FOWNER"]}
SECRETS_PLACE = "/run/secrets/aiwatch"

every_service = pytest.mark.parametrize("name", sorted(SERVICES))
every_serving_service = pytest.mark.parametrize("name", SERVING)


def mounts(name: str) -> dict[str, tuple[str, bool]]:
    """Return what a service mounts: place -> (source, whether it is read-only)."""
    found = {}
    for volume in SERVICES[name].get("volumes", []):
        if isinstance(volume, dict):
            found[volume["target"]] = (volume["source"], volume.get("read_only", False))
        else:
            source, place, mode = re.fullmatch(r"(\$\{[^}]*\}|[^:]+):([^:]+)(:ro)?", volume).groups()  # type: ignore[union-attr]
            found[place] = (source, mode == ":ro")
    return found


@every_serving_service
def test_a_service_is_watched_limited_and_started_again(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"]
    assert service["healthcheck"]["start_period"]
    assert service["restart"] == "unless-stopped"
    assert service["depends_on"]
    assert all("condition" in each for each in service["depends_on"].values())


@every_service
def test_a_service_has_no_privileges_and_a_cap_on_everything(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == CAPABILITIES.get(name, [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}
    assert not service.get("privileged")
    root = service["user"].startswith("0:")
    assert root == (name in CAPABILITIES)
    assert not root or service["network_mode"] == "none"


@every_service
def test_ports_are_on_loopback_and_can_be_changed(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        variable, default = re.fullmatch(r"127\.0\.0\.1:\$\{(\w+):-(\d+)\}:\d+", port).groups()  # type: ignore[union-attr]
        assert PORTS[variable] == int(default)


def test_the_doctor_looks_at_every_port() -> None:
    assert set(re.findall(r"\$\{(AIWATCH_\w+_PORT):-", TEXT)) == set(PORTS)


@every_service
def test_folders_are_mounted_and_volumes_are_named(name: str) -> None:
    for source, read_only in mounts(name).values():
        if source.startswith(("./", "${")):
            writes = name == "baseline" and "/catalogue}" in source
            assert read_only != writes, f"{name} may {'not ' * read_only}write into {source}"
            folder = ROOT / re.sub(r"\$\{\w+:-(.*)\}", r"\1", source)
            assert folder.is_dir() or folder.name == "logs"
        else:
            assert source in COMPOSE["volumes"]


def test_every_volume_is_used() -> None:
    used = {source for name in SERVICES for source, _ in mounts(name).values()}
    assert set(COMPOSE["volumes"]) <= used


def test_every_image_is_pinned_in_one_place() -> None:
    images = COMPOSE["x-images"]
    assert all(re.fullmatch(r"[a-z0-9./-]+:v?\d[\w.-]*", image) for image in images.values()), images
    assert {service["image"] for service in SERVICES.values()} <= set(images.values())
    for image in images.values():
        assert TEXT.count(image) == 1, f"{image} is written twice"
    assert SERVICES["secrets"]["build"]["args"] == {"PYTHON_IMAGE": images["python"]}
    assert re.findall(r"^ARG PYTHON_IMAGE=(.*)$", DOCKERFILE, re.MULTILINE) == [images["python"]]
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    assert images["aiwatch"] == f"aiwatch:{version[1]}"


def test_nothing_has_to_be_set_before_the_first_start() -> None:
    assert not (ROOT / ".env").exists()
    assert not re.findall(r"\$\{\w+(?::?\?[^}]*)?\}", re.sub(r"\$\{\w+:\+[^{}]*\$\{\w+\}\}", "", TEXT))


def test_no_password_stands_in_an_environment() -> None:
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|TOKEN|API_KEY", key):
                assert SECRETS_PLACE in value or key == "AIWATCH_SETUP_SHARE", f"{name}: {key}"


@pytest.mark.parametrize("share", SHARES, ids=lambda share: share.consumer)
def test_a_part_sees_its_own_secrets_alone(share: Any) -> None:
    source, read_only = mounts(share.consumer)[SECRETS_PLACE]
    assert source == f"secrets-{share.consumer}"
    assert read_only
    others = [each for each, _ in mounts(share.consumer).values() if each.startswith("secrets") and each != source]
    assert others == []
    asked = re.findall(rf"{SECRETS_PLACE}/([\w-]+)", json.dumps(SERVICES[share.consumer]))
    assert set(asked) <= set(share.names)
    user, _, _ = SERVICES[share.consumer]["user"].partition(":")
    in_group = "10000" in SERVICES[share.consumer].get("group_add", [])
    assert in_group if share.mode & 0o040 else user == "1000"


@pytest.mark.parametrize("name", ["secrets", "setup", "provision"])
def test_who_makes_secrets_can_hand_them_to_everybody(name: str) -> None:
    places = mounts(name)
    assert places[SECRETS_PLACE] == ("secrets", False)
    for share in SHARES:
        assert places[f"/secrets/{share.consumer}"] == (f"secrets-{share.consumer}", False)


@pytest.mark.parametrize("name", ["setup", "provision"])
def test_what_is_provisioned_is_what_the_servers_read(name: str) -> None:
    places = mounts(name)
    assert {"prometheus/generated", "grafana/generated"} <= set(OWNED)
    for folder, reader, target in (
        ("prometheus/generated", "prometheus", "/etc/prometheus/generated"),
        ("prometheus/generated", "alertmanager", "/etc/alertmanager/generated"),
        ("grafana/generated", "grafana", "/etc/aiwatch/grafana/generated"),
    ):
        assert places[f"/site/{folder}"][0] == mounts(reader)[target][0]
    assert places["/applied"][0] == mounts("exporter")["/applied"][0]


def test_a_baseline_is_made_by_whoever_owns_the_catalogue_with_a_key_that_only_reads() -> None:
    service = SERVICES["baseline"]
    assert service["entrypoint"] == ["aiwatch", "baseline"]
    assert service["profiles"] == ["tools"]
    assert mounts("baseline")[service["environment"]["AIWATCH_CATALOGUE"]] == (
        mounts("provision")["/catalogue"][0],
        False,
    )
    assert service["environment"]["TMPDIR"] in mounts("baseline")
    assert "install -d -m 1777 /scratch" in DOCKERFILE
    privileges = json.loads((ROOT / "elasticsearch" / "generated" / "roles" / "baseline.json").read_text())
    assert privileges == {"cluster": [], "indices": [{"names": ["aiwatch-predictions-*"], "privileges": ["read"]}]}
    command = 'docker compose run --rm --user "$(id -u):$(id -g)" baseline'
    assert f"# {command} " in TEXT
    assert f"{command} " in (ROOT / "docs" / "baseline.md").read_text()


def test_prometheus_finds_the_others_under_their_service_names_and_ports() -> None:
    for file in (ROOT / "prometheus" / "targets").glob("*.yml"):
        for group in yaml.safe_load(file.read_text()):
            for target in group["targets"]:
                host, port = target.split(":")
                service = "prometheus" if host == "localhost" else host
                assert SERVICES[service]["ports"][0].endswith(f":{port}")


def test_grafana_is_told_everything_that_its_data_sources_ask_for() -> None:
    folder = ROOT / "grafana" / "provisioning"
    wanted = {name for path in folder.rglob("*.yml") for name in re.findall(r"\$\{(\w+)\}", path.read_text())}
    environment = SERVICES["grafana"]["environment"]
    assert wanted <= set(environment), wanted - set(environment)
    assert environment["ELASTICSEARCH_API_KEY"] == f"$$__file{{{SECRETS_PLACE}/grafana-api-key}}"
    provisioning = environment["GF_PATHS_PROVISIONING"]
    assert mounts("grafana")[provisioning][0] == "./grafana/provisioning"
    generated = mounts("grafana")
    assert f"{Path(provisioning).parent}/generated" in generated
    for variable in ("PROMETHEUS_URL", "ALERTMANAGER_URL", "ELASTICSEARCH_URL"):
        host, port = environment[variable].removeprefix("http://").split(":")
        assert SERVICES[host]["ports"][0].endswith(f":{port}")
    home = environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (ROOT / "grafana" / "generated" / "dashboards" / Path(home).name).exists()


def test_the_start_order_has_no_circle_and_one_shots_are_waited_for() -> None:
    done: set[str] = set()
    while left := [name for name in SERVICES if name not in done]:
        ready = [name for name in left if set(SERVICES[name].get("depends_on", {})) <= done]
        assert ready, f"a circle among {left}"
        done.update(ready)
    for service in SERVICES.values():
        for name, each in service.get("depends_on", {}).items():
            one_shot = name in ONE_SHOTS
            assert each["condition"] == ("service_completed_successfully" if one_shot else "service_healthy")


def test_the_image_runs_without_privileges_and_without_build_tools() -> None:
    stages = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]
    assert len(stages) == 2
    last = stages[-1]
    assert re.search(r"^USER 1000:10000$", last, re.MULTILINE)
    assert not re.search(r"\b(pip|apt-get|cargo|gcc)\b", last)
    assert "--no-cache-dir" in stages[0]
    assert not re.search(r"^(ADD|HEALTHCHECK|# syntax)", DOCKERFILE, re.MULTILINE)


def test_every_place_that_setup_writes_to_belongs_to_its_user_in_the_image() -> None:
    """A named volume takes over the owner of the folder that it is mounted upon first."""
    made = set(re.findall(r"(?<=\s)/[\w/]+", DOCKERFILE[DOCKERFILE.index("install -d") :].partition("COPY")[0]))
    for name in ("secrets", "setup", "exporter", "demo-chatbot", "baseline"):
        for place, (source, read_only) in mounts(name).items():
            if source in COMPOSE["volumes"] and not read_only:
                assert place in made, f"{place} of {name}"


def test_only_what_the_image_is_made_of_is_sent_to_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    copied = {
        part for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE) for part in line.split()
    }
    assert lines[1] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == copied


@pytest.fixture(scope="module")
def with_plugin() -> dict[str, str]:
    """An environment with `docker compose`: the machine's plugin, or the one that `make test-compose` built."""
    environment = dict(os.environ)
    if not find_plugin(work_folder(), environment):
        pytest.skip("NOT CHECKED by docker compose config: the plugin docker compose is not installed")
    return environment


@pytest.mark.parametrize("arguments", [(), ("--profile", "*")], ids=["default", "everything"])
def test_docker_compose_accepts_the_file(arguments: tuple[str, ...], with_plugin: dict[str, str]) -> None:
    command = ["docker", "compose", *arguments, "config", "--quiet"]
    done = subprocess.run(command, cwd=ROOT, env=with_plugin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_docker_compose_refuses_a_key_that_it_does_not_know(with_plugin: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text(TEXT.replace("mem_limit: 256m", "mem_limitt: 256m"))
    command = ["docker", "compose", "config", "--quiet"]
    done = subprocess.run(command, cwd=tmp_path, env=with_plugin, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "mem_limitt" in done.stderr
