"""What cannot be read now, and what to do about it."""

from __future__ import annotations

import errno
import logging

_LOG = logging.getLogger(__name__)
_ADVICE = {
    errno.EACCES: "let the exporter's user read it, for example by chmod or by a group that owns it",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.EILSEQ: "restore it or remove it; what comes before the damage has been read",
    errno.ENODATA: "if it is not being compressed any more it was cut off: restore it or remove it",
    errno.ENOENT: "create it, or correct the path in the catalogue",
}


class Problems(dict[str, str]):
    """What is wrong by path, in words; each is logged once.

    >>> problems = Problems()
    >>> problems.report("/logs/a.jsonl", PermissionError(errno.EPERM, "Operation not permitted"))
    >>> problems
    {'/logs/a.jsonl': 'Operation not permitted: it is tried again'}
    """

    def report(self, path: str, error: OSError) -> None:
        """Take note that ``path`` cannot be read."""
        message = f"{error.strerror or error}: {_ADVICE.get(error.errno or 0, 'it is tried again')}"
        if self.get(path) != message:
            self[path] = message
            _LOG.warning("%s: %s", path, message)


def cut_off() -> OSError:
    """Return what is wrong with a compressed file that is not being written any more and has no end."""
    return OSError(errno.ENODATA, "the compressed file has no end")


def misnamed() -> OSError:
    """Return what is wrong with a file whose name neither the checkpoint nor a dead letter could hold."""
    return OSError(0, "its name is not UTF-8, rename it")
