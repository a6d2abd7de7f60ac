"""The few lines that go into the alert itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from aiwatch.profiles.result import Claim, Finding
from aiwatch.report.numbers import percent

_FEATURES = 4  # that are named
_LONGEST = 160  # characters of a line


def alert_text(
    findings: Sequence[Finding], causes: Sequence[Claim], since: datetime | None, impact: Sequence[str] = ()
) -> str:
    """Return at most four lines: what drifts since when, the likeliest cause with its evidence, what follows.

    >>> claim = Claim("pipeline", "scale", 0.91, ("amount: values times 100",), ("amount",))
    >>> print(alert_text((), (claim,), datetime(2026, 3, 1, 7, tzinfo=UTC)))
    Since 2026-03-01 07:00 UTC.
    Likeliest cause: pipeline (scale), 91 %: amount: values times 100
    """
    drifted = [each for each in findings if each.drifted]
    told: dict[str, str] = {}
    for each in sorted(drifted, key=lambda each: -each.effect / (each.material or 1.0)):
        told.setdefault(each.feature, f"{each.feature} ({each.how})" if each.how else each.feature)
    named = list(told.values())[:_FEATURES]
    more = f" and {len(told) - len(named)} more" if len(told) > len(named) else ""
    begun = "" if since is None else f"since {since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    lines = []
    if named:
        lines.append(f"Drift {begun}: {', '.join(named)}{more}." if begun else f"Drift: {', '.join(named)}{more}.")
    elif causes and begun:
        lines.append(f"{begun[0].upper()}{begun[1:]}.")
    if causes:
        first = causes[0]
        kind = "" if first.kind == first.cause else f" ({first.kind})"
        evidence = "; ".join(first.evidence[:2])
        lines.append(f"Likeliest cause: {first.cause}{kind}, {percent(first.weight)}: {evidence}")
        others = ", ".join(f"{claim.cause} {percent(claim.weight)}" for claim in causes[1:3] if claim.weight >= 0.05)
        if others:
            lines.append(f"Else: {others}.")
    lines += impact[:1]
    return "\n".join(line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…" for line in lines)
