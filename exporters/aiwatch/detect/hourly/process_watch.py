"""One process, brought up to date: from what is stored to what is shown."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from aiwatch import names
from aiwatch.catalogue.model import Process
from aiwatch.detect.hourly.chain import HOUR, Link, Seen, before_late, next_window, rows_in, unbroken
from aiwatch.detect.hourly.contracts import Judge
from aiwatch.detect.hourly.store import DriftStore, StoredWindow
from aiwatch.profiles.baseline import Baseline
from aiwatch.profiles.fold import Fold
from aiwatch.profiles.profile import Profile
from aiwatch.profiles.result import Result

LATE = timedelta(days=2)  # how long after a window its late rows are looked for
_OLDEST = timedelta(days=400)  # back, from where testing begins; before it, a clock stood still that stamped the rows
_BEFORE = timedelta(days=2)  # of windows before a change, which a cause is told by
_FARTHEST = timedelta(days=7)  # back, of windows that a cause is told by
_AHEAD = timedelta(days=1)  # of profiles that are read at once
_LOG = logging.getLogger(__name__)


class ProcessWatch:
    """Tests the windows of one process in the order of time, each once, and again from where late rows came.

    What was tested is stored window by window, with what the judge remembers after it: whenever it is stopped, it goes
    on from there and comes to the same results.
    """

    def __init__(
        self, process: Process, baseline: Baseline, length: timedelta, judge: Judge, store: DriftStore
    ) -> None:
        """Do nothing before `catch_up`; ``length`` is that of a window."""
        self.process = process
        self.last: StoredWindow | None = None
        self.tested = 0  # windows, repetitions included
        self._baseline = baseline
        self._fingerprint = baseline.fingerprint
        self._length = length
        self._fold = Fold(baseline)
        self._judge = judge
        self._store = store
        self._links: list[Link] | None = None
        self._again_from: datetime | None = None
        self._first: datetime | None = None  # before which nothing is tested, if nothing was so far
        self._strays_since: datetime | None = None
        self._read: list[Profile] = []
        self._read_times: tuple[datetime, datetime] | None = None

    def restart(self, since: datetime) -> None:
        """Forget, at the next `catch_up`, what was found in windows that ended after ``since``: test them again.

        Where nothing before was ever tested, testing begins there.
        """
        self._again_from = since

    def catch_up(self, now: datetime, upstream: Mapping[str, Result]) -> int:
        """Test every window that is closed by ``now`` and was not tested as it is now; return how many.

        What was found in windows after ``now`` (which may be a time in the past) is passed over, and stays.

        Raises:
            Exception: whatever the store raises, or the judge; what was tested until then is kept.
        """
        self._read, self._read_times = [], None  # of a look that was cut off: more may have come since
        if (again := self._again_from) is not None:
            self._cut([link for link in self._load(again - self._length, now) if link.end <= again], again)
            self._again_from, self._first = None, again
        elif self._links is None:
            self._cut(self._load(now - LATE, now), None)
        links, seen = self._without_late(now)
        self._links = links  # which grow with every window that is stored, whatever happens at the next one
        before = self.tested
        while window := next_window(links, seen, self._length, now):
            start, end = window
            previous = links[-1].digest if links else ""
            link = Link(start, end, rows_in(seen, start, end), self._fingerprint, previous)
            result, memory = self._test(link, seen, upstream)
            newest = StoredWindow(result, link, memory)
            self._store.put(newest)
            self.last = newest  # no sooner: a window that could not be stored is tested again with the memory before it
            links.append(link)
            self.tested += 1
        if self._strays_since is not None:
            self._store.remove_others(self.process.name, self._strays_since, links[-1].end if links else now, links)
            self._strays_since = None
        self._links = [link for link in links if link.end > now - LATE] or links[-1:]
        self._read, self._read_times = [], None
        return self.tested - before

    def _test(self, link: Link, seen: Seen, upstream: Mapping[str, Result]) -> tuple[Result, bytes]:
        parts = self._profiles(link.start, link.end, seen)
        window = merged([*parts, self._fold.empty(names.UNKNOWN, link.start, link.end)])

        def past(begun: datetime) -> Sequence[Profile]:
            return self._profiles(max(begun - _BEFORE, link.start - _FARTHEST), link.end, seen)

        memory, result = self._judge.judge(self.last.memory if self.last else b"", window, parts, past, upstream)
        return result, memory

    def _profiles(self, start: datetime, end: datetime, seen: Seen) -> list[Profile]:
        """Return the profiles of a time; those after it are read along, for they are likely to be asked for next."""
        name, fingerprint = self.process.name, self._fingerprint
        if self._read_times is None or start < self._read_times[0]:
            self._read, self._read_times = [], (start, start)
        first, until = self._read_times
        if end > until:
            ahead = max(end, min(until + _AHEAD, max(seen, default=end) + HOUR))
            self._read = [profile for profile in self._read if profile.start >= end - _FARTHEST]
            self._read += self._store.profiles(name, fingerprint, until, ahead)
            self._read_times = (max(first, end - _FARTHEST), ahead)
        return [profile for profile in self._read if start <= profile.start < end]

    def _load(self, since: datetime, now: datetime) -> list[Link]:
        """Return the windows since a time, and the one before, as far as they were tested by the present baseline."""
        found = [link for link in self._store.links(self.process.name, since) if link.end <= now]
        others = [place for place, link in enumerate(found) if link.baseline != self._fingerprint]
        found = found[others[-1] + 1 :] if others else found
        kept = unbroken(found, self._fingerprint)
        if len(kept) < len(found):
            self._strays_since = found[len(kept)].start
        return kept

    def _without_late(self, now: datetime) -> tuple[list[Link], Seen]:
        """Return the windows before the first one of which more rows have come, and the rows that there are."""
        assert self._links is not None
        while True:
            since = self._links[0].start if self._links else self._first or now - _OLDEST
            seen = self._store.seen(self.process.name, self._fingerprint, since)
            kept = before_late(self._links, seen)
            if kept or not self._links or not self._links[0].previous:
                break
            further = self._load(self._links[0].start - LATE, now)
            if further and further[0].start == self._links[0].start:
                break  # what was before is not stored any more
            self._links = further
        if len(kept) < len(self._links):
            late = self._links[len(kept)].start
            _LOG.info("%s: more rows have come since %s: tested again from there", self.process.name, late)
            self._cut(kept, late)
        return kept, seen

    def _cut(self, kept: list[Link], strays_since: datetime | None) -> None:
        """Go on after ``kept``; what was stored from ``strays_since`` on may be none of the windows to come."""
        last = self._store.tested(self.process.name, kept[-1].start) if kept else None
        self._links, self.last = kept, last  # together, or one would be of another past than the other
        if strays_since is not None:
            self._strays_since = min(strays_since, self._strays_since or strays_since)


def merged(profiles: Sequence[Profile]) -> Profile:
    """Return one profile of all, under the model version that most predictions have; they stay as they are."""
    rows: dict[str, int] = {}
    for profile in profiles:
        rows[profile.model_version] = rows.get(profile.model_version, 0) + profile.rows
    whole = copy.deepcopy(profiles[0])
    for profile in profiles[1:]:
        whole.merge(profile)
    return msgspec.structs.replace(whole, model_version=max(sorted(rows), key=lambda each: rows[each]))
