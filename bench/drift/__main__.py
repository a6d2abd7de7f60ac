"""``python -m bench.drift``: false alarms, delay, real data and speed of drift detection; an hour on an idle core."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

import numpy as np

from bench.drift import car_loan, delay, null, side_by_side, speed
from bench.drift.streams import Stream, World
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
    world = World()
    peers = [delay.Calibrated(peer, world) for peer in delay.PEERS]
    for change, hours in delay.CASES:
        seeds = range(900, 900 + repetitions)
        ours = np.array([delay.ours(Stream(world, seed, change, delay.ROWS), hours) for seed in seeds])
        what = f"delay: {change.kind} {change.size:g}"
        theirs = {
            peer.peer.name: np.array([peer.delay(Stream(world, s, change, delay.ROWS), hours) for s in seeds])
            for peer in peers
        }
        fastest = min(float(np.median(found)) for found in theirs.values())
        target = f"<= {fastest:g}" if np.isfinite(fastest) else None
        yield Figure(f"{what}, median", float(np.median(ours)), "hours", target)
        for name, found in theirs.items():
            yield Figure(f"  {name}, median", float(np.median(found)), "hours")
        share = 100 * float((ours <= 3).mean())
        if change.kind == "mean":
            yield Figure(f"{what}, within 3 hours", share, "%", ">= 95")
        elif change.kind != "ramp":
            yield Figure(f"{what}, within 3 hours", share, "%")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, nargs="*", default=PARTS)
    parser.add_argument("--repetitions", type=int, default=200, help="streams of 60 days for the false alarms")
    parser.add_argument("--delays", type=int, default=60, help="streams for each change")
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
