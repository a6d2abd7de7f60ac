"""How the demo starts Grafana, with a stand-in that writes down how it was called."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
import requests

from tools.demo.grafana import ADMIN_PASSWORD, Installation, Sources, find, spec
from tools.servers.commands import ServerError
from tools.servers.process import LOOPBACK, Server, free_port

ROOT = Path(__file__).parents[3]
SOURCES = Sources("http://prometheus", "http://alertmanager", "http://elasticsearch")
STAND_IN = f"""#!{sys.executable}
import http.server, json, os, pathlib, sys

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()

data = pathlib.Path(os.environ["GF_PATHS_DATA"])
data.mkdir(parents=True)
(data / "called.json").write_text(json.dumps({{"arguments": sys.argv[1:], "environment": dict(os.environ)}}))
address = os.environ["GF_SERVER_HTTP_ADDR"], int(os.environ["GF_SERVER_HTTP_PORT"])
http.server.HTTPServer(address, Answer).serve_forever()
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An installation whose program is the stand-in."""
    home = tmp_path / "grafana-home"
    (home / "bin").mkdir(parents=True)
    (home / "conf").mkdir()
    (home / "conf" / "defaults.ini").write_text("")
    program = home / "bin" / "grafana"
    program.write_text(STAND_IN)
    program.chmod(0o755)
    return home


def test_grafana_is_found_by_its_home(home: Path) -> None:
    assert find({"GRAFANA_HOME": str(home), "PATH": "/nowhere"}) == Installation(home / "bin" / "grafana", home)


def test_grafana_is_found_on_path_and_its_home_behind_a_link(home: Path, tmp_path: Path) -> None:
    links = tmp_path / "links"
    links.mkdir()
    (links / "grafana").symlink_to(home / "bin" / "grafana")
    assert find({"PATH": str(links)}) == Installation(links / "grafana", home)


def test_without_an_installation_there_is_none() -> None:
    assert find({"PATH": "/nowhere"}) is None


def test_half_an_installation_is_told(home: Path, tmp_path: Path) -> None:
    (home / "conf" / "defaults.ini").unlink()
    with pytest.raises(ServerError, match=r"lacks bin/grafana or conf/defaults\.ini"):
        find({"GRAFANA_HOME": str(home)})


def test_grafana_is_given_addresses_and_the_places_of_secrets_but_no_secret(home: Path, tmp_path: Path) -> None:
    secrets, work, provisioning = tmp_path / "secrets", tmp_path / "work", tmp_path / "site" / "provisioning"
    secrets.mkdir()
    (secrets / "grafana-api-key").write_text("c2VjcmV0")
    installation = Installation(home / "bin" / "grafana", home)
    with Server(spec(installation, free_port(), work, secrets, provisioning, SOURCES)).start() as server:
        assert requests.get(f"{server.url}/api/health", timeout=5).status_code == 200
        called = json.loads((work / "data" / "called.json").read_text())
    environment = called["environment"]
    assert called["arguments"] == ["server", f"--homepath={home}"]
    assert environment["GF_SERVER_HTTP_ADDR"] == LOOPBACK
    assert environment["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert environment["GF_PATHS_PROVISIONING"] == str(provisioning)
    assert environment["GF_SECURITY_ADMIN_PASSWORD"] == f"$__file{{{secrets / ADMIN_PASSWORD}}}"
    password = secrets / ADMIN_PASSWORD
    assert password.stat().st_mode & 0o777 == 0o600
    for file in secrets.iterdir():
        assert file.read_text() not in json.dumps(called)


def test_every_variable_of_the_provisioning_files_is_set(home: Path, tmp_path: Path) -> None:
    files = (ROOT / "grafana" / "provisioning").rglob("*.yml")
    used = {name for file in files for name in re.findall(r"\$\{(\w+)}", file.read_text())}
    assert used
    described = spec(Installation(home / "bin" / "grafana", home), 1, tmp_path, tmp_path / "secrets", tmp_path, SOURCES)
    given = {str(argument).partition("=")[0] for argument in described.command(1)}
    assert used <= given
