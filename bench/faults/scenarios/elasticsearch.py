"""Elasticsearch is gone, refuses, answers half, or does not answer."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from functools import partial

from bench.faults import proxy
from bench.faults.fault import Fault
from bench.faults.proxy import Bulk, Misbehave, Proxy
from bench.faults.rig import Rig

_SHARE = 0.5  # of the bulk requests that are misbehaved upon
_CLIENT_TIMEOUT = 60  # seconds after which the exporter gives up on an answer


def stopped(rig: Rig, seconds: int) -> int:
    """Stop it for some seconds; meanwhile the exporter is killed once."""
    rig.start()
    rig.feed(0.5)
    server = rig.world.elasticsearch
    server.stop()
    try:
        rig.feed(seconds / 2, lines=1)
        rig.strike()
        rig.start()
        rig.feed(seconds / 2, lines=1)
    finally:
        server.start()
    rig.feed(0.5)
    return 1


def restarted(rig: Rig, times: int) -> int:
    """Restart it while lines come in; every other time it is killed first."""
    rig.start()
    server = rig.world.elasticsearch
    for number in range(times):
        rig.feed(0.5)
        if number % 2:
            server.kill()
        restart = threading.Thread(target=server.restart)
        restart.start()
        while restart.is_alive():
            rig.feed(0.2, lines=1)
        restart.join()
    return times


def misbehaving(misbehave: Misbehave, rig: Rig, times: int) -> int:
    """Misbehave on every other bulk request or so; meanwhile the exporter is killed once."""
    chance = random.Random(13)
    done: list[Bulk] = []

    def sometimes(bulk: Bulk) -> None:
        if len(done) < times and chance.random() < _SHARE:
            done.append(bulk)
            misbehave(bulk)
        else:
            bulk.reply(bulk.ask())

    between = _between(rig)
    between.misbehave = sometimes
    rig.start()
    rig.feed(60, lines=2, until=lambda: len(done) >= times // 2)
    rig.strike()
    rig.start()
    rig.feed(60, lines=2, until=lambda: len(done) >= times)
    return len(done)


def hanging_until_killed(rig: Rig, times: int) -> int:
    """Let it store and not answer; the exporter is killed while it waits."""
    between = _between(rig)
    for _ in range(times):
        between.misbehave = None
        rig.start()
        rig.feed(0.3)
        hung = threading.Event()
        between.misbehave = partial(_hang, hung)
        rig.feed(30, until=hung.is_set)
        rig.feed(0.2)
        rig.strike()
    between.misbehave = None
    return times


def hanging(rig: Rig, times: int) -> int:
    """Let it store and not answer for longer than the exporter waits."""
    between = _between(rig)
    rig.start()
    for _ in range(times):
        rig.feed(0.3)
        hung = threading.Event()

        def first(bulk: Bulk, hung: threading.Event = hung) -> None:
            if hung.is_set():
                bulk.reply(bulk.ask())
            else:
                _hang(hung, bulk)

        between.misbehave = first
        rig.feed(30, until=hung.is_set)
        rig.feed(1)
        rig.catch_up(_CLIENT_TIMEOUT + 30)
    return times


def _between(rig: Rig) -> Proxy:
    between = rig.stack.enter_context(Proxy(rig.elasticsearch))
    rig.elasticsearch = between.url
    return between


def _hang(hung: threading.Event, bulk: Bulk) -> None:
    hung.set()
    proxy.hang(bulk)


def _misbehaving(misbehave: Misbehave) -> Callable[[Rig, int], int]:
    return partial(misbehaving, misbehave)


FAULTS = (
    Fault("es-stopped", "Elasticsearch stopped for two minutes", stopped, 120),
    Fault("es-restarted", "Elasticsearch restarted or killed", restarted, 4),
    Fault("es-429", "bulk answered 429", _misbehaving(proxy.throttle), 20),
    Fault("es-503", "bulk answered 503", _misbehaving(proxy.unavailable), 20),
    Fault("es-half", "half of a bulk's items rejected", _misbehaving(proxy.half), 20),
    Fault("es-cut", "connection cut in the middle of the answer", _misbehaving(proxy.cut_answer), 20, 3),
    Fault("es-hang-killed", "no answer, exporter killed meanwhile", hanging_until_killed, 6),
    Fault("es-hang", "no answer for more than a minute", hanging, 1),
)
