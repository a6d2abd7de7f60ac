"""What the sink makes of every sort of answer, given by a scripted server over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from aiwatch.ingest.contracts import Outcome, StoppedError
from aiwatch.ingest.documents import Documents, head_of, make_document, make_rewrite, neck_of
from aiwatch.ingest.sinks import elasticsearch_bulk
from aiwatch.ingest.sinks.elasticsearch_bulk import ElasticsearchSink

DUPLICATE = Outcome("duplicate")
Answer = tuple[int, Any]


class Scripted:
    """A server that answers each bulk with the next of its answers; with none left it stores everything."""

    def __init__(self) -> None:
        self.answers: list[Answer | Callable[[list[str]], Answer] | None] = []
        self.bulks: list[list[str]] = []
        self.held: dict[str, dict[str, Any]] = {}
        self.lookups: list[int] = []  # status codes for mget, 200 when empty
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path.startswith("/_mget"):
                    self._answer(*script.look_up(json.loads(body)))
                    return
                ids = [_id(line) for line in body.splitlines()[::2]]
                script.bulks.append(ids)
                answer = script.answers.pop(0) if script.answers else script.store
                if answer is None:
                    self.send_response(200)
                    self.send_header("Content-Length", "1000")
                    self.end_headers()
                    self.wfile.write(b'{"items":[')
                    self.close_connection = True
                    return
                self._answer(*(answer(ids) if callable(answer) else answer))

            do_GET = do_POST

            def _answer(self, status: int, body: Any) -> None:
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                if not isinstance(body, bytes):
                    self.send_header("X-Elastic-Product", "Elasticsearch")
                self.send_header("Content-Type", "text/html" if isinstance(body, bytes) else "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def store(self, ids: list[str]) -> Answer:
        return items(*[201] * len(ids))

    def look_up(self, body: Any) -> Answer:
        status = self.lookups.pop(0) if self.lookups else 200
        held = [self.held.get(doc["_id"].removeprefix("bot:")) for doc in body["docs"]]
        docs = [{"found": source is not None, "_source": source} for source in held]
        return status, {"docs": docs}


def _id(action: bytes) -> str:
    (address,) = json.loads(action).values()
    return str(address["_id"]).removeprefix("bot:")


def items(*statuses: int, error: str = "some_exception") -> Answer:
    found = [
        {"create": {"status": status} | ({"error": {"type": error, "reason": "why"}} if status >= 300 else {})}
        for status in statuses
    ]
    return 200, {"items": found}


@pytest.fixture
def server() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.server.shutdown()
    scripted.server.server_close()


@pytest.fixture
def retries() -> list[str]:
    return []


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def sink(server: Scripted, retries: list[str], stop: threading.Event) -> Iterator[ElasticsearchSink]:
    with Elasticsearch(server.url, max_retries=0, retry_on_timeout=False, request_timeout=2) as client:
        yield ElasticsearchSink(client, stop, retries.append, longest_pause=0.25)


def documents(*names: str) -> Documents:
    head, neck = head_of("aiwatch-interactions-2026.03.04", "bot"), neck_of("bot", "5a")
    return Documents.of([make_document(head, name, neck, place, b'"n":1}') for place, name in enumerate(names)])


def test_what_is_created_is_stored(sink: ElasticsearchSink, server: Scripted) -> None:
    assert sink.send(documents("a", "b")) == {}
    assert server.bulks == [["a", "b"]]
    assert sink.send(documents()) == {}


def test_a_version_that_is_there_already_or_a_later_one_is_stored(sink: ElasticsearchSink, server: Scripted) -> None:
    first, second = ([{"index": {"status": status}} for status in statuses] for statuses in ((409, 429, 200), (201,)))
    server.answers = [(200, {"items": first}), (200, {"items": second})]
    rewrites = [make_rewrite("aiwatch-profiles-2026.03.04", f"bot:{name}", 7, b'{"n":1}') for name in "abc"]
    assert sink.send(Documents.of(rewrites)) == {}
    assert server.bulks == [["a", "b", "c"], ["b"]]


def test_only_what_was_throttled_or_failed_is_sent_again(
    sink: ElasticsearchSink, server: Scripted, retries: list[str]
) -> None:
    server.answers = [items(201, 429, 400, 503), items(500, 201)]
    outcomes = sink.send(documents("a", "b", "c", "d"))
    assert outcomes == {2: Outcome("refused", "some_exception: why")}
    assert server.bulks == [["a", "b", "c", "d"], ["b", "d"], ["b"]]
    assert set(retries) <= {"throttled", "server_error"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((401, {"error": {"type": "security_exception", "reason": "r"}, "status": 401}), "forbidden"),
        ((403, {"error": {"type": "security_exception", "reason": "r"}, "status": 403}), "forbidden"),
        ((429, {"error": {"type": "es_rejected_execution_exception", "reason": "r"}}), "throttled"),
        ((503, {"error": {"type": "cluster_block_exception", "reason": "r"}}), "server_error"),
        ((502, b"<html>bad gateway</html>"), "server_error"),
        ((400, b"<html>a proxy's mind</html>"), "bad_answer"),
        ((404, b"<html>not here</html>"), "bad_answer"),
        ((200, b"<html>log in first</html>"), "bad_answer"),
        ((200, {}), "bad_answer"),
        ((200, {"items": []}), "bad_answer"),
        ((200, {"items": [{"update": {"status": 200}}] * 2}), "bad_answer"),
        ((200, {"items": [{"create": {"status": 201}}]}), "bad_answer"),
        ((200, ["what"]), "bad_answer"),
        (items(403, 403, error="security_exception"), "forbidden"),
        (None, "unreachable"),
    ],
)
def test_what_concerns_no_document_in_particular_is_waited_for(
    sink: ElasticsearchSink, server: Scripted, retries: list[str], answer: Answer, reason: str
) -> None:
    server.answers = [answer, answer]
    assert sink.send(documents("a", "b")) == {}
    assert retries == [reason, reason]


def test_a_conflict_with_an_own_earlier_delivery_is_a_success(sink: ElasticsearchSink, server: Scripted) -> None:
    server.answers = [items(409, 409, 409)]
    server.held = {"a": {"log": {"stream": "5a", "offset": 0}}, "b": {"log": {"stream": "5a", "offset": 7}}, "c": {}}
    assert sink.send(documents("a", "b", "c")) == {1: DUPLICATE, 2: DUPLICATE}


def test_a_conflict_that_cannot_be_looked_up_is_tried_again(
    sink: ElasticsearchSink, server: Scripted, retries: list[str]
) -> None:
    server.answers = [items(409, 201), items(409), items(409)]
    server.held = {"a": {"log": {"stream": "5a", "offset": 0}}}
    server.lookups = [503, 403]
    assert sink.send(documents("a", "b")) == {}
    assert retries == ["conflict", "conflict"]
    assert server.bulks[1:] == [["a"], ["a"]]


def test_a_document_that_vanished_after_its_conflict_is_created_again(
    sink: ElasticsearchSink, server: Scripted
) -> None:
    server.answers = [items(409)]
    assert sink.send(documents("a")) == {}
    assert server.bulks == [["a"], ["a"]]


@pytest.mark.parametrize(
    "refusal",
    [
        (413, b"too large"),
        (400, {"error": {"type": "illegal_argument_exception", "reason": "bad"}, "status": 400}),
    ],
)
def test_a_bulk_that_is_refused_as_a_whole_is_divided_until_the_culprit_is_alone(
    sink: ElasticsearchSink, server: Scripted, refusal: Answer
) -> None:
    server.answers = [lambda ids: refusal if "c" in ids else items(*[201] * len(ids))] * 7
    outcomes = sink.send(documents("a", "b", "c", "d", "e"))
    assert outcomes.keys() == {2}
    assert outcomes[2].status == "refused"
    assert outcomes[2].reason in ("larger than the server allows", "illegal_argument_exception: bad")


def test_large_loads_are_sent_in_several_requests(
    sink: ElasticsearchSink, server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elasticsearch_bulk, "_BODY_BYTES", 2 * len(documents("a")[0]))
    assert sink.send(documents("a", "b", "c", "d", "e")) == {}
    assert server.bulks == [["a", "b"], ["c", "d"], ["e"]]


def test_told_to_stop_it_gives_up_at_once(sink: ElasticsearchSink, server: Scripted, stop: threading.Event) -> None:
    server.answers = [(503, {})] * 100
    stop.set()
    with pytest.raises(StoppedError):
        sink.send(documents("a"))
    assert len(server.bulks) == 1
