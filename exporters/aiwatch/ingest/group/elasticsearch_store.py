"""The state of shares in Elasticsearch, where every exporter of a group reaches it.

Each commit of a share is one document that holds what changed; now and then one holds the whole state. Reading the
newest whole one and the changes after it, by id and so in real time, gives the state.

The documents of a share have numbers, and 128 places that they use in turn, the number being the document's external
version: Elasticsearch refuses to write a place with a number that is not higher than the one there. So of two exporters
that both believe to hold a share only one can write the next number, also when the other slept for days in between;
who comes second has lost the share. Who takes it over writes the next number at once, for that very reason. A place is
used again only when a newer whole state stands elsewhere, and nothing is ever deleted.
"""

from __future__ import annotations

import base64
import secrets
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from elastic_transport import TransportError
from elasticsearch import ApiError, BadRequestError, ConflictError, Elasticsearch

from aiwatch import names
from aiwatch.ingest.commit import CheckpointError, Commit
from aiwatch.ingest.group import letters
from aiwatch.ingest.group.contracts import Holding, TakenError
from aiwatch.ingest.group.patience import wait_for
from aiwatch.ingest.group.share import Share
from aiwatch.ingest.image import DamagedError, Image, pack, unpack

INDEX = names.INDEX_CHECKPOINTS
PLACES = 128
WHOLE_EVERY = PLACES // 2
_VERSION = 1
_REQUEST_SECONDS = 20.0  # what takes longer is tried again
_FAST = 1  # zlib's quickest level: what is saved beyond it is not worth the time
_CLAIMS = 5  # attempts to take over from one who is still writing
_MAPPINGS = {
    "dynamic": False,
    "properties": {
        names.TIMESTAMP: {"type": "date"},
        "group": {"type": "keyword"},
        "share": {"type": "keyword"},
        "number": {"type": "long"},
    },
}
_SETTINGS = {"number_of_shards": 1, "auto_expand_replicas": "0-1"}


class ElasticsearchShareStore:
    """Keeps the shares of one group in the index ``aiwatch-checkpoints``."""

    def __init__(self, client: Elasticsearch, group: str, on_retry: Callable[[str], None]) -> None:
        """Make the index, and that of the dead letters, if need be.

        Raises:
            CheckpointError: it cannot be made.
        """
        self._client = client.options(request_timeout=_REQUEST_SECONDS)
        self._group = group
        self._on_retry = on_retry
        self.begun = self._make(INDEX, _MAPPINGS)
        self._make(letters.INDEX, letters.MAPPINGS)

    def _make(self, index: str, mappings: dict[str, Any]) -> bool:
        """Make an index, and return whether it was not there."""
        try:
            self._client.indices.create(index=index, mappings=mappings, settings=_SETTINGS)
        except (ApiError, TransportError) as error:
            if isinstance(error, BadRequestError) and error.error == "resource_already_exists_exception":
                return False
            raise CheckpointError(
                f"the index {index} cannot be made: {error}; is Elasticsearch up, and may the key of the exporter "
                f"create, read and write it?"
            ) from None
        return True

    def open(self, share: Share, stop: threading.Event) -> Holding:
        """Return the state of a share, taken over from whoever held it.

        Raises:
            CheckpointError: it cannot be read or written now, or is damaged.
        """
        chain = _Chain(self._client, self._group, share)
        try:
            for _ in range(_CLAIMS):
                held = chain.load()
                if chain.write(held.number + 1, held.image.whole(), whole=True):
                    held.number = held.whole = held.number + 1
                    rejected = letters.ElasticsearchLetters(self._client, self._group, stop, self._on_retry)
                    checkpoint = ElasticsearchCheckpoint(chain, held, stop, self._on_retry)
                    return Holding(checkpoint, rejected, close=lambda: None)
        except (ApiError, TransportError) as error:
            raise CheckpointError(f"the state of {share} cannot be had from {INDEX}: {error}") from None
        raise CheckpointError(f"the state of {share} cannot be taken over: another exporter goes on writing it")


class ElasticsearchCheckpoint:
    """What is committed of one share: an image here, and the documents that it can be made of again."""

    def __init__(self, chain: _Chain, held: _Held, stop: threading.Event, on_retry: Callable[[str], None]) -> None:
        """Go on from ``held``; a commit that waits for Elasticsearch gives up once ``stop`` is set."""
        self._chain = chain
        self._held = held
        self._stop = stop
        self._on_retry = on_retry

    @property
    def image(self) -> Image:
        """Everything that is committed."""
        return self._held.image

    def commit(self, commit: Commit) -> None:
        """Write everything in one document; Elasticsearch has it on disk when this returns.

        Raises:
            TakenError: another exporter has taken the share over; nothing was written.
            StoppedError: told to stop before it could be written.
        """
        held = self._held
        number = held.number + 1
        held.image.apply(commit)  # if it cannot be written, this object is not used any more
        whole = number - held.whole >= WHOLE_EVERY
        write = self._chain.prepare(number, held.image.whole() if whole else commit, whole)
        if not wait_for(write, f"the state of {self._chain.share}", self._stop, self._on_retry):
            raise TakenError(f"{self._chain.share} was taken over by another exporter")
        held.number = number
        if whole:
            held.whole = number


@dataclass(slots=True)
class _Held:
    """The state of a share, the number of its newest document, and that of the newest with the whole state."""

    image: Image
    number: int
    whole: int


class _Chain:
    """The documents of one share, as one exporter reads and writes them."""

    def __init__(self, client: Elasticsearch, group: str, share: Share) -> None:
        self._client = client
        self._group = group
        self.share = share
        self._name = f"{group}:{share.process}:{share.place}"
        self._owner = secrets.token_hex(8)

    def load(self) -> _Held:
        """Return the state.

        Raises:
            CheckpointError: documents are missing or damaged.
            ApiError, TransportError: it cannot be read now.
        """
        heads = self._read(range(PLACES), heads=True)
        if not heads:
            return _Held(Image(), 0, 0)
        number = max(heads)
        whole = max((each for each, head in heads.items() if head["whole"]), default=0)
        wanted = range(whole, number + 1)
        found = self._read([each % PLACES for each in wanted], heads=False)
        missing = [each for each in wanted if each not in found]
        if not whole or (missing and max(found, default=0) <= number):
            raise CheckpointError(
                f"the state of {self.share} in {INDEX} is not whole: of documents {whole} to {number}, {missing} are "
                f"missing; restore the index from a snapshot, or start with another --kafka-group from the beginning"
            )
        image = Image()
        for each in wanted:
            if each in found:  # else it was overwritten since: the claim will be refused, and it is read again
                self._apply(image, each, found[each])
        return _Held(image, number, whole)

    def _apply(self, image: Image, number: int, document: dict[str, Any]) -> None:
        if document["version"] != _VERSION:
            raise CheckpointError(
                f"the state of {self.share} in {INDEX} has version {document['version']}, this aiwatch writes "
                f"{_VERSION}: run the aiwatch that wrote it"
            )
        try:
            image.apply(unpack(zlib.decompress(base64.b64decode(document["blob"]))))
        except (DamagedError, zlib.error) as error:
            raise CheckpointError(f"document {number} of {self.share} in {INDEX} is damaged: {error}") from None

    def _read(self, places: Any, heads: bool) -> dict[int, dict[str, Any]]:
        """Return the documents at ``places`` by their numbers, without what they hold if only their heads are asked."""
        response = self._client.mget(
            index=INDEX, ids=[f"{self._name}:{place}" for place in places], source_excludes=["blob"] if heads else None
        )
        errors = [document["error"] for document in response["docs"] if "error" in document]
        if errors:
            raise CheckpointError(f"the state of {self.share} cannot be read from {INDEX}: {errors[0]}")
        found = (document["_source"] for document in response["docs"] if document["found"])
        return {int(source["number"]): source for source in found}

    def prepare(self, number: int, change: Commit, whole: bool) -> Callable[[], bool]:
        """Return what writes a document, and may be called again if it fails: see `write`."""
        document = {
            names.TIMESTAMP: datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "group": self._group,
            "share": f"{self.share.process}:{self.share.place}",
            "number": number,
            "owner": self._owner,
            "whole": whole,
            "version": _VERSION,
            "blob": base64.b64encode(zlib.compress(pack(change), _FAST)).decode(),
        }
        place = f"{self._name}:{number % PLACES}"

        def write() -> bool:
            try:
                self._client.index(index=INDEX, id=place, document=document, version=number, version_type="external")
            except ConflictError:
                there = self._client.get(index=INDEX, id=place, source_excludes=["blob"])["_source"]
                return bool(there["number"] == number and there["owner"] == self._owner)  # an earlier attempt
            return True

        return write

    def write(self, number: int, change: Commit, whole: bool) -> bool:
        """Write a document, and return whether it is there now; else another exporter's is.

        Raises:
            ApiError, TransportError: that is not known.
        """
        return self.prepare(number, change, whole)()
