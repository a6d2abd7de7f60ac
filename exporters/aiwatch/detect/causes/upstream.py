"""A process whose output this one uses drifted first, for whatever reason; the reason is to be sought there.

What marks it: the same as anything that happens to inputs, and the process upstream was first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aiwatch.detect.causes.contract import Hypothesis

_SHARE = 0.3  # of what happens to inputs, where there is a process upstream
_FIRST = 0.97


def handed_down(others: Iterable[Hypothesis]) -> Iterator[Hypothesis]:
    """Yield for each of the hypotheses about inputs that it happened upstream."""
    for each in others:
        expects = {**each.expects, "upstream_first": _FIRST}
        yield Hypothesis("upstream", "upstream", _SHARE * each.prior, expects)
