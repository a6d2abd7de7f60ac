"""What several pipelines did, as one report."""

from __future__ import annotations

from collections.abc import Iterable

from aiwatch.ingest.batch import Counts


def sum_counts(parts: Iterable[Counts]) -> Counts:
    """Return the sum of what pipelines did.

    >>> sum_counts([Counts(lines=1, rejected={"not_json": 1}), Counts(lines=2, rejected={"not_json": 3})]).rejected
    {'not_json': 4}
    """
    total = Counts()
    for counts in parts:
        total.lines += counts.lines
        total.records += counts.records
        total.duplicates += counts.duplicates
        _add(total.rejected, counts.rejected)
        for process, records in counts.by_process.items():
            _add(total.by_process.setdefault(process, {}), records)
    return total


def _add(total: dict[str, int], more: dict[str, int]) -> None:
    for key, number in more.items():
        total[key] = total.get(key, 0) + number
