"""The state of a process, as its trail adds up to it, and what is written next: pure functions.

A review opens with an alert and ends when a person resumes. An alert is known by its process and by when it began to
fire: however often it is repeated, it opens one review, or joins the one there is, once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import reduce
from typing import Any, Literal

import msgspec

from aiwatch.respond.trail import (
    Action,
    Dropped,
    Entry,
    Failed,
    Joined,
    Opened,
    Quarantined,
    Resumed,
    Started,
    Succeeded,
    Window,
)

QUARANTINE = "quarantine"  # the step that the responder does by itself
_FIRST_DELAY = 5.0
_LONGEST_DELAY = 600.0
Outcome = Literal["succeeded", "failed", "dropped"]
_OUTCOME: Mapping[type[Entry], Outcome] = {Succeeded: "succeeded", Failed: "failed", Dropped: "dropped"}
OUTCOMES = tuple(_OUTCOME.values())


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, or to undo.

    ``status`` is ``started`` while it is being tried; when the responder starts, that is an attempt that was cut off.
    ``memo`` is how things were before it was first tried; None while there is nothing to undo.
    """

    name: str
    action: Action
    status: Literal["waiting", "started", "failed", "succeeded", "dropped"] = "waiting"
    attempts: int = 0
    last: datetime | None = None
    detail: str = ""
    memo: Mapping[str, str] | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.status in ("succeeded", "dropped")

    @property
    def due(self) -> datetime | None:
        """When to try it (again), None for at once."""
        return self.last + delay(self.attempts) if self.status == "failed" and self.last else None


@dataclass(frozen=True, slots=True)
class Review:
    """A process, after ``number`` entries; ``open`` while its model is under review.

    ``alerts`` holds the beginnings of all alerts that were ever answered; ``windows`` all that are quarantined,
    ``former`` those of them that were so before this review. ``resumed`` is how the last review ended that did.
    """

    process: str
    number: int = 0
    case: int = 0
    open: bool = False
    pauses: bool = False
    opened: Opened | None = None
    resumed: Resumed | None = None
    alerts: frozenset[datetime] = frozenset()
    windows: tuple[Window, ...] = ()
    former: tuple[Window, ...] = ()
    steps: Mapping[str, Step] = field(default_factory=dict)
    outcomes: Mapping[tuple[str, Outcome], int] = field(default_factory=dict)

    @property
    def paused(self) -> bool:
        """Whether retraining is paused."""
        return self.open and self.pauses


def delay(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts.

    >>> [delay(n).seconds for n in (1, 2, 3, 8, 1000)]
    [5, 10, 20, 600, 600]
    """
    return timedelta(seconds=min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** min(attempts - 1, 20)))


def waiting(review: Review, name: str, now: datetime) -> timedelta:
    """Return for how long a step has been asked for, or its undoing, and is not done; 0 when nothing is asked for."""
    step = review.steps.get(name)
    if step is None or step.finished:
        return timedelta()
    asked = review.resumed if step.action == "resume" else review.opened
    return max(now - asked.time, timedelta()) if asked else timedelta()


def fold(review: Review, entries: Iterable[Entry]) -> Review:
    """Return the state after further entries."""
    return reduce(_after, entries, review)


def _after(review: Review, entry: Entry) -> Review:
    review = replace(review, number=entry.number, case=entry.case)
    match entry:
        case Opened():
            undoing = {name: step for name, step in review.steps.items() if not step.finished}
            steps = {name: Step(name, "pause", memo=_memo(review, name)) for name in entry.steps}
            return replace(
                review,
                open=True,
                pauses=entry.pauses,
                opened=entry,
                alerts=review.alerts | {entry.alert_since},
                former=review.windows,
                steps={**undoing, **steps},
            )
        case Joined():
            return replace(review, alerts=review.alerts | {entry.alert_since})
        case Quarantined():
            return replace(review, windows=(*review.windows, *entry.windows))
        case Started():
            step = review.steps[entry.step]
            memo = entry.memo if step.memo is None else step.memo
            step = replace(step, status="started", attempts=step.attempts + 1, last=entry.time, memo=memo)
            return replace(review, steps={**review.steps, step.name: step})
        case Succeeded() | Failed() | Dropped():
            return _finished(review, entry)
        case Resumed():
            return replace(review, open=False, resumed=entry, steps=_undo(review), windows=_closed(review, entry))


def _memo(review: Review, name: str) -> Mapping[str, str] | None:
    """Return what a step has to restore that was done in a former review and not undone since."""
    return review.steps[name].memo if name in review.steps else None


def _undo(review: Review) -> Mapping[str, Step]:
    """Return what is to be undone of what was begun; a quarantine is not a thing to undo."""
    begun = [step for step in review.steps.values() if step.memo is not None and step.name != QUARANTINE]
    return {step.name: Step(step.name, "resume", memo=step.memo) for step in begun}


def _finished(review: Review, entry: Succeeded | Failed | Dropped) -> Review:
    outcome = _OUTCOME[type(entry)]
    step = review.steps[entry.step]
    # An attempt that could not even look how things are was not started.
    attempts = step.attempts + (outcome == "failed" and step.status != "started")
    memo = None if outcome == "succeeded" and entry.action == "resume" else step.memo
    step = replace(step, status=outcome, attempts=attempts, last=entry.time, detail=entry.detail, memo=memo)
    outcomes = Counter(review.outcomes)
    outcomes[entry.step, outcome] += 1
    return replace(review, steps={**review.steps, step.name: step}, outcomes=outcomes)


def _closed(review: Review, resumed: Resumed) -> tuple[Window, ...]:
    """Return what stays quarantined: nothing of this review if it is released, else what began before its end."""
    if resumed.release:
        return review.former
    return tuple(msgspec.structs.replace(w, end=w.end or max(resumed.time, w.start)) for w in review.windows)


# -- what is written next; None for nothing ---------------------------------------------------------


def on_alert(review: Review, since: datetime, steps: Sequence[str], pauses: bool, now: datetime) -> Entry | None:
    """Return the answer to an alert that began to fire at ``since``: nothing when it was answered before."""
    if since in review.alerts:
        return None
    if review.open:
        return Joined(**_head(review, now), alert_since=since)
    head = {**_head(review, now), "case": review.case + 1}
    return Opened(**head, alert_since=since, steps=tuple(steps), pauses=pauses)


def on_windows(review: Review, windows: Iterable[Window], now: datetime) -> Entry | None:
    """Return the quarantine of those windows that are not in it yet."""
    known = set(review.windows)
    new = tuple(window for window in windows if window not in known)
    return Quarantined(**_head(review, now), windows=new) if new and review.open else None


def on_start(review: Review, name: str, action: Action, memo: Mapping[str, str], now: datetime) -> Entry | None:
    """Return the beginning of an attempt, as long as the step is still to be done."""
    if not _pending(review, name, action):
        return None
    return Started(**_head(review, now), step=name, action=action, memo=dict(memo))


def on_end(
    review: Review, name: str, action: Action, end: type[Succeeded | Failed | Dropped], detail: str, now: datetime
) -> Entry | None:
    """Return how an attempt ended, as long as the step is still to be done: a person may have resumed meanwhile."""
    if not _pending(review, name, action):
        return None
    return end(**_head(review, now), step=name, action=action, detail=detail)


def on_resume(review: Review, by: str, reason: str, release: bool, now: datetime) -> Entry | None:
    """Return the end of the review by a person; None when there is none."""
    return Resumed(**_head(review, now), by=by, reason=reason, release=release) if review.open else None


def _pending(review: Review, name: str, action: Action) -> bool:
    step = review.steps.get(name)
    return step is not None and step.action == action and not step.finished


def _head(review: Review, now: datetime) -> dict[str, Any]:
    return {"time": now, "process": review.process, "number": review.number + 1, "case": review.case}
