"""An alert's expression taken apart, so that each of its parts has an answer whether or not the alert fires.

``and``, ``or`` and ``unless`` choose between vectors; what they choose from is returned one by one. A comparison drops
samples; with ``bool`` it says 0 or 1 instead. Whatever is still empty then asks for data that nobody has.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
    | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<braces>\{(?:[^{}"']|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')*\})
    | (?P<comparison>==|!=|<=|>=|<|>)(?!\s*bool\b)
    | (?P<set>\b(?:and|or|unless)\b)
    | (?P<word>[A-Za-z_:][\w:]*)
    | (?P<open>\()
    | (?P<close>\))
    | (?P<other>.)
    """,
    re.VERBOSE,
)
_MATCHING = re.compile(r"\s*(?:on|ignoring)\s*\([^()]*\)\s*")


def operands(expr: str) -> list[str]:
    """Return what the set operators of an expression choose from, comparisons answering 0 or 1.

    >>> operands('rate(a{b!="x > y"}[5m]) / b > 0.5 unless on (p) (c or d == 1)')
    ['rate(a{b!="x > y"}[5m]) / b > bool 0.5', 'c', 'd == bool 1']
    >>> operands("max(a > 1) without (w) and on () sum(b) >= 7")
    ['max(a > bool 1) without (w)', 'sum(b) >= bool 7']
    >>> operands("(a) - (b) > 0.1")
    ['(a) - (b) > bool 0.1']
    """
    parts = _split(expr.strip())
    if len(parts) > 1:
        return [operand for part in parts for operand in operands(part)]
    inner = _unwrapped(parts[0])
    return [_with_bool(parts[0])] if inner is None else operands(inner)


def _split(expr: str) -> list[str]:
    """Split at the set operators outside of parentheses, and drop the labels that they match by."""
    parts, depth, start = [], 0, 0
    for token in _TOKEN.finditer(expr):
        depth += (token.lastgroup == "open") - (token.lastgroup == "close")
        if token.lastgroup == "set" and depth == 0:
            parts.append(expr[start : token.start()].strip())
            start = matching.end() if (matching := _MATCHING.match(expr, token.end())) else token.end()
    return [*parts, expr[start:].strip()]


def _unwrapped(expr: str) -> str | None:
    """Return what stands between parentheses around the whole expression, None where there are none."""
    depth = 0
    for token in _TOKEN.finditer(expr):
        depth += (token.lastgroup == "open") - (token.lastgroup == "close")
        if depth == 0:
            return expr[1:-1].strip() if token.lastgroup == "close" and token.end() == len(expr) else None
    return None


def _with_bool(expr: str) -> str:
    return "".join(
        f"{token[0]} bool" if token.lastgroup == "comparison" else token[0] for token in _TOKEN.finditer(expr)
    )
