"""A document on its way to the store: two lines of a bulk request, the ``create`` action and the document itself
(without its newline).

Being bytes from the start, documents are joined into requests as they are. What they say of themselves is read back
only where a store wants to know, which is rare.
"""

from __future__ import annotations

import msgspec

from aiwatch import names

_ACTION = b'{"create":'


class Address(msgspec.Struct, frozen=True):
    """Where a document is stored and under which id."""

    index: str = msgspec.field(name="_index")
    id: str = msgspec.field(name="_id")


class Origin(msgspec.Struct, frozen=True):
    """The place in the log that a document was made of: it tells an own earlier delivery from a repeated event."""

    stream: str = ""
    offset: int = -1


class _Create(msgspec.Struct):
    create: Address


class _Body(msgspec.Struct):
    log: Origin = Origin()


_ACTIONS = msgspec.json.Decoder(_Create)
_BODIES = msgspec.json.Decoder(_Body)


def head_of(index: str, process: str) -> str:
    """Return how the documents of a process in ``index`` begin, up to where the event's own name follows."""
    return f'{{"create":{{"_index":{_quoted(index)},"_id":"{process}:'


def neck_of(process: str, stream: str) -> str:
    """Return what follows on the event's name, up to its offset in ``stream``."""
    return f'"}}}}\n{{"{names.PROCESS}":"{process}","{names.LOG}":{{"stream":{_quoted(stream)},"offset":'


def make_document(head: str, event: str, neck: str, offset: int, rest: bytes) -> bytes:
    r"""Return a document; ``rest`` is what of its JSON follows on the process and the place, with the closing brace.

    >>> document = make_document(head_of("i", "bot"), 'e"1', neck_of("bot", "5a"), 7, b'"n":1}')
    >>> document
    b'{"create":{"_index":"i","_id":"bot:e\\"1"}}\n{"process":"bot","log":{"stream":"5a","offset":7},"n":1}'
    >>> address_of(document), origin_of(document)
    (Address(index='i', id='bot:e"1'), Origin(stream='5a', offset=7))
    """
    return f"{head}{_quoted(event)[1:-1]}{neck}{offset}}},".encode() + rest


def address_of(document: bytes) -> Address:
    """Return where a document belongs."""
    return _ACTIONS.decode(document[: document.index(b"\n")]).create


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
    return document[len(_ACTION) : end - 2] + b"," + document[end + 2 :] + b"\n"


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
