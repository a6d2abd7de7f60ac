"""The secrets of an installation: made on its first start, and handed out to each part that needs one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from aiwatch.provision.secret_files import RESPONDER_TOKEN, ensure_token, read_secret, write_secret

ELASTIC_PASSWORD = "elastic-password"
GRAFANA_PASSWORD = "grafana-admin-password"
GRAFANA_SECRET_KEY = "grafana-secret-key"
MADE_FIRST = (ELASTIC_PASSWORD, GRAFANA_PASSWORD, GRAFANA_SECRET_KEY, RESPONDER_TOKEN)
"""What must be there before any server starts; API keys follow once Elasticsearch runs."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Share:
    """Who is handed which secrets, in files of which mode."""

    consumer: str
    names: tuple[str, ...]
    mode: int = 0o600

    @property
    def folder_mode(self) -> int:
        """Mode of the folder: whoever may read the files may look into it, and nobody else."""
        return self.mode | (self.mode & 0o444) >> 2


SHARES = (
    Share("elasticsearch", (ELASTIC_PASSWORD,)),
    Share("exporter", ("exporter-api-key",)),
    Share("drift", ("drift-api-key",)),
    Share("responder", ("responder-api-key", RESPONDER_TOKEN)),
    Share("alertmanager", (RESPONDER_TOKEN,), 0o640),
    Share("baseline", ("baseline-api-key",), 0o640),
    Share("grafana", ("grafana-api-key", GRAFANA_PASSWORD, GRAFANA_SECRET_KEY), 0o640),
)
"""Alertmanager and Grafana run as users of their own, a baseline is made by its owner: they read by their group."""

OWN_SECRETS = {share.consumer: share for share in SHARES if share.consumer in ("alertmanager", "responder")}
"""Who takes secrets that people bring: the address of a Slack channel, the token of a system that trains models."""


def make_first(folder: Path) -> list[str]:
    """Make the secrets that do not exist yet; return the names of those that were made.

    Raises:
        OSError: one cannot be written.
    """
    return [name for name in MADE_FIRST if ensure_token(folder, name)]


def hand_out(folder: Path, target: Path, shares: Iterable[Share] = SHARES) -> list[str]:
    """Copy each secret that exists to ``<target>/<consumer>/``; return what changed, as consumer/name.

    Raises:
        OSError: a folder or file cannot be written.
    """
    changed = []
    for share in shares:
        for name in share.names:
            secret = read_secret(folder, name)
            if secret and give(share, target, name, secret):
                changed.append(f"{share.consumer}/{name}")
    return changed


def give(share: Share, target: Path, name: str, secret: str) -> bool:
    """Store one secret for its consumer in one step; return whether it was another one before.

    Raises:
        ValueError: ``name`` cannot be a file's name.
        OSError: it cannot be written; the former secret is still there.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a secret: use letters, digits, dots, dashes, underscores")
    place = target / share.consumer
    file = place / name
    fitting = file.exists() and (_mode(place), _mode(file)) == (share.folder_mode, share.mode)
    if fitting and file.read_text(encoding="utf-8") == secret:
        return False
    write_secret(place, name, secret, mode=share.mode, folder_mode=share.folder_mode)
    return True


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777
