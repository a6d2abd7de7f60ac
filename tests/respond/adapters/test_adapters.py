"""What every adapter promises, kept by each of them against a receiver that plays its system."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aiwatch.kinds.response import Adapter as Settings
from aiwatch.respond.adapters import ADAPTERS
from aiwatch.respond.adapters.contract import Adapter, AdapterError, Case
from aiwatch.respond.policy import secrets_in
from aiwatch.respond.trail import Window
from tests.respond.adapters.receiver import Asked, Receiver, receiver

SINCE = datetime(2026, 3, 1, 9, tzinfo=UTC)
PAUSED = Case(
    id="card-fraud:1:x:pause",
    process="card-fraud",
    since=SINCE,
    pauses=True,
    windows=(Window(SINCE, SINCE + timedelta(hours=1), "7"),),
    url="http://localhost:8080/models/card-fraud",
)
RESUMED = Case(**{**{name: getattr(PAUSED, name) for name in PAUSED.__slots__}, "by": "Ada", "reason": "mended"})
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the one in the specification of Standard Webhooks


@dataclass
class World:
    """What the systems behind the adapters hold."""

    paused: bool = False
    aliases: dict[str, str] = field(default_factory=lambda: {"champion": "3"})
    tags: dict[str, str] = field(default_factory=dict)

    def reply(self, asked: Asked) -> tuple[int, Any]:
        match asked.method, asked.path.partition("?")[0]:
            case "POST", "/hook":
                return 204, ""
            case "POST", "/auth/token":
                return 201, {"access_token": "jwt"}
            case "GET", "/api/v2/dags/retrain":
                return 200, {"is_paused": self.paused}
            case "PATCH", "/api/v2/dags/retrain":
                self.paused = asked.json["is_paused"]
                return 200, {"is_paused": self.paused}
            case "GET", "/api/2.0/mlflow/registered-models/alias":
                return 200, {"model_version": {"version": self.aliases["champion"]}}
            case "POST", "/api/2.0/mlflow/registered-models/alias":
                self.aliases[asked.json["alias"]] = asked.json["version"]
                return 200, {}
            case "DELETE", "/api/2.0/mlflow/registered-models/alias":
                return (200, {}) if self.aliases.pop(asked.json["alias"], None) else (404, {})
            case "POST", "/api/2.0/mlflow/model-versions/set-tag":
                self.tags[asked.json["key"]] = asked.json["value"]
                return 200, {}
            case "DELETE", "/api/2.0/mlflow/model-versions/delete-tag":
                return (200, {}) if self.tags.pop(asked.json["key"], None) else (404, {})
        return 400, {"message": f"{asked.method} {asked.path}"}


SETTINGS: dict[str, Callable[[str], dict[str, Any]]] = {
    "mlflow": lambda url: {"url": url, "model": "fraud", "token_file": "token"},
    "airflow": lambda url: {"url": url, "dag": "retrain", "username": "aiwatch", "password_file": "token"},
    "webhook": lambda url: {"url": f"{url}/hook", "secret_file": "secret"},
}


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("s3cret\n")
    (tmp_path / "secret").write_text(SECRET)
    return tmp_path


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def system(world: World) -> Iterator[Receiver]:
    with receiver(world.reply) as found:
        yield found


def build(name: str, url: str, secrets: Path) -> Adapter:
    settings = Settings.model_validate({name: SETTINGS[name](url)})
    return ADAPTERS[name](settings.settings[name], secrets_in(secrets))


@pytest.fixture(params=sorted(ADAPTERS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def adapter(name: str, system: Receiver, secrets: Path) -> Adapter:
    return build(name, system.url, secrets)


def test_the_catalogue_has_settings_for_every_adapter() -> None:
    assert ADAPTERS.keys() == Settings.model_fields.keys() == SETTINGS.keys()


def test_looking_changes_nothing(adapter: Adapter, world: World) -> None:
    adapter.look()
    assert world == World()


def test_what_is_repeated_has_one_effect(adapter: Adapter, world: World) -> None:
    memo = adapter.look()
    first = adapter.pause(PAUSED, memo)
    held = (world.paused, dict(world.aliases), dict(world.tags))
    assert adapter.pause(PAUSED, memo) == first
    assert (world.paused, world.aliases, world.tags) == held
    assert adapter.resume(RESUMED, memo) == adapter.resume(RESUMED, memo)
    assert world == World()


def test_resuming_what_was_never_reached_is_no_error(adapter: Adapter, world: World) -> None:
    adapter.resume(RESUMED, adapter.look())
    assert world == World()


@pytest.mark.parametrize(("status", "said"), [(401, "no such user"), (302, "elsewhere"), (503, "later")])
def test_a_refusal_is_told_with_address_and_answer_but_without_the_secret(
    name: str, secrets: Path, status: int, said: str
) -> None:
    with receiver(lambda _: (status, {"message": said})) as system:
        adapter = build(name, system.url, secrets)
        with pytest.raises(AdapterError, match=f"{system.url}/.*: answered {status}.*{said}") as caught:
            adapter.pause(PAUSED, {"version": "3", "paused": "no"})
    assert "s3cret" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_system_that_cannot_be_reached_is_named(name: str, secrets: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(AdapterError, match=rf"{url}/\S*: .*refused"):
            build(name, url, secrets).pause(PAUSED, {"version": "3", "paused": "no"})


def test_a_secret_that_is_missing_is_told_by_its_file(name: str, system: Receiver, tmp_path: Path) -> None:
    for file in ("token", "secret"):
        (tmp_path / file).unlink(missing_ok=True)
    with pytest.raises(AdapterError, match=r"the secret in .*(token|secret) cannot be read: .*No such file"):
        build(name, system.url, tmp_path).pause(PAUSED, {"version": "3", "paused": "no"})


def test_an_answer_that_is_no_json_is_a_failure(secrets: Path) -> None:
    with receiver(lambda _: (200, "<html>")) as system:
        airflow = build("airflow", system.url, secrets)
        with pytest.raises(AdapterError, match="the answer has no access_token"):
            airflow.look()
