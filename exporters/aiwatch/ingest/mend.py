"""What JSON does not allow but programs write, brought into JSON."""

from __future__ import annotations

import re

# Strings are matched whole, also one without an end: nothing is looked for within, and no byte is looked at twice.
_STRINGS_AND_LACKED = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|-?\b(?:NaN|Infinity)\b', re.DOTALL)
_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)


def mend_json(line: bytes) -> bytes:
    r"""Return a line with what Python and JavaScript write beyond JSON replaced.

    NaN and the infinities become null; half of a surrogate pair, as is left of an emoji that was cut in two, becomes
    the replacement character.

    >>> mend_json(b'{"a": NaN, "b": [-Infinity], "c": "NaN \\ud83d"}')
    b'{"a": null, "b": [null], "c": "NaN \\ufffd"}'
    """
    if b"NaN" in line or b"Infinity" in line:
        line = _STRINGS_AND_LACKED.sub(_null_for_lacked, line)
    if b"\\ud" in line or b"\\uD" in line:
        line = _ESCAPES.sub(_mark_for_lone, line)
    return line


def _null_for_lacked(match: re.Match[bytes]) -> bytes:
    return match.group() if match.group().startswith(b'"') else b"null"


def _mark_for_lone(match: re.Match[bytes]) -> bytes:
    return match.group() if match.group("lone") is None else b"\\ufffd"
