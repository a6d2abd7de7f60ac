"""How many unseen categories other rows have: more than those that the categories were chosen by."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl

from aiwatch import names
from aiwatch.profiles.profile import Counts, bounded, summed

_PARTS = 20


def unseen_share(values: pl.Series, most: int) -> tuple[float, float]:
    """Return the share of unseen values in other rows, if the ``most`` frequent ones of ``values`` are the seen ones,
    and its standard error.

    Categories are the most frequent ones by chance, too: in rows that had no part in the choice they are rarer, and
    some are there that no row had. Twenty-fold cross-validation lets each twentieth of the rows be such others. What is
    met once or twice says how far off that may be: farther than a share that is counted.

    Reference: M. Stone, "Cross-validatory choice and assessment of statistical predictions", 1974. W. Esty, "A normal
    limit law for a nonparametric estimator of the coverage of a random sample", 1983.

    Args:
        values: categories, without gaps.
        most: how many of them are seen ones.

    >>> often = pl.Series(["a", "a", "b", "a"] * 100)
    >>> unseen_share(often, 2), unseen_share(often, 1)
    ((0.0, 0.0), (0.25, 0.021...))
    >>> unseen_share(pl.Series([f"{row}" for row in range(100)]), 200)
    (1.0, 0.0)
    """
    size = len(values)
    if not size:
        return 0.0, 0.0
    part = pl.Series("part", np.arange(size) % _PARTS)
    rows = pl.DataFrame([values.alias("value"), part]).group_by("value", "part").len()
    place = rows["value"].rank("dense").to_numpy().astype(np.int64) - 1
    counts = np.zeros((place.max() + 1, _PARTS), np.int64)
    counts[place, rows["part"].to_numpy()] = rows["len"].to_numpy()
    met = counts.sum(axis=1)
    others = met[:, None] - counts
    chosen = np.argsort(-others, axis=0, kind="stable")[:most]
    seen = np.take_along_axis(np.where(others > 0, counts, 0), chosen, axis=0)
    share = float(1 - seen.sum() / size)
    once, twice = int((met == 1).sum()), int((met == 2).sum())
    return share, max(once + 2 * twice - once**2 / size, share * (1 - share) * size) ** 0.5 / size


def as_in_other_rows(counts: Counts, share: float) -> Counts:
    """Return counts with at least this share of unseen values, each seen one with as many rows less, or none left.

    A frequent value is about as frequent in other rows; what is unseen there are rare ones.

    Reference: H. Ney, U. Essen, "On smoothing techniques for bigram-based natural language modelling", 1991.

    >>> as_in_other_rows(Counts([70, 20, 10]), 0.1)
    Counts(bins=[67, 16, 7], missing=0, invalid=0, unseen={'other': 10}, ...)
    >>> as_in_other_rows(Counts([70, 20, 1, 1]), 0.1).bins
    [66, 17, 0, 0]
    >>> as_in_other_rows(Counts([8], unseen={"b": 2}), 0.1).bins
    [8]
    """
    unseen = sum(counts.unseen.values())
    more = round(share * (counts.seen + unseen)) - unseen
    if more <= 0:
        return counts
    rising = np.sort(counts.bins)
    taken = np.cumsum(rising) + rising * np.arange(len(rising))[::-1]  # if each loses as much as this one has
    less = np.interp(more, [0, *taken], [0, *rising])
    ends = np.cumsum(np.maximum(np.asarray(counts.bins) - less, 0.0)).round()
    bins = [int(end - start) for start, end in pairwise([0, *ends])]
    return Counts(bins, counts.missing, counts.invalid, bounded(summed(counts.unseen, {names.OTHER: more})))
