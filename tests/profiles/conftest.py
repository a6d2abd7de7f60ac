from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aiwatch.profiles.tables.columns import Wanted
from aiwatch.profiles.tables.typed import Table, read_table


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Table]:
    """Write texts or bytes as files, and read them as one table."""

    def reading(*contents: str | bytes, name: str = "table.csv", **wanted: Any) -> Table:
        paths = []
        for number, content in enumerate(contents):
            path = tmp_path / f"{number}-{name}"
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            paths.append(str(path))
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        return read_table(paths, Wanted(**wanted), scratch)

    return reading
