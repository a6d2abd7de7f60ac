"""Mending touches only what JSON lacks, and takes time in proportion to the line."""

from __future__ import annotations

import json
import time

from hypothesis import given
from hypothesis import strategies as st

from aiwatch.ingest.mend import mend_json

values = st.recursive(
    st.none() | st.integers() | st.text() | st.sampled_from(["NaN", 'a"NaN', "\\Infinity", "\\\\ud83d"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(values, st.booleans())
def test_what_is_json_already_stays(value: object, ascii_only: bool) -> None:
    line = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "replace")
    if "\\ud" not in line.decode().lower().replace("\\\\ud", ""):
        assert json.loads(mend_json(line)) == json.loads(line)


@given(st.lists(st.floats() | st.text(max_size=5)))
def test_whatever_python_writes_can_be_read_afterwards(value: object) -> None:
    json.loads(mend_json(json.dumps(value).encode()), parse_constant=lambda name: 1 / 0)


def test_a_hostile_line_takes_no_longer_than_another() -> None:
    started = time.perf_counter()
    for piece in (b'\\"', b'"', b"\\ud83d", b"NaN", b"-", b"\\"):
        mend_json(b'{"a": NaN "' + piece * 500_000)
    assert time.perf_counter() - started < 10
