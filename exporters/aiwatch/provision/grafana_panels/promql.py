"""PromQL as the pages need it: always summed over instances, because their series come and go."""

from __future__ import annotations

from collections.abc import Sequence

RATE = "$__rate_interval"
RANGE = "$__range"


def equals(label: str, value: str) -> str:
    """Return the matcher of one value.

    >>> equals("rating", "up")
    'rating="up"'
    """
    return f'{label}="{value}"'


def selector(*matchers: str) -> str:
    """Return label matchers in braces.

    >>> selector(equals("process", "bot"), equals("rating", "up"))
    '{process="bot",rating="up"}'
    """
    return "{" + ",".join(matchers) + "}"


def total(operator: str, series: str, window: str, by: Sequence[str] = ()) -> str:
    """Return the sum of ``operator`` (`rate` or `increase`) of every matching series over ``window``.

    >>> total("rate", "ai_interactions_total", RATE, ["outcome"])
    'sum by (outcome) (rate(ai_interactions_total[$__rate_interval]))'
    """
    grouping = f" by ({', '.join(by)}) " if by else ""
    return f"sum{grouping}({operator}({series}[{window}]))"


def increase(series: str, window: str = RANGE, by: Sequence[str] = ()) -> str:
    """Return by how much counters grew over ``window``, resets included.

    >>> increase("ai_sessions_total")
    'sum(increase(ai_sessions_total[$__range]))'
    """
    return total("increase", series, window, by)


def rate(series: str, by: Sequence[str] = (), per_seconds: int = 1) -> str:
    """Return the growth of counters per ``per_seconds``, in the resolution of the panel.

    >>> rate("ai_sessions_total", per_seconds=3600)
    '3600 * sum(rate(ai_sessions_total[$__rate_interval]))'
    """
    value = total("rate", series, RATE, by)
    return value if per_seconds == 1 else f"{per_seconds} * {value}"


def ratio(part: str, whole: str) -> str:
    """Return ``part / whole``; no answer where there was nothing to divide, rather than NaN.

    >>> ratio("sum(a)", "sum(b)")
    'sum(a) / (sum(b) > 0)'
    """
    return f"{part} / ({whole} > 0)"


def share_of_events(part: str, whole: str, window: str) -> str:
    """Return which share of the events of ``whole`` were ``part``, and 0 when none of them was.

    >>> share_of_events('x{a="1"}', "x", "1h")
    '(sum(increase(x{a="1"}[1h])) or vector(0)) / (sum(increase(x[1h])) > 0)'
    """
    return ratio(f"({increase(part, window)} or vector(0))", increase(whole, window))


def mean(histogram: str, matchers: str, window: str, by: Sequence[str] = ()) -> str:
    """Return the average of what a histogram observed over ``window``, weighted by traffic.

    >>> mean("ai_confidence_ratio", "", "1d")
    'sum(increase(ai_confidence_ratio_sum[1d])) / (sum(increase(ai_confidence_ratio_count[1d])) > 0)'
    """
    return ratio(
        increase(f"{histogram}_sum{matchers}", window, by),
        increase(f"{histogram}_count{matchers}", window, by),
    )


def quantile(rank: float, histogram: str, matchers: str, window: str, by: Sequence[str] = ()) -> str:
    """Return a quantile (``rank`` between 0 and 1) of what a histogram observed over ``window``.

    >>> quantile(0.95, "ai_latency_seconds", "", RATE)
    'histogram_quantile(0.95, sum by (le) (rate(ai_latency_seconds_bucket[$__rate_interval])))'
    """
    return f"histogram_quantile({rank:g}, {total('rate', f'{histogram}_bucket{matchers}', window, ['le', *by])})"
