"""The lag of a process over all that is read of it, though each share only knows its own."""

from __future__ import annotations

import threading

from aiwatch.ingest.self_metrics import SelfMetrics


class LagBook:
    """Adds up what several pipelines of one exporter say of the same process."""

    def __init__(self, whole: SelfMetrics) -> None:
        """Tell ``whole`` the sums."""
        self._whole = whole
        self._lock = threading.Lock()
        self._said: dict[str, dict[object, tuple[int, float | None]]] = {}

    def observe(self, who: object, process: str, unread: int, since: float | None) -> None:
        """Note what ``who`` says: how many bytes wait, and since when."""
        with self._lock:
            self._said.setdefault(process, {})[who] = (unread, since)
            self._tell(process)

    def forget(self, who: object) -> None:
        """Leave out what ``who`` said."""
        with self._lock:
            for process, said in self._said.items():
                if said.pop(who, None) is not None:
                    self._tell(process)

    def _tell(self, process: str) -> None:
        said = self._said[process].values()
        waiting = [since for _, since in said if since is not None]
        self._whole.observe_lag(process, sum(unread for unread, _ in said), min(waiting, default=None))


class PartMetrics(SelfMetrics):
    """The self metrics of the exporter as one of its pipelines uses them; its lags are added to those of others."""

    def __init__(self, whole: SelfMetrics, book: LagBook) -> None:
        """Share everything of ``whole`` but the lags, which go through ``book``."""
        self.registry = whole.registry
        self.up = whole.up
        self.retries = whole.retries
        self.last_commit = whole.last_commit
        self.process_info = whole.process_info
        self._book = book

    def observe_lag(self, process: str, unread: int, since: float | None) -> None:
        """Note how many bytes of a process wait here, and since when (epoch seconds; None: nothing waits)."""
        self._book.observe(self, process, unread, since)

    def forget(self) -> None:
        """Leave the lags out: somebody else reads on."""
        self._book.forget(self)
