"""Grafana cannot be had here: a local server stands in that holds requests to the shapes of Grafana's HTTP API."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from aiwatch.provision.apply.grafana_server import GrafanaError, push_dashboards

TOKEN = "glsa_right"
TREE = {
    "grafana/generated/dashboards/aiwatch-bot.json": json.dumps({"uid": "aiwatch-bot", "title": "Bot"}),
    "grafana/generated/dashboards/aiwatch-overview.json": json.dumps({"uid": "aiwatch-overview", "title": "All"}),
    "prometheus/generated/rules/bot.yml": "groups: []\n",
}


class Grafana(ThreadingHTTPServer):
    """What a Grafana holds, and what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folders: dict[str, str] = {}
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.requests: list[str] = []
        self.role = "Editor"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Grafana

    def do_GET(self) -> None:
        if self._allowed():
            uid = self.path.removeprefix("/grafana/api/folders/")
            if uid in self.server.folders:
                self._answer(200, {"uid": uid, "title": self.server.folders[uid]})
            else:
                self._answer(404, {"message": "folder not found", "status": "not-found"})

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._allowed():
            return
        if self.path == "/grafana/api/folders":
            assert set(sent) == {"title", "uid"}
            self.server.folders[sent["uid"]] = sent["title"]
            self._answer(200, {"id": 1, **sent})
        elif self.path == "/grafana/api/dashboards/db":
            self._save(sent)
        else:
            self._answer(404, {"message": "Not found"})

    def _save(self, sent: dict[str, Any]) -> None:
        assert set(sent) <= {"dashboard", "folderId", "folderUid", "message", "overwrite"}
        page = sent["dashboard"]
        if not page.get("title"):
            self._answer(400, {"message": "Dashboard title cannot be empty"})
        elif sent["folderUid"] not in self.server.folders:
            self._answer(400, {"message": "folder not found"})
        elif page["uid"] in self.server.dashboards and not sent["overwrite"]:
            self._answer(412, {"message": "A dashboard with the same uid already exists", "status": "name-exists"})
        else:
            assert page["id"] is None
            self.server.dashboards[page["uid"]] = sent
            self._answer(200, {"id": 1, "uid": page["uid"], "status": "success", "version": 1})

    def _allowed(self) -> bool:
        self.server.requests.append(f"{self.command} {self.path}")
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._answer(401, {"message": "Invalid API key"})
            return False
        if self.server.role != "Editor" and self.command == "POST":
            self._answer(403, {"message": "You'll need additional permissions"})
            return False
        return True

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def grafana() -> Iterator[Grafana]:
    server = Grafana()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_all_dashboards_and_nothing_else_arrive_in_the_folder(grafana: Grafana) -> None:
    assert push_dashboards(TREE, f"{grafana.url}/grafana", TOKEN) == 2
    assert grafana.folders == {"aiwatch": "aiwatch"}
    assert {uid: sent["dashboard"]["title"] for uid, sent in grafana.dashboards.items()} == {
        "aiwatch-bot": "Bot",
        "aiwatch-overview": "All",
    }


def test_a_second_push_replaces_the_dashboards_and_keeps_the_folder(grafana: Grafana) -> None:
    url = f"{grafana.url}/grafana/"
    push_dashboards(TREE, url, TOKEN)
    changed = {**TREE, "grafana/generated/dashboards/aiwatch-bot.json": '{"uid": "aiwatch-bot", "title": "New"}'}
    push_dashboards(changed, url, TOKEN)
    assert grafana.dashboards["aiwatch-bot"]["dashboard"]["title"] == "New"
    assert grafana.requests.count("POST /grafana/api/folders") == 1


def test_an_unknown_token_is_explained_and_not_shown(grafana: Grafana) -> None:
    with pytest.raises(GrafanaError, match="does not know the token: make one") as caught:
        push_dashboards(TREE, f"{grafana.url}/grafana", "glsa_wrong")
    assert "glsa_wrong" not in str(caught.value)


def test_a_token_that_may_not_write_is_told_which_role_it_needs(grafana: Grafana) -> None:
    grafana.role = "Viewer"
    with pytest.raises(GrafanaError, match=r"folder 'aiwatch'.*additional permissions.*role Editor"):
        push_dashboards(TREE, f"{grafana.url}/grafana", TOKEN)


def test_a_refused_dashboard_is_named(grafana: Grafana) -> None:
    path = "grafana/generated/dashboards/aiwatch-bot.json"
    with pytest.raises(GrafanaError, match=rf"{path}.*title cannot be empty"):
        push_dashboards({path: '{"uid": "aiwatch-bot", "title": ""}'}, f"{grafana.url}/grafana", TOKEN)


def test_a_server_that_is_not_there_is_named() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(GrafanaError, match=f"{url} does not answer"):
        push_dashboards(TREE, url, TOKEN)
