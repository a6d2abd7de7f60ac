"""Notices that the catalogue has changed, and reads it again."""

from __future__ import annotations

import logging
from pathlib import Path

from aiwatch.catalogue.load import CatalogueError, load_catalogue
from aiwatch.catalogue.model import Catalogue
from aiwatch.profiles.baseline import FOLDER

_LOG = logging.getLogger(__name__)


class CatalogueWatch:
    """Looks at the files of a catalogue; made before it is first read, so that no change is missed."""

    def __init__(self, folder: Path) -> None:
        """Remember how the catalogue in ``folder`` is now."""
        self._folder = folder
        self._seen = self._read = self._state()

    def changed(self) -> Catalogue | None:
        """Return the catalogue when it is another one than at the last reading, and right; to be asked now and then.

        A change counts once two looks see the same, for somebody may be writing. Mistakes are logged, once.
        """
        now = self._state()
        settled = now == self._seen
        self._seen = now
        if not settled or now == self._read:
            return None
        self._read = now
        try:
            return load_catalogue(self._folder)
        except CatalogueError as error:
            _LOG.error("the catalogue has changed and has mistakes; the former one stays in use:\n%s", error)
            return None

    def _state(self) -> dict[str, tuple[int, int, int]]:
        found = {}
        for path in (*self._folder.rglob("*.yml"), *(self._folder / FOLDER).glob("[!.]*.json")):
            try:
                held = path.stat()
            except OSError:
                continue  # it has just gone, which the next look sees too
            found[path.as_posix()] = (held.st_mtime_ns, held.st_size, held.st_ino)
        return found
