"""What the first lines of each log would become, before anything is stored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from aiwatch.catalogue.model import Catalogue
from aiwatch.ingest.decode import Decoder, Entry, Reject, source_key
from aiwatch.ingest.feeds import log_groups
from aiwatch.ingest.sources.jsonl import JsonlSource


def preview(catalogue: Catalogue, logs: Path, most: int) -> Iterator[Entry | Reject]:
    """Return the first lines of each process's log files as they would be stored or rejected; nothing is written.

    What does not come from files is left alone: it could not be read again.
    """
    now = datetime.now(UTC)
    for process in catalogue.processes:
        for group in log_groups(process):
            if group[0].source != "jsonl":
                continue
            source = JsonlSource(source_key(process, group[0].place), str(logs / group[0].path), ())
            decoder = Decoder(process, group)
            shown = 0
            while shown < most and (block := source.read(2**16)) is not None:
                decoded = decoder.decode(block, now)
                found: list[Entry | Reject] = [*decoded.entries, *decoded.rejects]
                found.sort(key=_offset)
                yield from found[: most - shown]
                shown += len(found)
            source.close()


def _offset(found: Entry | Reject) -> int:
    return found.spot[1] if isinstance(found, Entry) else found.offset
