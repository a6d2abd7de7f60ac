"""What the exporter asks of its process: the collector of cycles, the C library's memory, the number of open files."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import resource

_ARENA_MAX, _TRIM_THRESHOLD, _MMAP_THRESHOLD = -8, -1, -3  # M_ARENA_MAX and so on of <malloc.h>
_KEPT_BYTES = 32 * 2**20  # what is freed stays for the next batch; more is given back


def look_for_cycles_seldom() -> None:
    """Let the collector of cycles run once per many lines: what a line makes has none, and looking takes long."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def share_one_arena() -> None:
    """Let all threads get memory from one place, and keep it, where the C library can be told so (glibc).

    Else each thread that sends keeps some megabytes of its own for the next one, and what a batch needs is given back
    and asked for again page by page, which takes a twentieth of the time.
    """
    with contextlib.suppress(AttributeError, OSError):
        tell = ctypes.CDLL(None).mallopt
        tell(_ARENA_MAX, 1)
        tell(_MMAP_THRESHOLD, _KEPT_BYTES // 2)
        tell(_TRIM_THRESHOLD, _KEPT_BYTES)


def raise_limit_of_open_files() -> None:
    """Allow as many open files as the system lets: every log that is followed is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # then it stays as it is; a source says so when it is too low
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
