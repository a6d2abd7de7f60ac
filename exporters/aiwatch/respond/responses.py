"""The response: what an alert sets off, done step by step until it is done, and undone when a person resumes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

from aiwatch.kinds.drift import ModelDrift
from aiwatch.names import PROCESS
from aiwatch.respond import review as reviews
from aiwatch.respond.adapters.contract import AdapterError, Case
from aiwatch.respond.journal import Journal
from aiwatch.respond.payload import Alert
from aiwatch.respond.policy import Policy
from aiwatch.respond.review import QUARANTINE, Review, Step
from aiwatch.respond.store import StoreError
from aiwatch.respond.trail import Dropped, Failed, Succeeded
from aiwatch.respond.windows import Windows, concerned, merged

_AT_ONCE = 8  # steps, so that one system that does not answer does not hold up the others
_FOLLOW = timedelta(minutes=1)  # between two looks for further windows of an open review
_LOG = logging.getLogger("aiwatch.respond")


class NotUnderReviewError(Exception):
    """There is nothing to resume; the message says how the last review ended."""


class Responses:
    """Answers alerts. `notice` and `resume` only write down what is to be done and set ``pending``; `work` does it.

    Args:
        journal: the trails.
        policies: what is to be done, by process.
        windows: finds the windows that are concerned.
        now: the clock, in UTC and whole milliseconds.
    """

    def __init__(
        self, journal: Journal, policies: Mapping[str, Policy], windows: Windows, now: Callable[[], datetime]
    ) -> None:
        """Do nothing yet."""
        self.journal = journal
        self.policies = policies
        self._windows = windows
        self.now = now
        self._followed: dict[str, datetime] = {}
        self.pending = threading.Event()

    def notice(self, alerts: Iterable[Alert]) -> None:
        """Write down what is to be done about alerts that came; those that came before change nothing.

        Raises:
            StoreError: it could not be written down; Alertmanager has to send them again.
        """
        for alert in alerts:
            process = alert.labels.get(PROCESS, "")
            if alert.labels.get("alertname") != ModelDrift.alert or alert.status != "firing":
                continue
            policy = self.policies.get(process)
            if policy is None:
                _LOG.error("%s fires of %r, which the catalogue does not know as a model", ModelDrift.alert, process)
                continue
            decide = partial(
                reviews.on_alert, since=alert.starts_at, steps=policy.steps, pauses=policy.pauses, now=self.now()
            )
            if self.journal.append(process, decide) is not None:
                self.pending.set()

    def resume(self, process: str, by: str, reason: str, release: bool) -> None:
        """Write down that a person ended the review.

        Raises:
            NotUnderReviewError: there is none.
            StoreError: it could not be written down.
        """
        self.journal.refresh([process])
        decide = partial(reviews.on_resume, by=by, reason=reason, release=release, now=self.now())
        if self.journal.append(process, decide) is None:
            last = self.journal.reviews[process].resumed
            how = f"{last.by} resumed it at {last.time:%Y-%m-%d %H:%M} UTC" if last else "it never was"
            raise NotUnderReviewError(f"{process} is not under review: {how}")
        self.pending.set()

    def work(self) -> None:
        """Try every step that is due.

        Windows come first, for the others tell of them; those are tried all at once.

        Raises:
            StoreError: the trails cannot be read.
        """
        self.journal.refresh(self.policies)
        now = self.now()
        for review in [review for review in self.journal.reviews.values() if review.open]:
            step = review.steps[QUARANTINE]
            if _is_due(step, now):
                self._patiently(self._attempt, review, step, dict, partial(self._quarantine, review))
            elif step.finished and now >= self._followed.get(review.process, now):
                self._followed[review.process] = now + _FOLLOW
                self._patiently(self._quarantine, review)
        with ThreadPoolExecutor(_AT_ONCE, "response") as pool:
            tried = [
                pool.submit(self._patiently, self._try, review, step)
                for review in self.journal.reviews.values()
                for step in review.steps.values()
                if step.name != QUARANTINE and _is_due(step, now)
            ]
        for each in tried:
            each.result()

    def _patiently(self, do: Callable[..., object], *arguments: object) -> None:
        """Do something; what fails, and is not in the trail as failed, is done again by the next call of `work`."""
        try:
            do(*arguments)
        except (StoreError, AdapterError) as error:
            _LOG.error("a response goes on later: %s", error)

    def _try(self, review: Review, step: Step) -> None:
        policy = self.policies.get(review.process)
        adapter = policy.adapters.get(step.name) if policy else None
        if policy is None or adapter is None:
            self._end(review, step, Dropped, f"the catalogue has no {step.name} of this process any more")
            return
        case = _case(review, step, policy)
        act: Callable[[Mapping[str, str]], str] = partial(getattr(adapter, step.action), case)
        self._attempt(review, step, adapter.look, act)

    def _attempt(
        self,
        review: Review,
        step: Step,
        look: Callable[[], Mapping[str, str]],
        act: Callable[[Mapping[str, str]], str],
    ) -> None:
        """Look how things are, write that down, act, and write down how that went."""
        try:
            memo = look() if step.memo is None else step.memo
            start = partial(reviews.on_start, name=step.name, action=step.action, memo=memo, now=self.now())
            if self.journal.append(review.process, start) is None:
                return
            detail = act(memo)
        except StoreError:
            raise
        except AdapterError as error:
            self._end(review, step, Failed, str(error))
        except Exception as error:
            _LOG.exception("%s of %s failed", step.name, review.process)
            self._end(review, step, Failed, f"{type(error).__name__}: {error}")
        else:
            self._end(review, step, Succeeded, detail)

    def _end(self, review: Review, step: Step, end: type[Succeeded | Failed | Dropped], detail: str) -> None:
        level = logging.INFO if end is Succeeded else logging.ERROR
        _LOG.log(level, "%s: %s %s %s: %s", review.process, step.action, step.name, end.__name__.lower(), detail)
        decide = partial(reviews.on_end, name=step.name, action=step.action, end=end, detail=detail, now=self.now())
        self.journal.append(review.process, decide)

    def _quarantine(self, review: Review, memo: Mapping[str, str] | None = None) -> str:
        """Quarantine the windows that are concerned and are not in it yet; return in words how many are."""
        assert review.opened is not None  # it is open
        since, last = review.opened.alert_since, review.resumed.time if review.resumed else None
        try:
            found = concerned(self._windows.find(review.process, since), since, last)
        except StoreError as error:
            raise AdapterError(str(error)) from None
        decide = partial(reviews.on_windows, windows=found, now=self.now())
        self.journal.append(review.process, decide)
        number = "1 window" if len(found) == 1 else f"{len(found)} windows"
        return f"{number}, from {found[0].start:%Y-%m-%d %H:%M} UTC on"


def _is_due(step: Step, now: datetime) -> bool:
    return not step.finished and (step.due is None or step.due <= now)


def utc_now() -> datetime:
    """Return the present time in UTC and whole milliseconds."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _case(review: Review, step: Step, policy: Policy) -> Case:
    assert review.opened is not None  # no step without a review
    resumed = review.resumed if step.action == "resume" else None
    return Case(
        id=f"{review.process}:{review.case}:{step.name}:{step.action}",
        process=review.process,
        since=review.opened.alert_since,
        pauses=review.pauses,
        windows=tuple(merged(review.windows)),
        url=policy.url,
        by=resumed.by if resumed else "",
        reason=resumed.reason if resumed else "",
    )
