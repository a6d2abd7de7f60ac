"""The compiled core (`exporters/core`); `aiwatch.ingest.core` says what it is for."""

from collections.abc import Sequence
from typing import Any

class Plan:
    """What is said once of a process and one of its logs (see `aiwatch.ingest.core.Plan`)."""

    def __init__(self, plan: Any) -> None: ...
    def read(
        self,
        data: bytes,
        start: int,
        offsets: Sequence[int] | None,
        place: tuple[str, str, bool],
        times: tuple[int, int],
    ) -> Rows: ...

class Rows:
    """The records of a block, in columns."""

    def odd(self) -> list[tuple[int, int, int]]: ...
    def suspects(self) -> list[str]: ...
    def replace(self, suspect: int, json: bytes) -> None: ...
    def finish(self, accepted: Sequence[tuple[int, str, bytes, bytes]]) -> tuple[bytes, bytes]: ...
    def __len__(self) -> int: ...
    def types(self, kept: Sequence[int] | None) -> list[tuple[str, int]]: ...
    def places(self, name: str) -> list[int]: ...
    def line(self, place: int) -> tuple[int, int, int]: ...

def fold(
    parts: Sequence[tuple[Rows, Sequence[int] | None]],
    last_seen: dict[str, float],
    touched: dict[str, float],
    gap: float,
) -> tuple[
    list[tuple[str, tuple[str, ...], float]],
    list[tuple[str, tuple[str, ...], list[int], float, dict[int, tuple[str, float, float]]]],
    list[tuple[str, tuple[str, ...], float]],
]: ...

class Hour:
    """The profile of one model version and hour."""

    def merge(self, other: Hour) -> None: ...
    def fields(self) -> tuple[dict[str, Any], list[tuple[int, int, int, list[Any]]]]: ...

def profiles(parts: Sequence[tuple[Rows, Sequence[int] | None]]) -> list[tuple[str, int, Hour]]: ...
def bin_counts(values: Any, edges: Any) -> tuple[list[int], int]:
    """Return how many of ``values`` lie in each bin of ``edges``, and how many are NaN; both are buffers of doubles."""
