"""The series that Prometheus computes for a process: what people ask for by name, and what alerts compare with.

A process without traffic has no sample rather than NaN or a ratio of nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiwatch import names
from aiwatch.catalogue.model import Process
from aiwatch.kinds import chat, classifier, regressor
from aiwatch.kinds.options import format_duration
from aiwatch.provision import recorded
from aiwatch.provision.rules.model import Recording
from aiwatch.provision.rules.promql import increase, indented, number, ratio, selector

FIVE_MINUTES = 300.0
HOUR = 3600.0
DAY = 86400.0
DECISIONS = (names.PROCESS, names.DECISION)


def recordings(process: Process) -> list[Recording]:
    """Return the recording rules of a process, in an order in which each finds what it builds on."""
    return [*_common(process), *_SPECIAL[process.kind.name](process)]


def _common(process: Process) -> list[Recording]:
    traffic = selector(process.kind.volume, process=process.name)
    errors = selector(names.ERRORS_TOTAL, process=process.name)
    buckets = selector(f"{names.LATENCY_SECONDS}_bucket", process=process.name)
    quantiles = [
        Recording(
            recorded.LATENCY_QUANTILE,
            # `>= 0` drops the NaN of a process without traffic
            f"histogram_quantile({number(q)}, sum by (process, le) (rate({buckets}[5m]))) >= 0",
            {recorded.QUANTILE: number(q)},
        )
        for q in (0.5, 0.95, 0.99)
    ]
    return [
        Recording(recorded.REQUESTS_RATE, f"sum by (process) (rate({traffic}[5m]))"),
        Recording(recorded.ERRORS_RATIO, _share(errors, traffic, FIVE_MINUTES)),
        *quantiles,
    ]


def _chat(process: Process) -> list[Recording]:
    def interactions(**labels: str) -> str:
        return selector(names.INTERACTIONS_TOTAL, process=process.name, **labels)

    ratings = selector(names.FEEDBACK_TOTAL, process=process.name)
    liked = selector(names.FEEDBACK_TOTAL, process=process.name, rating="up")
    return [
        Recording(
            recorded.CONFIDENCE_AVERAGE,
            _share(
                selector(f"{names.CONFIDENCE_RATIO}_sum", process=process.name),
                selector(f"{names.CONFIDENCE_RATIO}_count", process=process.name),
                DAY,
            ),
        ),
        Recording(recorded.SATISFACTION_RATIO, _share(liked, ratings, DAY)),
        Recording(recorded.FALLBACKS_RATIO, _share(interactions(outcome="fallback"), interactions(), HOUR)),
        Recording(recorded.HANDOFFS_RATIO, _share(interactions(outcome="handoff"), interactions(), HOUR)),
    ]


def _classifier(process: Process) -> list[Recording]:
    """Return the share of each decision over the alert's window, and what it usually is.

    Usual is: the same hours of the last three weeks together; where those saw too little, the day before the window.
    A decision that is new, or no longer made, counts as 0.
    """
    settings = process.options.alerts.settings()[classifier.DecisionRateChanged.alert]
    assert isinstance(settings, classifier.DecisionRateChanged)
    window, enough = settings.window, settings.min_predictions
    predictions = selector(names.PREDICTIONS_TOTAL, process=process.name)
    same_hours = selector(recorded.DECISION_SAME_HOURS, process=process.name)
    usual = selector(recorded.DECISION_USUAL_RATIO, process=process.name)
    before = format_duration(window)
    now = increase(predictions, window, by=DECISIONS)
    day = increase(predictions, DAY, offset=before, by=DECISIONS)
    whole_day = increase(predictions, DAY, offset=before)
    return [
        Recording(
            recorded.DECISION_SAME_HOURS,
            f"sum by (process, decision) (\n"
            f"{indented(over_weeks(predictions, window, by=DECISIONS))}\n"
            f")\n"
            f"or\n"
            f"0 * {now}",
        ),
        Recording(
            recorded.DECISION_USUAL_RATIO,
            f"{same_hours}\n"
            f"/ on (process) group_left ()\n"
            f"(sum by (process) ({same_hours}) >= {enough})\n"
            f"or\n"
            f"({day} or 0 * {now})\n"
            f"/ on (process) group_left ()\n"
            f"({whole_day} >= {enough}\n"
            f" unless on (process) sum by (process) ({same_hours}) >= {enough})",
        ),
        Recording(
            recorded.DECISION_RATIO,
            f"({now} or 0 * {usual})\n/ on (process) group_left ()\n({increase(predictions, window)} > 0)",
        ),
    ]


def over_weeks(counter: str, window: float, by: tuple[str, ...] = (names.PROCESS,)) -> str:
    """Return the growth of a counter in the same hours of the last three weeks: one sample per week that exists."""
    return "\nor\n".join(
        f'label_replace({increase(counter, window, offset=week, by=by)}, "week", "{week}", "", "")'
        for week in ("1w", "2w", "3w")
    )


def _share(part: str, whole: str, window: float) -> str:
    """Return the growth of one counter as a share of another's; no sample without growth of the whole."""
    return ratio(increase(part, window), f"({increase(whole, window)} > 0)")


_SPECIAL: Mapping[str, Callable[[Process], list[Recording]]] = {
    chat.KIND.name: _chat,
    classifier.KIND.name: _classifier,
    regressor.KIND.name: lambda process: [],
}
