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
        return (folder / name).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def write_secret(folder: Path, name: str, secret: str, *, mode: int = 0o600, folder_mode: int = 0o700) -> None:
    """Store a secret in one step: for its owner alone from its first byte on, of ``mode`` once it is whole.

    Raises:
        OSError: it cannot be written; a former secret of that name is still there.
    """
    folder.mkdir(mode=folder_mode, parents=True, exist_ok=True)
    folder.chmod(folder_mode)
    temporary = folder / f".{name}.{secrets.token_hex(4)}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
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
