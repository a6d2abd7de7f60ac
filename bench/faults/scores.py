"""A model whose predictions are profiled: lines of known content, and what the profiles of its hours must hold."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from aiwatch.profiles.baseline import FORMAT, Baseline, FeatureBaseline, Source, baseline_path, write_baseline
from aiwatch.profiles.document import ProfileDocument, profile_of
from aiwatch.profiles.fold import Cell, Fold, start_of_hour
from aiwatch.profiles.normal_scores import normal_scores
from aiwatch.profiles.profile import Categorical, Counts, Numeric, Profile, Shape

COUNTRIES = ("DE", "FR", "NL", "unheard-of")
REPEATED_SHARE = 0.02
WRONG_SHARE = 0.005  # of the amounts
EVERY_MILLISECONDS = 2000  # between two predictions, so that they fall into several hours


class Scores:
    """Makes the lines of one model, and keeps what those that were made so far must lead to.

    All numbers are multiples of 1/64, so that their sums are exact in whatever order they are added.
    """

    def __init__(self, process: str, seed: int) -> None:
        """Begin with nothing."""
        self.process = process
        self.lines = 0
        self.records = 0
        self.profiles: dict[Cell, Profile] = {}
        self._fold = Fold(made_baseline(process))
        self._chance = random.Random(seed)
        self._start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=12)
        self._last = b""

    def describe(self, catalogue: Path, source: str = "") -> None:
        """Write the process and its baseline into a catalogue; ``source`` says where the log is, if not in a file."""
        (catalogue / "processes" / f"{self.process}.yml").write_text(
            f"name: {self.process}\ntitle: Fraud\nkind: classifier\nbusiness_unit: sales\nowner: a@example.com\n"
            "features: {amount: {type: numeric}, country: {type: categorical}}\n" + source
        )
        path = baseline_path(catalogue, self.process)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(write_baseline(self._fold.baseline))

    def make(self, number: int) -> bytes:
        """Return that many new lines."""
        return b"".join(self._line() + b"\n" for _ in range(number))

    def differences(self, documents: Iterable[dict[str, Any]]) -> list[str]:
        """Return, in words, where stored profiles (documents, as JSON reads them) are not what they must be."""
        parts: dict[str, ProfileDocument] = {}
        for document in msgspec.convert(list(documents), list[ProfileDocument]):
            held = parts.setdefault(document.id, document)
            if document.rows > held.rows:
                parts[document.id] = document
        found: dict[Cell, Profile] = {}
        for document in parts.values():
            profile, cell = profile_of(document), (document.model_version, document.time)
            if cell in found:
                found[cell].merge(profile)
            else:
                found[cell] = profile
        return [
            f"the profile of version {version} at {start:%H:%M} has "
            f"{found[version, start].rows if (version, start) in found else 'no'} rows, or others, not {right.rows}"
            for (version, start), right in self.profiles.items()
            if found.get((version, start)) != right
        ] + [f"there is a profile of {cell}, which never was" for cell in found.keys() - self.profiles.keys()]

    def _line(self) -> bytes:
        self.lines += 1
        chance = self._chance
        if self._last and chance.random() < REPEATED_SHARE:
            return self._last
        self.records += 1
        time = self._start + timedelta(milliseconds=EVERY_MILLISECONDS * self.records)
        version = chance.choice("78")
        features = {
            "amount": "wrong" if chance.random() < WRONG_SHARE else chance.choice((None, chance.randrange(640) / 64)),
            "country": chance.choice(COUNTRIES),
        }
        score, label, latency = chance.randrange(65) / 64, chance.choice((None, 0, 1)), chance.randrange(1, 64) / 64
        profile = self.profiles.setdefault(
            (version, start_of_hour(time)), self._fold.empty(version, start_of_hour(time))
        )
        self._fold.add(profile, features, score, decision="approve", latency=latency, label=label)
        record = {"@timestamp": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"), "type": "prediction"}
        record |= {"id": f"p{self.records}", "model_version": version}
        further = {"features": features, "score": score, "decision": "approve", "latency": latency, "label": label}
        self._last = json.dumps(record | further).encode()
        return self._last


def made_baseline(process: str) -> Baseline:
    """Return a baseline with a few bins."""

    def feature(shape: Shape, bins: list[int]) -> FeatureBaseline:
        return FeatureBaseline(shape, Counts(bins), normal_scores(bins))

    edges = tuple(number / 2 for number in range(1, 20))
    features = {
        "amount": feature(Numeric(edges), [50] * 20),
        "country": feature(Categorical(COUNTRIES[:3]), [500, 300, 200]),
        "score": feature(Numeric((0.25, 0.5, 0.75)), [250] * 4),
    }
    return Baseline(
        format=FORMAT,
        process=process,
        model_version=None,
        created=datetime(2026, 3, 1, tzinfo=UTC),
        source=Source(("made",), "0" * 64, 1000),
        features=features,
        relations=("score", "amount", "country"),
        sums=(0, 0, 0),
        products=(0,) * 6,
        segments={"country": COUNTRIES[:2]},
    )
