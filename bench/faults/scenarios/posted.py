"""The log is posted over HTTP, and again what was not answered with 200, while the exporter is killed."""

from __future__ import annotations

import gzip
import random
import threading
from collections.abc import Callable

import requests

from aiwatch.ingest.sources.compressed import zstd
from bench.faults.fault import Fault
from bench.faults.rig import Rig, RigError
from bench.faults.truth import Truth
from tools.servers.process import LOOPBACK, free_port

_BODY_BYTES = 2**16
_PACK: dict[str, Callable[[bytes], bytes]] = {"identity": bytes, "gzip": gzip.compress, "zstd": zstd.compress}


def killed(rig: Rig, times: int) -> int:
    """Kill the exporter at random moments while the lines are posted to it."""
    chance = random.Random(16)
    address = f"{LOOPBACK}:{free_port()}"
    rig.truth = Truth(16, nameless_share=0.0, corrupt_share=0.0)  # what has no id is stored as often as it is sent
    rig.log = rig.folder / "outbox.jsonl"
    rig.options.append(f"--events-listen={address}")
    rig.resent = True
    settings = rig.folder / "catalogue" / "processes" / f"{rig.name}.yml"
    settings.write_text(settings.read_text().partition("logs:")[0] + "logs: [{source: http}]\n")
    rig.write(100)
    shipper = _Shipper(rig, f"http://{address}/v1/events?process={rig.name}")
    rig.stack.callback(shipper.stop)
    for _ in range(times):
        rig.start()
        rig.feed(chance.uniform(0.02, 0.5))
        rig.strike()
    rig.start()
    rig.wait(lambda: shipper.all_taken, "take what is posted")
    return times


class _Shipper:
    """Follows the rig's log and posts it, piece by piece, each until it is answered with 200."""

    def __init__(self, rig: Rig, url: str) -> None:
        self._rig = rig
        self._url = url
        self._taken = 0  # bytes of the log
        self._done = threading.Event()
        self._refused = ""
        self._thread = threading.Thread(target=self._run, name="shipper", daemon=True)
        self._thread.start()

    @property
    def all_taken(self) -> bool:
        """Whether everything that was written so far has been answered with 200."""
        if self._refused:
            raise RigError(f"the exporter answered {self._refused}")
        return self._taken == self._rig.log.stat().st_size

    def stop(self) -> None:
        """End it."""
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        chance = random.Random(17)
        with requests.Session() as session, self._rig.log.open("rb") as log:
            while not self._done.is_set():
                log.seek(self._taken)
                piece = log.read(_BODY_BYTES)
                body = piece[: piece.rfind(b"\n") + 1]
                if not body or not self._post(session, body, chance.choice(list(_PACK))):
                    self._done.wait(0.02)
                else:
                    self._taken += len(body)

    def _post(self, session: requests.Session, body: bytes, encoding: str) -> bool:
        try:
            answer = session.post(self._url, _PACK[encoding](body), headers={"Content-Encoding": encoding}, timeout=20)
        except requests.RequestException:
            return False
        if answer.status_code not in (200, 429, 503):
            self._refused = f"{answer.status_code}: {answer.text}"
        return answer.status_code == 200


FAULTS = (Fault("posted", "lines posted over HTTP, exporter killed", killed, 20, 2),)
