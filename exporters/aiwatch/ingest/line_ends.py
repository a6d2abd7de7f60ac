"""Where the whole lines of a file end."""

from __future__ import annotations

import os

_PIECE_BYTES = 2**16


def end_of_lines(descriptor: int, offset: int, size: int) -> int:
    """Return the place behind the last newline before ``size``, or ``offset`` if there is none after that.

    >>> from tempfile import TemporaryFile
    >>> with TemporaryFile() as file:
    ...     _ = file.write(b"1\\n2\\n3"), file.flush()
    ...     end_of_lines(file.fileno(), 0, 5), end_of_lines(file.fileno(), 0, 4), end_of_lines(file.fileno(), 4, 5)
    (4, 4, 4)
    """
    while size > offset:
        start = max(offset, size - _PIECE_BYTES)
        newline = os.pread(descriptor, size - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        size = start
    return offset
