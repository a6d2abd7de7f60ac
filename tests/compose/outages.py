"""Proofs that services may end at any moment, one of them or all at once."""

from __future__ import annotations

import time

from tests.compose.counts import counts_agree
from tests.compose.shell import LeftOut, say, wait
from tests.compose.stack import ONE_SHOTS, Stack, expect

KILLED = ("exporter", "drift", "responder", "alertmanager", "prometheus", "elasticsearch")
BACK_SECONDS = 240


def survives_kills(stack: Stack) -> str:
    """Each service is killed in turn while lines are written; it comes back by itself and nothing is lost."""
    stack.up(demo=True)
    for name in (*KILLED, *(("grafana",) if "grafana" in stack.containers() else ())):
        say(f"  killing {name}")
        stack.crash(name)
    return f"{', '.join(KILLED)}: {counts_agree(stack)}"


def restarts_elasticsearch(stack: Stack) -> str:
    """`docker compose restart elasticsearch` while lines are written loses nothing."""
    stack.up(demo=True)
    stack.compose("restart", "elasticsearch")
    wait("elasticsearch is not healthy", lambda: stack.healthy("elasticsearch"), 240)
    return counts_agree(stack)


def restarts_the_host(stack: Stack) -> str:
    """Daemon and containers end at once while lines are written, as without power; all comes back by itself."""
    machine = stack.daemon.by_hand
    if machine is None:
        raise LeftOut("only a daemon that this test has started is ended by force")
    stack.up(demo=True)
    before = stack.containers()
    ended = machine.crash()
    began = time.monotonic()
    machine.start()
    running = [name for name in before if name not in ONE_SHOTS]
    back: dict[str, float] = {}

    def all_back() -> bool:
        for name in running:
            if name not in back and stack.healthy(name):
                back[name] = time.monotonic() - began
        expect(len(back) == len(running), f"{sorted(back)} alone are healthy")
        return True

    wait("not all came back", all_back, BACK_SECONDS)
    last = max(back, key=lambda name: back[name])
    for name, each in stack.containers().items():
        expect(each["Id"] == before[name]["Id"], f"{name} is another container")
        again = each["State"]["StartedAt"] != before[name]["State"]["StartedAt"]
        expect(again == (name in running), f"{name} was {'' if again else 'not '}started again")
    return f"{ended} processes ended, {last} the last to be healthy, {back[last]:.0f} s later: {counts_agree(stack)}"
