"""How to reach Kafka: from the command line and a file of librdkafka's properties."""

from __future__ import annotations

import re
from pathlib import Path

SESSION_TIMEOUT = "session.timeout.ms"
_GROUP = re.compile(r"[A-Za-z0-9._-]{1,100}")
_OWN = {
    "bootstrap.servers": "",
    "group.id": "",
    "enable.auto.commit": "false",  # an offset is committed once what was before it is durable
    "enable.auto.offset.store": "false",
    "auto.offset.reset": "error",  # nothing is skipped or read again silently
    "enable.partition.eof": "true",
    "partition.assignment.strategy": "cooperative-sticky",  # a partition that stays is read on meanwhile
}
_USUAL = {
    "client.id": "aiwatch",
    SESSION_TIMEOUT: "45000",
    "queued.max.messages.kbytes": "4096",
    "fetch.message.max.bytes": "1048576",
}


class KafkaConfigError(ValueError):
    """The settings cannot be used; the message says where and why."""


def consumer_config(bootstrap: str, group: str, file: Path | None) -> dict[str, str]:
    """Return the consumer's configuration.

    :param bootstrap: addresses of brokers, ``host:port``, with commas between.
    :param group: name of the group: letters, digits, ``.``, ``_`` and ``-``.
    :param file: further properties of librdkafka, such as how to log in: ``key=value`` lines, ``#`` for comments.

    Raises:
        KafkaConfigError: the name, the file or a line of it is wrong.

    >>> consumer_config("kafka:9092", "aiwatch", None)["session.timeout.ms"]
    '45000'
    """
    if _GROUP.fullmatch(group) is None:
        raise KafkaConfigError(f"--kafka-group {group}: use up to 100 letters, digits, '.', '_' and '-'")
    further = {} if file is None else _read(file)
    return {**_USUAL, **further, **_OWN, "bootstrap.servers": bootstrap, "group.id": group}


def _read(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise KafkaConfigError(f"--kafka-config {file}: {error}") from None
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        key, equals, value = (part.strip() for part in line.partition("="))
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not key or not equals:
            raise KafkaConfigError(f"{file}:{number}: write key=value")
        if key in _OWN:
            raise KafkaConfigError(f"{file}:{number}: {key} is not to be set here: what is exact depends on it")
        found[key] = value
    return found
