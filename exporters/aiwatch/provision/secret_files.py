"""Secrets as files: one per secret, readable by its owner alone, never shown."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

RESPONDER_TOKEN = "responder-token"
_TOKEN_BYTES = 32


def read_secret(folder: Path, name: str) -> str:
    """Return the secret called ``name``, or an empty string when there is none yet."""
    try:
        return (folder / name).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""


def write_secret(folder: Path, name: str, secret: str) -> None:
    """Store a secret in one step: mode 0600 from its first byte on, in a folder of mode 0700.

    Raises:
        OSError: it cannot be written; a former secret of that name is still there.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    temporary = folder / f".{name}.{os.getpid()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / name)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def ensure_token(folder: Path, name: str = RESPONDER_TOKEN) -> bool:
    """Make a random token unless there is one; return whether one was made."""
    if read_secret(folder, name):
        return False
    write_secret(folder, name, secrets.token_urlsafe(_TOKEN_BYTES))
    return True
