"""What each hour of predictions looked like, counted along with the metrics and exactly as often."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple, Protocol, Self

import msgspec

from aiwatch import names
from aiwatch.catalogue.model import Process
from aiwatch.profiles.document import ProfileDocument, document_of, profile_of
from aiwatch.profiles.fold import Cell, Fold
from aiwatch.profiles.profile import Counted

VERSIONS = 20  # of a model within an hour; what comes later counts as OTHER
_OPEN = 32  # profiles that are held ready to be added to; the others are packed


class Key(NamedTuple):
    """What tells a profile from others of the same exporter."""

    process: str
    model_version: str
    baseline: str
    start: datetime


class Profiled(Protocol):
    """Lines that know what they add to profiles; see `aiwatch.ingest.batch.Lines`."""

    def profiles(self, fold: Fold, further: Sequence[Self] = ()) -> Mapping[Cell, Counted]:
        """Return what these lines, and ``further`` ones of the same class, add to the profiles of hours."""


class HeldProfile(msgspec.Struct, frozen=True):
    """A part of a profile as it is committed: its document, and when (epoch seconds) something was added last."""

    touched: float
    document: ProfileDocument

    @property
    def key(self) -> Key:
        """What it is the profile of."""
        document = self.document
        return Key(document.process, document.model_version, document.baseline, document.time)


def _new_part(key: Key) -> str:
    return secrets.token_hex(8)


class ProfileBook:
    """Every profile that is not yet done with, as the checkpoint holds it.

    What a batch adds is first `prepared`, then committed, and only then `published`. An hour may be opened again at
    any time; one that was `forgotten` meanwhile goes on as a new part.
    """

    def __init__(
        self,
        processes: Iterable[Process],
        held: Iterable[HeldProfile] = (),
        new_part: Callable[[Key], str] = _new_part,
    ) -> None:
        """Profile those ``processes`` that have a baseline; begin with what the checkpoint ``held``.

        ``new_part`` names parts; no two exporters may give the same name.
        """
        self.held = {each.key: each for each in held}
        self._folds = {each.name: Fold(each.baseline) for each in processes if each.baseline is not None}
        self._new_part = new_part
        self._open: OrderedDict[Key, Counted] = OrderedDict()

    def prepare(self, process: str, stored: Iterable[Profiled], now: float) -> list[HeldProfile]:
        """Return the profiles that ``stored`` lines of a process change, as they are to be committed.

        When that fails the book is not to be used any more.
        """
        fold = self._folds.get(process)
        if fold is None:
            return []
        merged: dict[Key, Counted] = {}
        for _, run in groupby(stored, type):
            first, *further = run
            for (version, start), profile in first.profiles(fold, further).items():
                self._merge(Key(process, version, fold.fingerprint, start), profile, merged)
        return [self._add(key, profile, now) for key, profile in merged.items()]

    def publish(self, prepared: Iterable[HeldProfile]) -> None:
        """Make committed profiles the current ones."""
        for held in prepared:
            self.held[held.key] = held

    def forget(self, keys: Iterable[Key]) -> None:
        """Leave out profiles that were forgotten."""
        for key in keys:
            self.held.pop(key, None)
            self._open.pop(key, None)

    def _merge(self, key: Key, profile: Counted, merged: dict[Key, Counted]) -> None:
        key = self._bounded(key, merged)
        profile.model_version = key.model_version
        merged[key] = merged[key].plus(profile) if key in merged else profile

    def _bounded(self, key: Key, further: Iterable[Key]) -> Key:
        """Return the key, or that of all other versions when the hour has many."""
        if key in self.held:
            return key
        other = key._replace(model_version=names.OTHER)
        versions = {each for each in (*self.held, *further) if each._replace(model_version=names.OTHER) == other}
        return key if key in versions or len(versions - {other}) < VERSIONS else other

    def _add(self, key: Key, more: Counted, now: float) -> HeldProfile:
        held = self.held.get(key)
        before: Counted | None = self._open.pop(key, None)
        if before is None and held is not None:
            before = profile_of(held.document)
        profile = self._open[key] = more if before is None else before.plus(more)
        while len(self._open) > _OPEN:
            self._open.popitem(last=False)
        part = self._new_part(key) if held is None else held.document.part
        return HeldProfile(now, document_of(profile.whole(), part))
