"""A consumer that delivers and commits as a transaction does, and loses what it has not committed when it crashes."""

from __future__ import annotations

from pathlib import Path

from aiwatch.ingest.contracts import Block, Oversized, Position
from aiwatch.ingest.sources.jsonl import JsonlSource

NEVER = 1e9  # seconds: no rotated file counts as finished


class Consumer:
    """Reads a pattern over many incarnations; ``lines`` holds what was committed, in order."""

    def __init__(
        self,
        pattern: Path | str,
        *,
        quiet: float = NEVER,
        max_line: int = 10 * 2**20,
        limit: int = 65536,
        rescan_every: float = 0.0,
    ) -> None:
        self.pattern = str(pattern)
        self.limit = limit
        self.options = {"quiet": quiet, "max_line": max_line, "rescan_every": rescan_every}
        self.positions: dict[str, Position] = {}
        self.lines: list[bytes] = []
        self.places: list[tuple[str, int]] = []
        self.oversized: list[Oversized] = []
        self.pending: list[Block] = []
        self.source = self._start()

    def _start(self) -> JsonlSource:
        return JsonlSource("chat", self.pattern, list(self.positions.values()), **self.options)

    def poll(self) -> Block | None:
        """Read one block; a block without data is committed at once, with what came before it."""
        block = self.source.read(self.limit)
        if block is not None:
            self.pending.append(block)
            if not block.data and not block.oversized:
                self.commit()
        return block

    def look(self) -> None:
        """Have the source look at the file system before it reads on, whatever its interval is."""
        self.source._scan_at = 0.0

    def commit(self) -> None:
        for block in self.pending:
            assert block.stream == block.position.stream
            offset = block.start
            for line in block.data.split(b"\n")[:-1]:
                self.lines.append(line)
                self.places.append((block.stream, offset))
                offset += len(line) + 1
            self.oversized.extend(block.oversized)
            self.positions[block.stream] = block.position
        self.pending.clear()

    def drain(self) -> list[bytes]:
        """Read and commit until three looks in a row bring nothing new; return the lines that came."""
        before, idle = len(self.lines), 0
        while idle < 3:
            self.look()
            idle += 1
            while self.poll() is not None:
                idle = 0
        self.commit()
        return self.lines[before:]

    def crash(self) -> None:
        """Lose everything that is not committed, and start again from what is."""
        self.source.close()
        self.pending.clear()
        self.source = self._start()

    def close(self) -> None:
        self.source.close()
