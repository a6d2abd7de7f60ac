"""Into real Elasticsearch: the exporter against the same server fed with pre-rendered bodies, two connections each."""

from __future__ import annotations

import http.client
import queue
import statistics
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from bench.engine import data
from bench.engine.engine import bulk_bodies
from bench.engine.exporter import finish, lay_out, start_drain, work_folder
from bench.engine.server import Target, elasticsearch
from bench.engine.timing import ratio
from bench.report import Figure

_TURNS = 3
_CONNECTIONS = 2
_SHARE = 10  # one in so many of the records is sent in each turn


def measure(records: int) -> Iterator[Figure]:
    """Yield the documents per second of the exporter and of the pre-rendered bodies."""
    records = max(1, records // _SHARE)
    catalogue = data.catalogue_folder()
    bodies = [_elsewhere(body) for body in bulk_bodies(data.chat_file(records), data.CHAT)]
    ours: list[float] = []
    theirs: list[float] = []
    with work_folder() as folder, elasticsearch(folder, catalogue) as target:
        for turn in range(_TURNS + 1):
            for side in (turn % 2, 1 - turn % 2):
                target.wipe()
                if side:
                    seconds = _send(target, bodies)
                    theirs.append(seconds)
                else:
                    place = lay_out(folder / str(turn), [data.chat_file(records)])
                    drained = finish(start_drain(place, catalogue, target.url, None, target.key))
                    assert drained.records == records
                    ours.append(drained.seconds)
                target.client.indices.refresh(index="aiwatch-*")
                stored = target.client.count(index="aiwatch-*")["count"]
                assert stored == records, f"{stored} of {records} documents were stored"
    del ours[0], theirs[0]  # while the server warmed up
    yield Figure("Elasticsearch: exporter, two connections", records / statistics.median(ours), "documents/s")
    yield Figure(
        "Elasticsearch: pre-rendered bodies, two connections", records / statistics.median(theirs), "documents/s"
    )
    yield Figure("Elasticsearch: exporter against pre-rendered", ratio(theirs, ours), "ratio", ">= 0.9")


def _elsewhere(body: tuple[bytes, ...]) -> bytes:
    """Return a bulk body for other indices, which the same templates apply to."""
    return (
        b"".join(body)
        .replace(b'{"create":{"_index":"aiwatch-interactions-', b'{"create":{"_index":"aiwatch-interactions-raw-')
        .replace(b'{"create":{"_index":"aiwatch-feedback-', b'{"create":{"_index":"aiwatch-feedback-raw-')
    )


def _send(target: Target, bodies: list[bytes]) -> float:
    """Send the bodies over two connections; return the seconds that it took.

    Raises:
        RuntimeError: the server refused some.
    """
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    for body in bodies:
        waiting.put(body)
    failures: list[str] = []
    senders = [threading.Thread(target=_sender, args=(target, waiting, failures)) for _ in range(_CONNECTIONS)]
    started = time.perf_counter()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    seconds = time.perf_counter() - started
    if failures:
        raise RuntimeError(failures[0])
    return seconds


def _sender(target: Target, waiting: queue.SimpleQueue[bytes], failures: list[str]) -> None:
    headers = {"Content-Type": "application/x-ndjson", "Authorization": f"ApiKey {target.key.read_text().strip()}"}
    connection = http.client.HTTPConnection(urlsplit(target.url).netloc, timeout=120)
    try:
        while True:
            connection.request("POST", "/_bulk?filter_path=errors", waiting.get_nowait(), headers)
            answer = connection.getresponse()
            said = answer.read()
            if answer.status != 200 or b'"errors":false' not in said:
                failures.append(f"bulk: {answer.status} {said[:300]!r}")
                return
    except queue.Empty:
        pass
    except OSError as error:
        failures.append(f"bulk: {error!r}")
    finally:
        connection.close()
