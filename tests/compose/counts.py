"""What was written against what the two stores hold."""

from __future__ import annotations

from tests.compose.shell import wait
from tests.compose.stack import Stack
from tools.demo import report

AGREE_SECONDS = 120
SIMULATORS = ("demo-chatbot", "demo-fraud", "demo-partner")


def counts_agree(stack: Stack) -> str:
    """What was written is in both stores, no line less and none twice."""
    stack.compose("stop", *SIMULATORS)
    written = stack.written()
    prometheus = report.Prometheus(stack.url("prometheus"))
    expected = {record: (number, number) for record, number in written.items()}
    found: dict[str, tuple[int, int]] = {}

    def agree() -> bool:
        with stack.elasticsearch() as es:
            found.update(report.counts(prometheus, es))
        if found != expected:
            raise ValueError(f"written {written}, (Prometheus, Elasticsearch) hold {found}")
        return True

    wait("the stores do not agree", agree, AGREE_SECONDS)
    return ", ".join(f"{number} {record}s" for record, number in sorted(written.items()))


def documents(stack: Stack) -> dict[str, int]:
    """Return how many events of each type Elasticsearch holds."""
    with stack.elasticsearch() as es:
        held = report.counts(report.Prometheus(stack.url("prometheus")), es)
    return {record: number for record, (_, number) in held.items()}
