import json
import stat
from pathlib import Path

import yaml

from tools.servers.node import Elasticsearch, node_settings, prepare


def test_the_password_is_private_and_kept_for_the_next_start(tmp_path: Path) -> None:
    password = prepare(tmp_path)
    assert len(password) >= 24
    for secret in ("password", "config/users"):
        assert stat.S_IMODE((tmp_path / secret).stat().st_mode) == 0o600
    assert prepare(tmp_path) == password


def test_two_nodes_have_different_passwords(tmp_path: Path) -> None:
    assert prepare(tmp_path / "a") != prepare(tmp_path / "b")


def test_the_password_is_stored_as_a_hash(tmp_path: Path) -> None:
    password = prepare(tmp_path)
    users = (tmp_path / "config/users").read_text()
    assert users.startswith("elastic:{PBKDF2}10000$")
    assert password not in users


def test_the_settings_are_yaml_whatever_the_folder_is_called(tmp_path: Path) -> None:
    folder = tmp_path / 'with space: "quoted" #1'
    settings = yaml.safe_load(node_settings(folder))
    assert settings["path.data"] == str(folder / "data")
    assert settings["xpack.security.enabled"] is True
    assert settings["network.host"] == "127.0.0.1"


def test_the_client_settings_carry_address_and_password(tmp_path: Path) -> None:
    server = Elasticsearch(tmp_path / "home", tmp_path / "run", port=12345)
    assert json.loads(json.dumps(server.client_settings)) == {
        "hosts": ["http://127.0.0.1:12345"],
        "basic_auth": ["elastic", (tmp_path / "run/password").read_text()],
    }
