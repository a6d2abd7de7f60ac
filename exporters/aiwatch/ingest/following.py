"""Runs one exporter after the other, a new one whenever the catalogue has changed, behind the same two servers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack

from aiwatch.catalogue.model import Catalogue
from aiwatch.catalogue.watch import CatalogueWatch
from aiwatch.ingest.contracts import StoppedError
from aiwatch.ingest.export import Exporter
from aiwatch.ingest.serve import MetricsServer
from aiwatch.ingest.sources.http import PATH, EventsServer
from aiwatch.ingest.sources.spool import Spool

_LOG = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0  # between two looks at the catalogue

Start = Callable[[ExitStack, Catalogue, threading.Event], Exporter]
"""Opens the exporter of a catalogue, which the stack closes and the event halts."""


class ListenError(Exception):
    """Nobody can be listened to at an address; the message says what to choose instead."""


class Metrics:
    """The server of /metrics, which goes on with the values of the exporter before until the next one has its own."""

    def __init__(self, host: str, port: int) -> None:
        """Say where; it listens once there is something to show."""
        self._host, self._port = host, port
        self._server: MetricsServer | None = None

    def show(self, exporter: Exporter) -> None:
        """Show the metrics of an exporter from now on.

        Raises:
            ListenError: the address is taken, or not allowed.
        """
        if self._server is not None:
            self._server.show(exporter.exposition, exporter.self_metrics)
            return
        try:
            self._server = MetricsServer(self._host, self._port, exporter.exposition, exporter.self_metrics)
        except OSError as error:
            raise ListenError(
                f"cannot serve /metrics on {self._host}:{self._port}: {error.strerror}; choose another with --listen"
            ) from None
        _LOG.info("metrics on http://%s/metrics", self._server.address)

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()


class Events:
    """The server of events, which listens once the catalogue has a log that needs it."""

    def __init__(self, host: str, port: int, token: str | None) -> None:
        """Say where, and which token whoever posts must present."""
        self._host, self._port, self._token = host, port, token
        self._server: EventsServer | None = None

    def show(self, spools: Mapping[str, Spool]) -> None:
        """Take events into ``spools``.

        Raises:
            ListenError: the address is taken, or not allowed.
        """
        if self._server is None:
            if not spools:
                return
            try:
                self._server = EventsServer(self._host, self._port, self._token)
            except OSError as error:
                raise ListenError(
                    f"cannot take events on {self._host}:{self._port}: {error.strerror}; "
                    "choose another with --events-listen"
                ) from None
            _LOG.info("events on http://%s%s", self._server.address, PATH)
        self._server.show(spools)

    def pause(self) -> None:
        """Ask who posts events to come back."""
        if self._server is not None:
            self._server.show(None)

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()


def follow(
    start: Start, catalogue: Catalogue, watch: CatalogueWatch, metrics: Metrics, events: Events, stop: threading.Event
) -> None:
    """Run until told to stop. Who posts events between two exporters is asked to come back.

    Raises:
        ListenError: one of the servers cannot listen.
    """
    following: Catalogue | None = catalogue
    with ExitStack() as serving:
        serving.callback(events.close)
        serving.callback(metrics.close)
        while following is not None:
            halt = threading.Event()
            with ExitStack() as stack:
                exporter = start(stack, following, halt)
                metrics.show(exporter)
                events.show(exporter.spools)
                stack.callback(events.pause)
                following = _run(exporter, watch, halt, stop)


def _run(exporter: Exporter, watch: CatalogueWatch, halt: threading.Event, stop: threading.Event) -> Catalogue | None:
    """Run the exporter until told to stop, or until the catalogue has changed, which is returned then."""
    found: list[Catalogue] = []

    def look() -> None:
        while not (stop.wait(_LOOK_SECONDS) or halt.is_set() or found):
            found.extend([changed] if (changed := watch.changed()) is not None else [])
        halt.set()

    threading.Thread(target=look, name="catalogue", daemon=True).start()
    try:
        exporter.pipeline.run()
    except StoppedError:
        _LOG.info("stopped while lines were waiting; they will be read again")
    finally:
        halt.set()
    if exporter.member is not None and exporter.member.failure is not None:
        raise exporter.member.failure
    if stop.is_set() or not found:
        return None
    _LOG.info("the catalogue has changed: going on with the new one")
    return found[0]
