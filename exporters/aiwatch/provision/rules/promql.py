"""PromQL as the rules need it: of one process, over a fixed time, on lines that a person can read."""

from __future__ import annotations

from aiwatch import names
from aiwatch.kinds.options import format_duration


def number(value: float) -> str:
    """Return a number without noise digits.

    >>> number(0.05), number(20), number(1 - 0.999)
    ('0.05', '20', '0.001')
    """
    return f"{value:.12g}"


def le(bound: float) -> str:
    """Return the label ``le`` of a histogram's bucket as the exporter writes it.

    >>> le(1), le(0.5)
    ('1.0', '0.5')
    """
    return repr(float(bound))


def quoted(value: str) -> str:
    r"""Return a string literal.

    >>> print(quoted('a "b"'))
    "a \"b\""
    """
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def selector(metric: str, **labels: str) -> str:
    """Return an instant vector selector, with the labels in the order given.

    >>> selector("ai_errors_total", process="bot")
    'ai_errors_total{process="bot"}'
    """
    pairs = ", ".join(f"{label}={quoted(value)}" for label, value in labels.items())
    return f"{metric}{{{pairs}}}"


def increase(series: str, window: float, offset: str = "", by: tuple[str, ...] = (names.PROCESS,)) -> str:
    """Return how much a counter grew over ``window`` seconds, summed ``by`` labels.

    >>> increase('ai_errors_total{process="bot"}', 300, offset="1w")
    'sum by (process) (increase(ai_errors_total{process="bot"}[5m] offset 1w))'
    """
    shift = f" offset {offset}" if offset else ""
    return f"sum by ({', '.join(by)}) (increase({series}[{format_duration(window)}]{shift}))"


def indented(expression: str, spaces: int = 2) -> str:
    """Return a multi-line expression moved to the right."""
    return "\n".join(" " * spaces + line for line in expression.splitlines())


def ratio(part: str, whole: str) -> str:
    """Return ``part / whole`` on three lines.

    >>> print(ratio("a", "(b > 0)"))
    a
    /
    (b > 0)
    """
    return f"{part}\n/\n{whole}"
