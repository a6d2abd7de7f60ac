"""``python -m bench.drift``: false alarms, delay, real data and speed of drift detection; an hour on an idle core."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

import numpy as np

from bench.drift import car_loan, delay, null, side_by_side, speed
from bench.drift.streams import World
from bench.report import Figure, report

PARTS = ("false-alarms", "delay", "car-loan", "speed", "peers")
ROBUST = 10  # a tenth of the repetitions for each of the other worlds


def false_alarms(repetitions: int) -> Iterator[Figure]:
    for name, world in null.WORLDS.items():
        promised = world == World()
        number = repetitions if promised else max(3, repetitions // ROBUST)
        numbers = [null.alarms(world, seed) for _, seed in null.seeds(1, number)]
        found = null.rate(numbers)
        what = f"false alarms in 90 days: {name}, {number} x {null.DAYS} days"
        yield Figure(what, found.per_period, f"({found.alarms} in all)", "<= 1" if promised else None)
        yield Figure(f"  upper 95 % bound: {name}", found.bound, "", "<= 2" if promised else None)


def delays(repetitions: int) -> Iterator[Figure]:
    seeds = range(900, 900 + repetitions)
    worlds = {case.world for case in delay.CASES}
    peers = {world: [delay.Calibrated(peer, world, seeds) for peer in delay.PEERS] for world in worlds}
    for case in delay.CASES:
        found = np.array([delay.ours(case, seed) for seed in seeds])
        season = f" with a season of {case.world.season:g} sd" if case.world.season else ""
        what = f"delay: {case.kind} {case.size:g}{season}"
        theirs = {
            each.peer.name: float(np.median([each.delay(case, seed) for seed in seeds])) for each in peers[case.world]
        }
        fastest = min(theirs.values())
        yield Figure(
            f"{what}, median", float(np.median(found)), "hours", f"<= {fastest:g}" if np.isfinite(fastest) else None
        )
        for name, median in theirs.items():
            yield Figure(f"  {name}, median", median, "hours")
        share = 100 * float((found <= 3).mean())
        yield Figure(f"{what}, within 3 hours", share, "%", ">= 95" if case.kind == "mean" else None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, nargs="*", default=PARTS)
    parser.add_argument("--repetitions", type=int, default=200, help="streams of 60 days for the false alarms")
    parser.add_argument("--delays", type=int, default=20, help="streams for each change")
    parser.add_argument("--hours", type=int, default=72, help="hours of a stream for the peers' own defaults")
    arguments = parser.parse_args()
    figures: list[Figure] = []
    if "car-loan" in arguments.only:
        figures += car_loan.figures()
    if "delay" in arguments.only:
        figures += delays(arguments.delays)
    if "false-alarms" in arguments.only:
        figures += false_alarms(arguments.repetitions)
    if "speed" in arguments.only:
        figures += [speed.hourly(), *speed.throughput()]
    if "peers" in arguments.only:
        figures += side_by_side.figures(arguments.hours, 2)
    return 0 if report("drift", figures) else 1


if __name__ == "__main__":
    sys.exit(main())
