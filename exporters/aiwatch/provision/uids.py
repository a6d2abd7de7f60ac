"""Stable identifiers of what is generated, so that a link made yesterday still works tomorrow."""

from __future__ import annotations

from hashlib import sha256

LONGEST_UID = 40  # Grafana refuses longer ones
OVERVIEW_UID = "aiwatch-overview"  # the page of all processes


def dashboard_uid(process: str) -> str:
    """Return the uid of the dashboard of the process named ``process``: readable, or cut and hashed when long.

    >>> dashboard_uid("support-chatbot")
    'aiwatch-support-chatbot'
    >>> dashboard_uid("a-process-whose-name-is-much-longer-than-usual")
    'aiwatch-a-process-whose-name-is-7cc99ee7'
    """
    uid = f"aiwatch-{process}"
    if len(uid) <= LONGEST_UID and uid != OVERVIEW_UID:
        return uid
    digest = sha256(process.encode()).hexdigest()[:8]
    return f"{uid[: LONGEST_UID - 9].rstrip('-')}-{digest}"
