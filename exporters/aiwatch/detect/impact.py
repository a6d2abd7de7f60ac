"""What a change probably does to score and performance, as far as that can be told without outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from aiwatch import names
from aiwatch.detect.signs.moments import moments_of
from aiwatch.detect.situation import Situation
from aiwatch.profiles.profile import Counts
from aiwatch.profiles.result import Claim
from aiwatch.report.numbers import percent, short

_FEWEST = 100  # outcomes
_GROUPS = 20
_BREAKS = {"concept", "model", "pipeline", "upstream"}  # causes after which a score need not mean what it meant
Floats = npt.NDArray[np.float64]


def impact(situation: Situation, causes: Sequence[Claim]) -> Iterator[str]:
    """Yield sentences on the score, its inputs' part in its change, and the performance to be expected.

    The performance is estimated from the outcomes that each score had in the training period. That presumes that a
    score still means the same, which the sentence says where the likeliest cause casts doubt on it.

    Reference: NannyML, "Confidence-based performance estimation", with outcomes by score in place of calibration.
    """
    name = situation.prediction
    if name is None:
        yield "Without a score in the baseline nothing can be said about score and performance."
        return
    then, now = situation.baseline.features[name].counts, situation.now.features[name]
    if then.seen and now.seen:
        yield f"The mean {name} is {short(now.total / now.seen)}, was {short(then.total / then.seen)}."
    moments = moments_of(situation)
    if moments is not None and name in moments.names:
        found = moments.regression(name, [each for each in moments.names if each != name])
        if found.explained > 0.1 and abs(found.moved) > 0.02:
            yield (
                f"By rank it moved by {found.moved:+.2f} standard deviations; its inputs account for "
                f"{found.due:+.2f} of that, as far as their relations are linear."
            )
    yield from _performance(situation, name, then, now, causes)


def _performance(situation: Situation, name: str, then: Counts, now: Counts, causes: Sequence[Claim]) -> Iterator[str]:
    labels = situation.baseline.labels
    if sum(rows for rows, _ in labels.values()) < _FEWEST:
        yield "What it does to performance cannot be said: the baseline holds too few outcomes."
        return
    rates = _rates(labels, len(then.bins))
    weights = [np.asarray(counts.bins, np.float64) / max(counts.seen, 1) for counts in (then, now)]
    before, after = (float(rates @ each) for each in weights)
    if name != names.SCORE:
        yield f"The same values had mean outcomes that let expect {after:.4g} now, were {before:.4g}."
    else:
        ranks = [area(each * rates, each * (1 - rates)) for each in weights]
        yield f"Expected share of positive outcomes: {percent(after)}, was {percent(before)}."
        yield f"Expected ROC AUC: {ranks[1]:.3f}, was {ranks[0]:.3f}; estimated from the outcomes that each score had."
    if causes and causes[0].cause in _BREAKS:
        doubt = f"the likeliest cause, {causes[0].cause}, puts in doubt"
        yield f"These estimates presume that a {name} still means what it meant, which {doubt}."
    known = situation.now.labels
    rows = sum(rows for rows, _ in known.values())
    if rows < _FEWEST:
        yield "Outcomes since the change are not known yet, so none of this is measured."
        return
    actual = sum(total for _, total in known.values()) / rows
    if name != names.SCORE:
        yield f"Measured on {rows:,} outcomes since the change: a mean of {actual:.4g}."
        return
    positive, negative = np.zeros(len(rates)), np.zeros(len(rates))
    for place, (number, total) in known.items():
        positive[place], negative[place] = total, number - total
    measured = f"{percent(actual)} positive, ROC AUC {area(positive, negative):.3f}"
    yield f"Measured on {rows:,} outcomes since the change: {measured}."


def _rates(labels: Mapping[int, tuple[int, float]], bins: int) -> Floats:
    """Return the mean outcome of each score bin, the same within groups of bins that hold enough outcomes."""
    places = sorted(labels)
    ends = np.cumsum([labels[place][0] for place in places])
    group = np.minimum(_GROUPS - 1, ((ends - 1) / ends[-1] * _GROUPS).astype(int))
    rows, totals = np.zeros(_GROUPS), np.zeros(_GROUPS)
    for place, at in zip(places, group, strict=True):
        rows[at] += labels[place][0]
        totals[at] += labels[place][1]
    means = totals / np.maximum(rows, 1)
    return np.asarray(np.interp(np.arange(bins), places, means[group]))


def area(positive: Floats, negative: Floats) -> float:
    """Return the area under the ROC curve from positives and negatives by ascending score.

    >>> area(np.array([0.0, 1.0]), np.array([1.0, 0.0])), area(np.array([1.0, 1.0]), np.array([1.0, 1.0]))
    (1.0, 0.5)
    """
    below = np.concatenate([[0.0], negative.cumsum()[:-1]])
    whole = positive.sum() * negative.sum()
    return float(positive @ (below + negative / 2) / whole) if whole > 0 else 0.5
