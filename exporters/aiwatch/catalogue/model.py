"""The catalogue as frozen objects. `aiwatch.catalogue.load` reads it from YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from aiwatch.kinds import kind_named
from aiwatch.kinds.base import Kind
from aiwatch.kinds.options import NAME_PATTERN, Duration, Frozen, KindOptions, Severity, Slo, Timezone
from aiwatch.profiles.baseline import Baseline

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=60)]
Unit = Literal["rfc3339", "s", "ms", "us", "ns", "ratio", "percent"]
Pattern = Literal["email", "phone", "card", "iban"]


class FieldSource(Frozen):
    """Where a field of a record comes from in somebody else's log.

    ``field`` is a key, or several joined by dots for nested objects; ``unit`` is the unit in the log;
    ``values`` translates what the log says into what aiwatch calls it; ``timezone`` is for times that name none.
    """

    field: Annotated[str, Field(min_length=1)]
    unit: Unit | None = None
    values: dict[str, str] = {}
    timezone: Timezone | None = None


class Log(Frozen):
    """Where lines of a process come from, and how they are read.

    ``source`` is ``jsonl`` (files, found by ``path``, a glob relative to the folder of logs), ``kafka`` (the messages
    of ``topic``), ``http`` (what is posted for the process) or ``stdin``. ``when`` names one top-level key and the
    value that tells lines of this record from others in the same place; ``record: ignore`` drops such lines.
    ``keep`` lists keys of the log that documents carry on under ``attributes``.
    """

    source: Literal["jsonl", "http", "kafka", "stdin"] = "jsonl"
    path: str = ""
    topic: str = ""
    record: str
    when: Annotated[dict[str, str], Field(min_length=1, max_length=1)] | None = None
    fields: dict[str, FieldSource] | None = None
    keep: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _place_is_told(self) -> Log:
        told = {"path": self.path, "topic": self.topic}
        needed = {"jsonl": "path", "kafka": "topic"}.get(self.source)
        for key, value in told.items():
            if value and key != needed:
                raise ValueError(f"a log with `source: {self.source}` has no {key}: remove it")
        if needed is not None and not told[needed]:
            example = {"path": "bot/*.jsonl", "topic": "chats"}[needed]
            raise ValueError(f"a log with `source: {self.source}` needs a {needed}: add `{needed}: {example}`")
        return self

    @property
    def place(self) -> str:
        """What tells it from the process's other logs: the path of files, else the source with the topic.

        >>> Log(path="bot/*.jsonl", record="interaction").place
        'bot/*.jsonl'
        >>> Log(source="kafka", topic="chats", record="interaction").place
        'kafka:chats'
        """
        return self.path if self.source == "jsonl" else f"{self.source}:{self.topic}".removesuffix(":")


class FailureMode(Frozen):
    """A way in which the process can fail its people, and the alert that would catch it."""

    title: Annotated[str, Field(min_length=1)]
    alert: str


class ProcessFile(Frozen):
    """What a file in ``catalogue/processes/`` says whatever the kind of process.

    ``upstream`` names the processes whose output this one uses.
    """

    name: Name
    title: Annotated[str, Field(min_length=1)]
    kind: str
    business_unit: Name
    owner: Annotated[str, Field(min_length=1)]
    tier: Literal[1, 2, 3] = 3
    objective: str = ""
    kpis: tuple[str, ...] = ()
    failure_modes: tuple[FailureMode, ...] = ()
    logs: tuple[Log, ...] = ()
    redact: tuple[Pattern, ...] = ("email", "phone", "card", "iban")
    upstream: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Process:
    """One watched process: what its file says, with defaults filled in, and what its predictions looked like once."""

    file: ProcessFile
    kind: Kind
    options: KindOptions
    logs: tuple[Log, ...]
    baseline: Baseline | None = None

    @property
    def name(self) -> str:
        """The process's name, as in the label ``process``."""
        return self.file.name

    @property
    def title(self) -> str:
        """The process's name for people."""
        return self.file.title

    @property
    def slos(self) -> tuple[Slo, ...]:
        """The service level objectives."""
        return self.options.slos

    @property
    def latency_thresholds(self) -> list[float]:
        """The thresholds of the latency SLOs in seconds; each is a bucket bound."""
        return [slo.threshold for slo in self.slos if slo.threshold is not None]


def default_logs(name: str, kind: str) -> tuple[Log, ...]:
    """Return the logs of a process that names none: what `aiwatch.instrument` writes to a folder of its name.

    >>> [(log.path, log.record) for log in default_logs("support-chatbot", "chat")]
    [('support-chatbot/*.jsonl', 'interaction'), ('support-chatbot/*.jsonl', 'feedback')]
    """
    return tuple(
        Log(path=f"{name}/*.jsonl", record=record.name, when={"type": record.name})
        for record in kind_named(kind).records
    )


class Slack(Frozen):
    """A Slack channel, by an incoming webhook whose URL stands in a secret file."""

    channel: str
    url_file: str


class PagerDuty(Frozen):
    """A PagerDuty service (Events API v2), whose routing key stands in a secret file."""

    routing_key_file: str


class Email(Frozen):
    """A mailbox, reached through a mail server that requires TLS unless told otherwise."""

    to: str
    sender: str
    smarthost: str
    username: str = ""
    password_file: str = ""
    require_tls: bool = True


class Webhook(Frozen):
    """Any HTTP endpoint that takes Alertmanager's webhook, with an optional bearer token in a secret file."""

    url: Annotated[str, Field(pattern=r"^https?://")]
    token_file: str = ""


class Receiver(Frozen):
    """Somebody to notify: exactly one of the ways."""

    name: Name
    slack: Slack | None = None
    pagerduty: PagerDuty | None = None
    email: Email | None = None
    webhook: Webhook | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Receiver:
        ways = [way for way in (self.slack, self.pagerduty, self.email, self.webhook) if way is not None]
        if len(ways) != 1:
            raise ValueError("a receiver has exactly one of slack, pagerduty, email and webhook")
        return self


class Route(Frozen):
    """Which alerts a receiver gets: every condition that is given must hold."""

    receiver: str
    business_unit: Name | None = None
    process: Name | None = None
    severity: tuple[Severity, ...] = ()


class Endpoints(Frozen):
    """Where the parts are found: by a person's browser (grafana, inbox) and by Alertmanager (responder)."""

    grafana: str = "http://localhost:3000"
    inbox: str = "http://localhost:8080"
    responder: str = "http://responder:8080"


class Framework(Frozen):
    """What ``catalogue/framework.yml`` says: what holds for all processes."""

    endpoints: Endpoints = Endpoints()
    retention: Duration = 90 * 86400.0
    drift_retention: Duration = 400 * 86400.0
    secrets_dir: str = "/run/secrets/aiwatch"
    receivers: tuple[Receiver, ...] = ()
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that users wrote, checked: the framework and every process, sorted by name."""

    framework: Framework
    processes: tuple[Process, ...]


def build_process(data: Mapping[str, Any], baseline: Baseline | None = None) -> Process:
    """Return the process that a mapping (a process file's content) describes.

    Raises:
        KeyError: its kind is unknown.
        pydantic.ValidationError: anything else about it is wrong.

    >>> process = build_process(
    ...     {"name": "bot", "title": "Bot", "kind": "chat", "business_unit": "sales", "owner": "a@example.com"}
    ... )
    >>> process.kind.name, [slo.name for slo in process.slos]
    ('chat', ['latency', 'errors'])
    """
    kind = kind_named(data["kind"])
    special = kind.options.model_fields.keys()
    file = ProcessFile.model_validate({key: value for key, value in data.items() if key not in special})
    options = kind.options.model_validate({key: value for key, value in data.items() if key in special})
    return Process(file, kind, options, file.logs or default_logs(file.name, kind.name), baseline)
