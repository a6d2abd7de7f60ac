"""Numbers that are the former ones in another unit, with another sign, or transformed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from aiwatch.detect.signs.contract import Sign
from aiwatch.detect.signs.smooth import Change, Shares, better, changes
from aiwatch.detect.signs.strength import strength
from aiwatch.detect.situation import Situation
from aiwatch.profiles.profile import Numeric
from aiwatch.report.numbers import percent

_FACTORS = (
    10.0,
    100.0,
    1e3,
    1e4,
    1e6,
    7.0,
    12.0,
    24.0,
    60.0,
    3600.0,
    86400.0,
    1024.0,
    2.54,
    1.609344,
    2.20462,
    3.28084,
)
_DRASTIC = 2.5  # a factor that hardly any population is multiplied by
_FAR = 1.5**2 / 2  # divergence of a shift by one and a half standard deviations: nor that any population moves
_EXPLAINED = 0.75  # of the divergence
_ALL = 0.95
_FEW = 5  # bins with rows: below, no shape can be recognised
_FINE = 30  # ... and this many for one that is not only stretched


@dataclass(frozen=True)
class Conversion:
    """What may have been done to a number.

    Attributes:
        text: in words.
        back: from the new value to the former one, ascending unless ``falls``.
        forth: the other way, of what is not linear.
        factor: of a linear one, with ``added`` after it; None for others.
        known: whether people do this to numbers by mistake, or the factor was only estimated.
        sign: 1 or -1 if that is the sign of all values after it, whose magnitudes stay.
    """

    text: str
    back: Callable[[Shares], Shares]
    factor: float | None
    added: float = 0.0
    known: bool = True
    falls: bool = False
    forth: Callable[[Shares], Shares] | None = None
    sign: int = 0

    @property
    def drastic(self) -> bool:
        """Whether it does more to the values than a change of the population is likely to."""
        return self.factor is None or self.factor < 0 or abs(math.log(abs(self.factor))) > math.log(_DRASTIC)


def conversions(situation: Situation) -> Iterator[Sign]:
    """Yield inputs whose values are the former ones converted, in all rows or a part of them."""
    yield Sign("unit", 0.0)
    yield Sign("offset", 0.0)
    for name, change in changes(situation):
        seen = min(change.counts.seen, change.feature.counts.seen)
        moved = strength(
            change.whole, 0.003, math.sqrt(2 * change.whole / seen + change.chance**2 * 2), situation.tests(name)
        )
        if moved < 0.01 or np.count_nonzero(change.was) < _FEW:
            continue
        tried = [(*_fit(change, each), each) for each in _candidates(change)]
        left, share, best = min(tried, key=lambda each: (each[0] + 0.01 * change.whole * (not each[2].known), each[1]))
        explained = 1 - left / change.whole
        if explained < _EXPLAINED or share < 0.01:
            continue
        expected = _expected(change, best, share)
        gain, error = better(change, expected, change.reweighted)
        surely = strength(gain, 0.02 * change.whole + 0.001, error, 5)
        fit = min(1.0, (explained - _EXPLAINED) / 0.15) * moved
        drastic = best.drastic and (best.known or change.whole > _FAR)
        if drastic:
            surely = max(surely, 0.97 if share > 0.9 else 0.0 if best.sign else 0.5)
        elif best.known:
            surely = max(surely, 0.6 if explained > 0.95 else 0.0)
        rows = "" if share > 0.98 else f" in {percent(share)} of rows"
        sign = Sign(
            "unit" if best.known or drastic else "offset",
            fit * surely,
            f"{name}: values {best.text}{rows}",
            (name,),
        )
        yield sign


def _candidates(change: Change) -> Iterator[Conversion]:
    """Yield what is tried: known conversions, and those that the quantiles suggest."""
    for factor in _FACTORS:
        yield _linear(f"times {factor:g}", factor)
        yield _linear(f"divided by {factor:g}", 1 / factor)
    yield _linear("with the opposite sign", -1.0)
    yield _linear("in Fahrenheit instead of Celsius", 1.8, 32.0)
    yield _linear("in Celsius instead of Fahrenheit", 1 / 1.8, -32.0 / 1.8)
    yield _linear("in Kelvin instead of Celsius", 1.0, 273.15)
    yield _linear("in Celsius instead of Kelvin", 1.0, -273.15)
    yield Conversion("without their sign", np.abs, None, forth=np.abs, sign=1)
    yield Conversion("all with a minus sign", np.abs, None, forth=lambda x: -np.abs(x), sign=-1)
    mean, spread = _moments(change.feature.counts.total, change.feature.counts.squares, change.feature.counts.seen)
    if spread > 0:
        yield _linear("standardised", 1 / spread, -mean / spread)
        low, high = change.feature.counts.low, change.feature.counts.high
        if low is not None and high is not None and high > low:
            yield _linear("scaled to 0 to 1", 1 / (high - low), -low / (high - low))
    if (change.feature.counts.low or 0.0) > -1 and np.count_nonzero(change.was) >= _FINE:
        yield Conversion("as logarithms", _exponential, None, forth=lambda x: np.log(np.maximum(x, 1e-12)))
        yield Conversion("as logarithms", lambda x: np.expm1(np.minimum(x, 300)), None, forth=np.log1p)
        yield Conversion("as decimal logarithms", _powers, None, forth=lambda x: np.log10(np.maximum(x, 1e-12)))
        yield Conversion("as square roots", lambda x: np.maximum(x, 0) ** 2, None, forth=lambda x: np.sqrt(np.abs(x)))
    yield from _estimated(change, mean, spread)


def _estimated(change: Change, mean: float, spread: float) -> Iterator[Conversion]:
    """Yield the factor and the constant that fit quantiles and moments."""
    counts = change.counts
    now_mean, now_spread = _moments(counts.total, counts.squares, counts.seen)
    factors = {now_mean / mean} if mean else set()
    if spread > 0:
        factors.add(now_spread / spread)
    was, now = _quantiles(change, change.was), _quantiles(change, change.now)
    factors |= {n / w for w, n in zip(was, now, strict=True) if w}
    inner = was[-1] - was[0]
    if inner > 0 and (now[-1] - now[0]) > 0:
        factor = (now[-1] - now[0]) / inner
        yield _linear(
            f"times {factor:.3g} and {now[1] - factor * was[1]:+.3g}", factor, now[1] - factor * was[1], False
        )
    for factor in factors:
        if factor > 0 and abs(math.log(factor)) > 0.02:
            yield _linear(f"times {factor:.3g}", factor, known=False)
    for added in (now_mean - mean, now[1] - was[1]):
        yield _linear(f"{added:+.3g}", 1.0, added, False)


def _exponential(x: Shares) -> Shares:
    return np.asarray(np.exp(np.minimum(x, 300)))


def _powers(x: Shares) -> Shares:
    return np.asarray(10.0 ** np.minimum(x, 150))


def _linear(text: str, factor: float, added: float = 0.0, known: bool = True) -> Conversion:
    return Conversion(text, lambda x: (x - added) / factor, factor, added, known, factor < 0)


def _pushed(change: Change, conversion: Conversion) -> Shares:
    """Return the shares by bin that the former values would have after a conversion."""
    assert isinstance(change.feature.shape, Numeric)
    edges = np.asarray(change.feature.shape.edges, np.float64)
    if conversion.sign:
        within = change.cdf(np.abs(edges)) - change.cdf(-np.abs(edges))
        below = np.where(edges >= 0, within, 0.0) if conversion.sign > 0 else np.where(edges < 0, 1 - within, 1.0)
    elif conversion.falls:
        below = 1 - change.cdf(conversion.back(edges))
    else:
        below = change.cdf(conversion.back(edges))
    return np.maximum(np.diff(np.concatenate([[0.0], below, [1.0]])), 0.0)


def _fit(change: Change, conversion: Conversion) -> tuple[float, float]:
    """Return what divergence is left over when a share of rows is converted, and that share.

    The moments must fit too: values beyond all bins look alike, whatever the factor.
    """
    pushed, share = _pushed(change, conversion), 1.0
    was, now = change.group(change.was), change.group(change.now)
    new = change.group(pushed)
    left = change.left_over(new)
    if left > 0.1 * change.whole and conversion.known:
        share = 0.5
        for _ in range(30):  # the likeliest share: expectation and maximisation in turn
            mixed = (1 - share) * was + share * new + 1e-12
            share = float((now * share * new / mixed).sum())
        left = change.left_over((1 - share) * was + share * new)
        if share < _ALL and abs(conversion.factor or 1.0) < 1 and new.max() > _ALL:
            return math.inf, share  # so small that any small value would do
    if not _moments_fit(change, conversion, share) or (
        conversion.factor is None and not conversion.sign and share < 0.9
    ):
        return math.inf, share
    return left, share


def _expected(change: Change, conversion: Conversion, share: float) -> Shares:
    return change.group((1 - share) * change.was + share * _pushed(change, conversion))


def _moments_fit(change: Change, conversion: Conversion, share: float) -> bool:
    """Tell whether mean and spread are about what a conversion of a share of rows makes of them."""
    then, counts = change.feature.counts, change.counts
    mean, spread = _moments(then.total, then.squares, then.seen)
    now_mean, now_spread = _moments(counts.total, counts.squares, counts.seen)
    if conversion.factor is not None:
        new, new_spread = conversion.factor * mean + conversion.added, abs(conversion.factor) * spread
    else:
        new, new_spread = _transformed(change, conversion)
    due = (1 - share) * mean + share * new
    square = (1 - share) * (spread**2 + mean**2) + share * (new_spread**2 + new**2)
    due_spread = math.sqrt(max(square - due**2, 0.0))
    if due_spread <= 0 or now_spread <= 0:
        return False
    error = 6 / math.sqrt(counts.seen)  # heavy tails: moments of samples differ by more than theory of light ones says
    return abs(math.log(now_spread / due_spread)) < 0.35 + error and abs(now_mean - due) < (0.25 + error) * due_spread


def _transformed(change: Change, conversion: Conversion) -> tuple[float, float]:
    """Return mean and spread of the former values, each in the middle of its bin, after a conversion."""
    assert isinstance(change.feature.shape, Numeric)
    assert conversion.forth is not None
    edges, counts = np.asarray(change.feature.shape.edges, np.float64), change.feature.counts
    low, high = min(counts.low or 0.0, edges[0]), max(counts.high or 0.0, edges[-1])
    middles = np.concatenate([[(low + edges[0]) / 2], (edges[1:] + edges[:-1]) / 2, [(edges[-1] + high) / 2]])
    values = conversion.forth(middles)
    mean = float(values @ change.was)
    return mean, math.sqrt(max(0.0, float(values**2 @ change.was) - mean**2))


def _moments(total: float, squares: float, rows: int) -> tuple[float, float]:
    mean = total / max(rows, 1)
    return mean, math.sqrt(max(0.0, squares / max(rows, 1) - mean * mean))


def _quantiles(change: Change, shares: Shares) -> list[float]:
    """Return the quartiles, linear inside of bins."""
    assert isinstance(change.feature.shape, Numeric)
    edges = np.asarray(change.feature.shape.edges, np.float64)
    low, high = change.counts.low, change.counts.high
    points = np.concatenate([[min(low if low is not None else edges[0], edges[0])], edges])
    points = np.concatenate([points, [max(high if high is not None else edges[-1], edges[-1])]])
    below = np.concatenate([[0.0], shares.cumsum()])
    return [float(np.interp(share, below, points)) for share in (0.25, 0.5, 0.75)]
