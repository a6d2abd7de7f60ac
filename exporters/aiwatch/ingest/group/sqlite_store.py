"""The state of shares in SQLite files below the state folder: for a group with a single member."""

from __future__ import annotations

import threading
from pathlib import Path

from aiwatch.ingest.checkpoint import Checkpoint
from aiwatch.ingest.commit import CheckpointError
from aiwatch.ingest.dead_letters import DeadLetters
from aiwatch.ingest.group.contracts import Holding
from aiwatch.ingest.group.share import Share


class SqliteShareStore:
    """One folder for each share: a checkpoint and dead letters, as of any exporter."""

    def __init__(self, folder: Path, group: str) -> None:
        """Keep the shares of ``group`` below the state folder ``folder``."""
        self._folder = folder / "kafka" / group
        self.begun = not self._folder.exists()

    def folder(self, share: Share) -> Path:
        """Return the state folder of a share."""
        return self._folder / share.process / share.topic / str(share.partition)

    def open(self, share: Share, stop: threading.Event) -> Holding:
        """Return the state of a share.

        Raises:
            CheckpointError: its files are in use, damaged, or cannot be written.
        """
        folder = self.folder(share)
        try:
            checkpoint = Checkpoint(folder)
        except OSError as error:
            raise CheckpointError(f"{folder} cannot be used: {error}") from None
        try:
            return Holding(checkpoint, DeadLetters(folder, checkpoint.image.dead_letter_bytes), checkpoint.close)
        except OSError as error:
            checkpoint.close()
            raise CheckpointError(f"{folder} cannot be used: {error}") from None
