"""What is sent to a server that has lifecycle management; one without is tried for real in tests/integration."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from aiwatch.catalogue.model import Catalogue, Framework
from aiwatch.provision.apply.elasticsearch_server import ApplyError, apply
from aiwatch.provision.generators.elasticsearch_templates import TEMPLATES, generate, retentions

TREE = dict(generate(Catalogue(Framework(), ())))
KEPT = retentions(Framework())
TODAY = date(2026, 3, 1)
OPEN = "aiwatch-interactions-2020.01.01"


class Server(ThreadingHTTPServer):
    """Keeps what is put, gives it back, and answers the rest as an empty Elasticsearch with ILM would."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.held: dict[str, Any] = {}
        self.asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def answer(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else data)

    def handle_any(self) -> None:
        path = self.path.partition("?")[0]
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "null")
        self.server.asked.append(f"{self.command} {path}")
        held = self.server.held
        if path == "/_security/api_key" and self.command == "PUT":
            self.answer(200, {"id": "k", "name": body["name"], "api_key": "s", "encoded": "azpz"})
        elif self.command == "PUT":
            held[path] = body
            self.answer(200, {"acknowledged": True})
        elif path == "/_ilm/status":
            self.answer(200, {"operation_mode": "RUNNING"})
        elif path == "/_index_template/_simulate":
            self.answer(200, {"template": {}})
        elif path == "/_security/api_key":
            self.answer(200, {"api_keys": [{"id": "k", "invalidated": False, "metadata": {}}]})
        elif path.startswith("/_ilm/policy/"):
            name = path.rpartition("/")[2]
            found = {name: {"version": 1, **held[path]}} if path in held else {}
            self.answer(200 if found else 404, found)
        elif path.startswith("/_index_template/"):
            found = [{"index_template": {**held[path], "composed_of": []}}] if path in held else []
            self.answer(200 if found else 404, {"index_templates": found})
        elif path.endswith("/_mapping"):
            self.answer(200, {})
        else:
            self.answer(404, {})

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(server: Server) -> Iterator[Elasticsearch]:
    with Elasticsearch(f"http://127.0.0.1:{server.server_port}", max_retries=0) as client:
        yield client


def test_a_server_with_lifecycle_management_gets_the_policy_and_deletes_by_it(
    server: Server, client: Elasticsearch, tmp_path: Path
) -> None:
    apply(client, TREE, tmp_path, KEPT, TODAY)
    delete = server.held["/_ilm/policy/aiwatch"]["policy"]["phases"]["delete"]
    assert delete == {"min_age": "90d", "actions": {"delete": {}}}
    template = server.held["/_index_template/aiwatch-interactions"]["template"]
    assert template["settings"]["index"]["lifecycle"] == {"name": "aiwatch", "parse_origination_date": "true"}
    assert server.held["/_ilm/policy/aiwatch-drift"]["policy"]["phases"]["delete"]["min_age"] == "400d"
    assert not any(request.startswith("DELETE /aiwatch-") for request in server.asked)


def test_the_policy_stands_before_the_templates_that_name_it(
    server: Server, client: Elasticsearch, tmp_path: Path
) -> None:
    apply(client, TREE, tmp_path, KEPT, TODAY)
    puts = [request for request in server.asked if request.startswith("PUT")]
    assert puts.index("PUT /_ilm/policy/aiwatch") < puts.index("PUT /_index_template/aiwatch-feedback")


def test_policy_and_templates_that_are_there_already_are_left_alone(
    server: Server, client: Elasticsearch, tmp_path: Path
) -> None:
    apply(client, TREE, tmp_path, KEPT, TODAY)
    changed = apply(client, TREE, tmp_path, KEPT, TODAY).changed
    assert not any("template" in step or "policy" in step for step in changed)


def test_every_template_is_tried_before_the_first_write(server: Server, client: Elasticsearch, tmp_path: Path) -> None:
    apply(client, TREE, tmp_path, KEPT, TODAY)
    first_put = next(index for index, request in enumerate(server.asked) if request.startswith("PUT"))
    assert server.asked[:first_put].count("POST /_index_template/_simulate") == sum(
        path.startswith(TEMPLATES) for path in TREE
    )
    assert "POST /_index_template/_simulate" not in server.asked[first_put:]


def test_a_file_that_is_not_json_is_named_and_nothing_is_sent(
    server: Server, client: Elasticsearch, tmp_path: Path
) -> None:
    path = f"{TEMPLATES}/aiwatch-feedback.json"
    with pytest.raises(ApplyError, match=rf"{path} is not JSON .*; run: aiwatch provision"):
        apply(client, {**TREE, path: "{"}, tmp_path, KEPT, TODAY)
    assert not any(request.startswith("PUT") for request in server.asked)


def test_secrets_are_not_logged(
    server: Server, client: Elasticsearch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    apply(client, TREE, tmp_path, KEPT, TODAY)
    assert (tmp_path / "exporter-api-key").read_text() == "azpz"
    assert "azpz" not in caplog.text
    assert (tmp_path / "responder-token").read_text() not in caplog.text
