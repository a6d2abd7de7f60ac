"""A document on its way to the store: two lines of a bulk request, the ``create`` action and the document itself
(without its newline).

Being bytes from the start, documents are joined into requests as they are. What they say of themselves is read back
only where a store wants to know, which is rare.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import overload

import msgspec

from aiwatch import names


class Address(msgspec.Struct, frozen=True):
    """Where a document is stored and under which id.

    With a ``version`` it replaces what stands there with a lower one; without, it is stored if nothing stands there.
    """

    index: str = msgspec.field(name="_index")
    id: str = msgspec.field(name="_id")
    version: int | None = None


class Origin(msgspec.Struct, frozen=True):
    """The place in the log that a document was made of: it tells an own earlier delivery from a repeated event."""

    stream: str = ""
    offset: int = -1


class Documents(Sequence[bytes]):
    r"""Documents in the order of the log, held in few pieces of memory.

    Each piece is the body of a bulk request, in which every document ends with a newline, and where they end. A
    request for all of them takes the pieces as they are.

    >>> documents = Documents.of([b"a", b"bc"]) + Documents.of([b"d"])
    >>> len(documents), documents[1], documents.body(), documents.body([0, 2])
    (3, b'bc', (b'a\nbc\n', b'd\n'), (b'a\n', b'd\n'))
    """

    __slots__ = ("_pieces", "_starts")

    def __init__(self, pieces: Iterable[tuple[bytes, Sequence[int]]]) -> None:
        """Hold ``pieces``: a body, and the ends of the documents in it."""
        self._pieces = tuple(pieces)
        self._starts = list(accumulate((len(ends) for _, ends in self._pieces), initial=0))

    @classmethod
    def of(cls, documents: Sequence[bytes]) -> Documents:
        """Return documents that stand in a list, without their newlines."""
        ends = list(accumulate(len(document) + 1 for document in documents))
        return cls([(b"\n".join([*documents, b""]), ends)])

    def __add__(self, others: Documents) -> Documents:
        """Return these and behind them the others."""
        return Documents(self._pieces + others._pieces)

    def __len__(self) -> int:
        """Return how many they are."""
        return self._starts[-1]

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> Documents: ...
    def __getitem__(self, place: int | slice) -> bytes | Documents:
        """Return a document without its newline, or several."""
        if isinstance(place, slice):
            return Documents.of([self[each] for each in range(*place.indices(len(self)))])
        if not 0 <= place < len(self):
            raise IndexError(place)
        piece = bisect_right(self._starts, place) - 1
        body, ends = self._pieces[piece]
        place -= self._starts[piece]
        return body[ends[place - 1] if place else 0 : ends[place] - 1]

    def __iter__(self) -> Iterator[bytes]:
        """Return each document."""
        for body, ends in self._pieces:
            start = 0
            for end in ends:
                yield body[start : end - 1]
                start = end

    @property
    def size(self) -> int:
        """How many bytes the body of a request for all of them has."""
        return sum(len(body) for body, _ in self._pieces)

    def body(self, places: Sequence[int] | None = None) -> tuple[bytes, ...]:
        """Return the pieces of the body of a bulk request for the documents at ``places``, or for all."""
        if places is None or len(places) == len(self):
            return tuple(body for body, _ in self._pieces)
        return tuple(self[place] + b"\n" for place in places)


class _Action(msgspec.Struct):
    create: Address | None = None
    index: Address | None = None


class _Body(msgspec.Struct):
    log: Origin = Origin()


_ACTIONS = msgspec.json.Decoder(_Action)
_BODIES = msgspec.json.Decoder(_Body)


def head_of(index: str, process: str) -> str:
    """Return how the documents of a process in ``index`` begin, up to where the event's own name follows."""
    return f'{{"create":{{"_index":{_quoted(index)},"_id":"{process}:'


def neck_of(process: str, stream: str) -> str:
    """Return what follows on the event's name, up to its offset in ``stream``."""
    return f'"}}}}\n{{"{names.PROCESS}":"{process}","{names.LOG}":{{"stream":{_quoted(stream)},"offset":'


def event_of(name: str) -> str:
    r"""Return an event's name as it stands in a document.

    >>> print(event_of('e"1'))
    e\"1
    """
    return _quoted(name)[1:-1]


def make_document(head: str, event: str, neck: str, offset: int, rest: bytes) -> bytes:
    r"""Return a document; ``rest`` is what of its JSON follows on the process and the place, with the closing brace.

    >>> document = make_document(head_of("i", "bot"), 'e"1', neck_of("bot", "5a"), 7, b'"n":1}')
    >>> document
    b'{"create":{"_index":"i","_id":"bot:e\\"1"}}\n{"process":"bot","log":{"stream":"5a","offset":7},"n":1}'
    >>> address_of(document), origin_of(document)
    (Address(index='i', id='bot:e"1', version=None), Origin(stream='5a', offset=7))
    """
    return f"{head}{event_of(event)}{neck}{offset}}},".encode() + rest


def make_rewrite(index: str, id_: str, version: int, body: bytes) -> bytes:
    r"""Return a document that replaces earlier versions of itself.

    >>> address_of(make_rewrite("i", "1", 7, b'{"n":1}'))
    Address(index='i', id='1', version=7)
    """
    where = {"_index": index, "_id": id_, "version": version, "version_type": "external"}
    return msgspec.json.encode({"index": where}) + b"\n" + body


def address_of(document: bytes) -> Address:
    """Return where a document belongs."""
    action = _ACTIONS.decode(document[: document.index(b"\n")])
    address = action.create or action.index
    assert address is not None
    return address


def origin_of(document: bytes) -> Origin:
    """Return the place in the log that a document was made of."""
    return _BODIES.decode(body_of(document)).log


def body_of(document: bytes) -> bytes:
    r"""Return the document itself, without the action.

    >>> body_of(b'{"create":{"_index":"i","_id":"1"}}\n{"n":1}')
    b'{"n":1}'
    """
    return document[document.index(b"\n") + 1 :]


def stored_line(document: bytes) -> bytes:
    r"""Return the document as one line that also says where it belongs.

    >>> stored_line(b'{"create":{"_index":"i","_id":"1"}}\n{"n":1}')
    b'{"_index":"i","_id":"1","n":1}\n'
    """
    end = document.index(b"\n")
    return document[document.index(b":") + 1 : end - 2] + b"," + document[end + 2 :] + b"\n"


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
