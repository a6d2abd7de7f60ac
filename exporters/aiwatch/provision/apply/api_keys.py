"""API keys of least privilege, each kept in a secret file and made anew only when it must be."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from elasticsearch import AuthenticationException, Elasticsearch

from aiwatch.provision.secret_files import read_secret, write_secret


def ensure_key(client: Elasticsearch, folder: Path, role: str, descriptor: Mapping[str, Any]) -> bool:
    """Make the API key of ``role`` unless the one in its file works and has this descriptor."""
    file, name = f"{role}-api-key", f"aiwatch-{role}"
    digest = hashlib.sha256(json.dumps(descriptor, sort_keys=True).encode()).hexdigest()
    if _is_current(client, read_secret(folder, file), digest):
        return False
    metadata = {"managed_by": "aiwatch", "descriptor": digest}
    with _nothing_logged():
        made = client.security.create_api_key(
            name=name, role_descriptors={name: descriptor}, metadata=metadata, refresh=True
        )
    try:
        write_secret(folder, file, made["encoded"])
    except OSError:
        client.security.invalidate_api_key(ids=[made["id"]])  # nobody will ever know it
        raise
    _invalidate_others(client, name, made["id"])
    return True


@contextmanager
def _nothing_logged() -> Iterator[None]:
    """Keep the client, which shows whole answers when debugging, from showing the one that holds a key."""
    logger = logging.getLogger("elastic_transport.node")
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)


def _is_current(client: Elasticsearch, encoded: str, digest: str) -> bool:
    try:
        key_id = base64.b64decode(encoded, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return False
    if not key_id:
        return False
    held = client.options(ignore_status=404).security.get_api_key(id=key_id).body.get("api_keys", [])
    if not held or held[0]["invalidated"] or held[0].get("metadata", {}).get("descriptor") != digest:
        return False
    try:
        client.options(api_key=encoded).security.authenticate()
    except AuthenticationException:
        return False
    return True


def _invalidate_others(client: Elasticsearch, name: str, keep: str) -> None:
    keys = client.security.get_api_key(name=name).body["api_keys"]
    superseded = [
        key["id"]
        for key in keys
        if not key["invalidated"] and key["id"] != keep and key.get("metadata", {}).get("managed_by") == "aiwatch"
    ]
    if superseded:
        client.security.invalidate_api_key(ids=superseded)
