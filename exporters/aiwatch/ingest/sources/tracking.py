"""Tells which file holds which stream, look by look, however the files were renamed, copied or overwritten.

The rules are stated in ``jsonl``; here is how they are kept. A stream is either *followed* (a verified file is known
for it) or *missing* (its file is gone, or holds something else). A look at the file system first checks the followed
streams, then gives every other file to the missing stream whose content it holds, or finds that it is a copy of a
followed one, or begins a new stream with it; last it searches the folders of missing streams beyond the pattern.
The missing ones are kept in ``missing``; ``listing`` finds files, ``comparing`` holds contents against each other.
"""

from __future__ import annotations

import os
import secrets
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from aiwatch.ingest.contracts import Block, Position
from aiwatch.ingest.sources.comparing import Sighting, is_likely_start, reaches, relation, same_content
from aiwatch.ingest.sources.identity import FINGERPRINT_BYTES, digest, has_head, is_copy_name
from aiwatch.ingest.sources.listing import find_files, fixed_folder, is_rotated
from aiwatch.ingest.sources.missing import MissingStreams
from aiwatch.ingest.sources.opened import LogFile, open_log
from aiwatch.ingest.sources.stream import Key, LogStream, continues, is_all_read, is_fresh, key_of, signature_of
from aiwatch.ingest.sources.trouble import Problems, cut_off, misnamed

_CLOSE_AFTER_SECONDS = 3600.0
_RETRY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Copy:
    """A file that is not read because another has its content. It is held open: it may be all that is left soon."""

    original: LogStream
    sighting: Sighting
    log: LogFile


class Tracker:
    """Keeps every stream of a pattern together with the file that holds it.

    ``announcements`` are the blocks without data that tell the checkpoint of new streams and new places;
    ``problems`` maps a path to what is wrong with it and what to do; ``forgotten`` lists streams gone for good.
    """

    def __init__(self, source: str, pattern: str, positions: Iterable[Position], quiet: float) -> None:
        """Start with what the checkpoint knows; ``quiet`` is in seconds (see ``JsonlSource``)."""
        self._source = source
        self._pattern = pattern
        self._quiet = quiet
        self._followed: dict[Key, LogStream] = {}
        self._missing = MissingStreams(positions, time.monotonic())
        self._copies: dict[Key, Copy] = {}
        self.announcements: deque[Block] = deque()
        self.problems = Problems()
        self.forgotten: list[str] = []

    @property
    def streams(self) -> list[LogStream]:
        """The streams that a file is known for."""
        return list(self._followed.values())

    def scan(self) -> None:
        """Look at the file system, and at every open file."""
        now = time.monotonic()
        found = find_files(self._pattern, self.problems, self._seen_name)
        blind = fixed_folder(self._pattern) in self.problems
        paths = {sighting.path for sighting in found.values()}
        for key, stream in list(self._followed.items()):
            try:
                if key in found:
                    self._follow(stream, found[key], paths, now)
                else:
                    self._follow_out_of_sight(stream, now, blind)
            except OSError as error:
                self.fail(stream, error)
        for key in [key for key in self._copies if key not in found]:
            if key in self._copies:  # parting with another one may have shown what became of it
                self._part_with(self._copies.pop(key))
        unclaimed = [sighting for key, sighting in found.items() if key not in self._followed]
        # The shortest names first: a copy's original is known before the copy is looked at.
        for sighting in sorted(unclaimed, key=lambda each: (len(each.path), each.path)):
            if not self._is_known_copy(sighting):
                self._try_to_place(sighting, in_pattern=True)
        for sighting in self._missing.search(now):
            if sighting.key not in found and sighting.key not in self._followed:
                self._try_to_place(sighting, in_pattern=False)
        self.forgotten += self._missing.forget(found, self._followed, now)

    def fail(self, stream: LogStream, error: OSError) -> None:
        """Take note that a stream's file could not be read: it is opened again later."""
        stream.release()
        stream.doubtful = True
        stream.retry_at = time.monotonic() + _RETRY_SECONDS
        self.problems.report(stream.seen_path or stream.position.path, error)

    def close(self) -> None:
        """Let go of every open file."""
        for stream in self._followed.values():
            stream.release()
        self._followed.clear()
        for copy in self._copies.values():
            copy.log.close()
        self._copies.clear()

    def _seen_name(self, key: Key) -> str:
        stream = self._followed.get(key)
        return "" if stream is None else stream.seen_path

    # -- streams whose file is known -----------------------------------------------------------------

    def _follow(self, stream: LogStream, sighting: Sighting, paths: set[str], now: float) -> None:
        """Look at a stream's file as the pattern finds it: does it still hold the stream, is it finished?"""
        if stream.file is None:
            settled = not stream.doubtful and not stream.unread and signature_of(sighting.stat) == stream.signature
            if settled:
                _take_name(stream, sighting)
            if settled or not self._reopen(stream, sighting, now):
                return
        if not stream.recognise(sighting.stat):
            self._lose(stream, now)
            return
        _take_name(stream, sighting)
        quiet_for = now - stream.changed_at
        if stream.is_cut_off and quiet_for >= self._quiet:
            self.problems.report(sighting.path, cut_off())
            return
        self.problems.pop(sighting.path, None)
        if stream.position.finished and not stream.unread:
            stream.release()
        elif not stream.position.finished and quiet_for >= self._quiet:
            stream.ending = stream.renamed or is_rotated(sighting.path, paths)
            if quiet_for >= _CLOSE_AFTER_SECONDS and not stream.unread and not stream.ending:
                stream.release()

    def _reopen(self, stream: LogStream, sighting: Sighting, now: float) -> bool:
        """Open a closed file again; tell whether it is open."""
        if now < stream.retry_at:
            return False
        log = open_log(sighting.path)
        try:
            stat = log.stat()
            # While it was closed, its inode may have been used again: of a stream without content, nothing tells.
            known = key_of(stat) == sighting.key and stream.position.offset > 0
            intact = known and continues(stream.position, log, os.path.realpath(sighting.path))
        except OSError:
            log.close()
            raise
        if not intact:
            log.close()
            self._lose(stream, now)
            return False
        stream.attach(log, stream.position.path, stat)
        return True

    def _follow_out_of_sight(self, stream: LogStream, now: float, blind: bool) -> None:
        """Read on in a file that the pattern does not find (``blind``: finds no file at all), while it may grow."""
        stream.seen_path = ""
        if stream.file is None:
            self._lose(stream, now)
            return
        stat = stream.file.stat()
        if not stream.recognise(stat):
            self._lose(stream, now)
        elif not stream.position.finished:
            stream.ending = not blind and now - stream.changed_at >= self._quiet
        elif not stream.unread and (stat.st_nlink == 0 or self._is_superseded(stream)):
            self._lose(stream, now)

    def _is_superseded(self, stream: LogStream) -> bool:
        """Tell whether a later file of the same name is out of sight too, so that no writer holds this one."""
        return any(
            other is not stream
            and not other.seen_path
            and other.position.path == stream.position.path
            and other.mtime_ns >= stream.mtime_ns
            for other in self._followed.values()
        )

    def _lose(self, stream: LogStream, now: float) -> None:
        del self._followed[stream.key]
        if stream.file is not None and stream.file.stat().st_nlink == 0:
            stream.disown()
            self.announcements.append(stream.announcement())
        stream.release()
        stream.seen_path = ""
        self._missing.add(stream, now)

    # -- files that no stream is known for -------------------------------------------------------------

    def _is_known_copy(self, sighting: Sighting) -> bool:
        copy = self._copies.get(sighting.key)
        return (
            copy is not None
            and signature_of(copy.sighting.stat) == signature_of(sighting.stat)
            and self._followed.get(copy.original.key) is copy.original
            and not is_fresh(sighting.stat)
        )

    def _part_with(self, copy: Copy) -> None:
        """Let go of a copy that the pattern does not find any more, unless it has something to give."""
        kept = False
        try:
            kept = self._place(copy.log, Sighting(copy.sighting.path, copy.log.stat()), in_pattern=True)
            if copy.sighting.key in self._copies and not copy.original.ready:
                kept = False
                del self._copies[copy.sighting.key]
        except OSError as error:
            self.problems.report(copy.sighting.path, error)
        finally:
            if not kept:
                copy.log.close()

    def _try_to_place(self, sighting: Sighting, *, in_pattern: bool) -> None:
        copy = self._copies.pop(sighting.key, None)
        if copy is not None:
            copy.log.close()
        log: LogFile | None = None
        try:
            log = open_log(sighting.path)
            seen = Sighting(sighting.path, log.stat())
            if seen.key == sighting.key and self._place(log, seen, in_pattern):
                log = None  # it is kept
            self.problems.pop(sighting.path, None)
        except FileNotFoundError:
            pass  # renamed since it was listed: the next look finds it
        except OSError as error:
            self.problems.report(sighting.path, error)
        finally:
            if log is not None:
                log.close()

    def _place(self, log: LogFile, sighting: Sighting, in_pattern: bool) -> bool:
        """Give an open file to the stream whose content it holds, or to a new one; tell whether it is kept open.

        A copy of a followed stream has its whole content from there: that says more than the beginning which it shares
        with a missing one, even at the same inode. Only an archive that was read to its end need not be compared.
        """
        head = log.read_at(0, FINGERPRINT_BYTES)
        if log.compressed and len(head) < FINGERPRINT_BYTES and not log.complete:
            if time.time() - sighting.stat.st_mtime >= self._quiet:
                raise cut_off()
            return False  # compression has only begun: too little to tell whose it is
        path = os.path.realpath(sighting.path)
        if not _is_text(path):
            raise misnamed()
        claimants = self._missing.claimants(sighting, path, head)
        known = any(is_all_read(each.position, log, path) for each in claimants)
        if (in_pattern or claimants) and not known:
            missing_before = len(self._missing)
            original = self._original(log, path, head)
            if original is not None:
                if in_pattern:
                    self._copies[sighting.key] = Copy(original, sighting, log)
                return in_pattern
            if len(self._missing) > missing_before:
                return self._place(log, sighting, in_pattern)  # what looked like the original is missing now
        for stream in claimants:
            position = stream.position
            if position.offset == 0 or (not in_pattern and position.finished and log.ends_at(position.offset)):
                continue  # too little to go by, for now; or nothing new in it, and nobody asks for it
            if continues(position, log, path):
                self._attach(stream, log, path, sighting, in_pattern)
                return True
            if log.compressed and not log.complete and not reaches(log, position.offset):
                return False  # still being compressed
        unread = next((each for each in claimants if is_likely_start(each, sighting, head, in_pattern)), None)
        if unread is not None:
            self._attach(unread, log, path, sighting, in_pattern)
        elif in_pattern:
            self._begin(log, path, sighting, head)
        return unread is not None or in_pattern

    def _begin(self, log: LogFile, path: str, sighting: Sighting, head: bytes) -> None:
        for key, copy in list(self._copies.items()):
            if log.compressed and copy.log.stat().st_nlink == 0 and same_content(log, copy.log):
                self._copies.pop(key).log.close()  # this is what became of it
        fingerprint = digest(head) + digest(b"")
        stream = LogStream(Position(secrets.token_hex(8), self._source, path, *sighting.key, fingerprint, len(head), 0))
        self._attach(stream, log, path, sighting, in_pattern=True)
        self.announcements.append(stream.announcement())

    def _attach(self, stream: LogStream, log: LogFile, path: str, sighting: Sighting, in_pattern: bool) -> None:
        before = stream.position
        stream.attach(log, path, sighting.stat)
        stream.seen_path = sighting.path if in_pattern else ""
        self._followed[stream.key] = stream
        self._missing.remove(stream)
        if stream.position != before:
            self.announcements.append(stream.announcement())

    def _original(self, log: LogFile, path: str, head: bytes) -> LogStream | None:
        """Return the followed stream that ``log`` is a copy of, so far as it goes.

        A stream that proves to be truncated or replaced on this occasion becomes a missing one.
        """
        predecessor: LogStream | None = None
        for stream in list(self._followed.values()):
            position = stream.position
            alike = position.fingerprint_length == FINGERPRINT_BYTES and has_head(position, head)
            if not alike and not is_copy_name(path, position.path):
                continue
            try:
                kinship = relation(log, path, head, stream)
                if kinship == "copy":
                    return stream
                if kinship == "successor":
                    predecessor = stream
                elif stream.file is not None and not stream.file.compressed:
                    stream.doubtful = True
                    if not stream.recognise(stream.file.stat()):
                        self._lose(stream, time.monotonic())
            except FileNotFoundError:
                continue  # closed long ago and gone now: the next look deals with it
            except OSError as error:
                self.fail(stream, error)
        if predecessor is not None and not predecessor.ready:
            self._lose(predecessor, time.monotonic())
            return None
        return predecessor  # once that is read, this file takes over from it


def _take_name(stream: LogStream, sighting: Sighting) -> None:
    """Take note of the name by which the pattern finds a stream's file now."""
    if sighting.path != stream.seen_path:
        stream.seen_path = sighting.path
        path = os.path.realpath(sighting.path)
        if path != stream.position.path and _is_text(path):
            stream.move(path)


def _is_text(path: str) -> bool:
    """Tell whether a name is UTF-8: Python reads any other with surrogates in it."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
