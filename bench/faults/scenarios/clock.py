"""The clock is stepped: the exporter's ``time.time`` is off by what a file says."""

from __future__ import annotations

from bench.faults.fault import Fault
from bench.faults.rig import Rig

_STEPS = (-7200, -7260, 3600, -3600)  # seconds off, one after the other


def stepped(rig: Rig, times: int) -> int:
    """Step the clock while the exporter runs, the first time while new series are still shown as 0; then kill it.

    Each time it must go on: show new values, and put ratings onto interactions.
    """
    clock = rig.folder / "clock"
    clock.write_text("0")
    for number in range(times):
        rig.start(fault=f"clock:{clock}")
        rig.feed(0.5)
        part = clock.with_suffix(".part")
        part.write_text(str(_STEPS[number % len(_STEPS)]))
        part.rename(clock)  # at once: the exporter never finds it empty
        rig.feed(1.5)
        rig.catch_up()
        rig.wait(lambda: _ratings(rig) == len(rig.truth.rated), "put ratings onto their interactions")
        if number < times - 1:
            rig.strike()
    return times


def _ratings(rig: Rig) -> int:
    """Return how many interactions have got their rating."""
    rig.world.client.indices.refresh(index="aiwatch-*")
    must = [{"term": {"process": rig.name}}, {"exists": {"field": "feedback.rating"}}]
    query = {"bool": {"must": must}}
    return int(rig.world.client.count(index="aiwatch-interactions-*", query=query)["count"])


FAULTS = (Fault("clock", "clock stepped back (time.time wrapped)", stepped, 6),)
