"""A document says of itself where it belongs and where it comes from, whatever its id is made of."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from aiwatch.ingest.documents import Address, Origin, address_of, body_of, head_of, make_document, neck_of, origin_of
from aiwatch.ingest.documents import stored_line as line_of

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(event=texts, stream=texts, offset=st.integers(0, 2**63))
def test_what_a_document_says_of_itself_is_read_back(event: str, stream: str, offset: int) -> None:
    document = make_document(head_of("i", "bot"), event, neck_of("bot", stream), offset, b'"n":1}')
    action, body = document.split(b"\n")
    assert json.loads(action) == {"create": {"_index": "i", "_id": f"bot:{event}"}}
    assert json.loads(body) == {"process": "bot", "log": {"stream": stream, "offset": offset}, "n": 1}
    assert (address_of(document), origin_of(document)) == (Address("i", f"bot:{event}"), Origin(stream, offset))
    assert body_of(document) == body
    assert json.loads(line_of(document)) == {"_index": "i", "_id": f"bot:{event}", **json.loads(body)}


def test_a_document_of_another_make_has_no_origin_of_ours() -> None:
    assert origin_of(b'{"create":{"_index":"i","_id":"1"}}\n{"n":1}') == Origin()
