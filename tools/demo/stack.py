"""Everything that the demo starts, in the order in which it is needed; what can be done side by side is."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elasticsearch import Elasticsearch

from aiwatch.demo.chatbot.journal import PROCESS as CHATBOT
from aiwatch.demo.fraud.journal import PARTNER
from aiwatch.demo.fraud.journal import PROCESS as FRAUD
from tools.demo import grafana
from tools.demo.folders import Folders
from tools.demo.programs import Program, service
from tools.servers import run
from tools.servers.commands import Say, ServerError
from tools.servers.install import ensure_all, ensure_prometheus
from tools.servers.process import LOOPBACK, Server, Spec, free_port


@dataclass(slots=True)
class Stack:
    """What runs. ``past`` says of how many events the past consists; ``grafana`` is None where none is installed."""

    folders: Folders
    elasticsearch: run.Elasticsearch
    es: Elasticsearch
    prometheus: Server
    alertmanager: Server
    responder: Server
    exporter: Server
    drift: Server
    grafana: Server | None
    simulators: list[Program]
    past: dict[str, Any]

    @property
    def servers(self) -> list[Server]:
        """All servers."""
        own = [self.elasticsearch, self.prometheus, self.alertmanager, self.responder, self.exporter, self.drift]
        return [*own, self.grafana] if self.grafana else own

    @property
    def live_logs(self) -> list[Path]:
        """What the simulated processes write to."""
        return [_live_log(self.folders, process) for process in (CHATBOT, FRAUD, PARTNER)]

    def check(self) -> None:
        """Raise `ServerError` when something that should run does not."""
        for server in self.servers:
            if not server.running:
                raise ServerError(f"{server.name} ended by itself; see {server.log}")
        for simulator in self.simulators:
            if not simulator.running:
                raise ServerError(f"{simulator.name} ended by itself; see {simulator.log}")


@dataclass(frozen=True, slots=True)
class _Ports:
    """Chosen before their servers start, because the configuration of others names them."""

    exporter: int
    drift: int
    responder: int
    prometheus: int
    grafana: int


@dataclass(frozen=True, slots=True)
class _Starter:
    """Starts programs and servers; ``stack`` stops them in the opposite order."""

    stack: ExitStack
    folders: Folders
    say: Say

    def program(self, name: str, *arguments: str) -> Program:
        started = Program(self.folders.log(name), *arguments)
        self.stack.callback(started.stop)
        return started

    def server(self, spec: Spec) -> Server:
        return self.stack.enter_context(Server(spec, say=self.say).start())

    def elasticsearch(self) -> run.Elasticsearch:
        return self.stack.enter_context(run.elasticsearch(self.folders.work / "elasticsearch", say=self.say))

    def alertmanager(self) -> Server:
        config = self.folders.site / "prometheus" / "generated" / "alertmanager.yml"
        return self.stack.enter_context(run.alertmanager(self.folders.work / "alertmanager", config, say=self.say))

    def prometheus(self, port: int) -> Server:
        config = self.folders.site / "prometheus"
        return self.stack.enter_context(
            run.prometheus(self.folders.work / "prometheus", config, port=port, say=self.say)
        )


def start_stack(stack: ExitStack, folders: Folders, days: float, say: Say) -> Stack:
    """Start everything; ``stack`` stops it in the opposite order.

    Raises:
        ServerError: something cannot be installed or started.
    """
    ensure_all(say=say)
    installed = grafana.find()
    start = _Starter(stack, folders, say)
    say(f"making {days:g} days of past, starting Elasticsearch")
    past = start.program("history", "demo", "history", f"--logs={folders.history}", f"--days={days}")
    es = start.elasticsearch()
    client = stack.enter_context(Elasticsearch(**es.client_settings))
    say("Elasticsearch is up; generating the configuration, applying templates, making API keys")
    ports = _Ports(free_port(), free_port(), free_port(), free_port(), free_port())
    _provision(start, es, ports, with_grafana=installed is not None)
    to_es = (f"--elasticsearch={es.url}", f"--api-key-file={folders.secrets / 'exporter-api-key'}")
    responder = start.server(_responder(folders, ports.responder, es))
    alertmanager = start.alertmanager()
    exporter = start.server(_exporter(folders, ports.exporter, to_es))
    say("responder, Alertmanager and exporter are up; waiting for the past")
    summary = json.loads(past.result())
    say("the past is written; turning it into documents and into Prometheus blocks")
    backfill = ("backfill", folders.catalogue, f"--logs={folders.history}")
    data, promtool = folders.work / "prometheus" / "data", ensure_prometheus() / "promtool"
    blocks = start.program("blocks", *backfill, f"--blocks={data}", f"--promtool={promtool}")
    documents = start.program("documents", *backfill, f"--state={folders.work / 'backfill'}", *to_es)
    blocks.result()
    _write_targets(folders, ports, alertmanager)
    prometheus = start.prometheus(ports.prometheus)
    say("Prometheus is up, with the past in it; starting the chatbot and the fraud models")
    for process in (CHATBOT, FRAUD, PARTNER):
        _live_log(folders, process).parent.mkdir()
    simulators = [
        start.program("chatbot", "demo", "chatbot", "--degraded", f"--log={_live_log(folders, CHATBOT)}"),
        start.program("fraud", "demo", "fraud", "--degrading", f"--log={_live_log(folders, FRAUD)}"),
        start.program(
            "partner", "demo", "fraud", "--moved", "--rate=3", "--seed=2", f"--log={_live_log(folders, PARTNER)}"
        ),
    ]
    pages = None
    if installed:
        sources = grafana.Sources(prometheus.url, alertmanager.url, es.url)
        provisioning = folders.site / "grafana" / "provisioning"
        work = folders.work / "grafana"
        pages = start.server(grafana.spec(installed, ports.grafana, work, folders.secrets, provisioning, sources))
        say("Grafana is up")
    documents.result()
    say("Elasticsearch holds the past; testing it for drift")
    drift = start.server(_drift(folders, ports.drift, es))
    return Stack(folders, es, client, prometheus, alertmanager, responder, exporter, drift, pages, simulators, summary)


def _provision(start: _Starter, es: run.Elasticsearch, ports: _Ports, *, with_grafana: bool) -> None:
    """Lay out the configuration of this run: what is written by hand, what is generated, and the addresses."""
    folders = start.folders
    leave_out = shutil.ignore_patterns("generated", "targets")
    for part in ("prometheus", "grafana"):
        shutil.copytree(folders.root / part, folders.site / part, ignore=leave_out)
    responder = f"http://{LOOPBACK}:{ports.responder}"
    at_grafana = [f"--endpoint=grafana=http://{LOOPBACK}:{ports.grafana}"] if with_grafana else []
    start.program(
        "provision",
        "provision",
        folders.catalogue,
        f"--root={folders.site}",
        f"--endpoint=inbox={responder}",
        f"--endpoint=responder={responder}",
        *at_grafana,
        "--apply",
        f"--elasticsearch={es.url}",
        f"--password-file={folders.work / 'elasticsearch' / 'password'}",
        f"--secrets={folders.secrets}",
    ).result()


def _responder(folders: Folders, port: int, es: run.Elasticsearch) -> Spec:
    return service(
        "the responder",
        folders.log("responder"),
        port,
        "respond",
        folders.catalogue,
        f"--endpoint=inbox=http://{LOOPBACK}:{port}",
        f"--token-file={folders.secrets / 'responder-token'}",
        f"--api-key-file={folders.secrets / 'responder-api-key'}",
        f"--elasticsearch={es.url}",
    )


def _exporter(folders: Folders, port: int, to_es: tuple[str, ...]) -> Spec:
    folders.logs.mkdir()
    return service(
        "the exporter",
        folders.log("exporter"),
        port,
        "export",
        folders.catalogue,
        f"--logs={folders.logs}",
        f"--state={folders.work / 'state'}",
        *to_es,
    )


def _drift(folders: Folders, port: int, es: run.Elasticsearch) -> Spec:
    return service(
        "the drift service",
        folders.log("drift"),
        port,
        "drift",
        folders.catalogue,
        "--since=3d",  # enough to show how it was before
        f"--api-key-file={folders.secrets / 'drift-api-key'}",
        f"--elasticsearch={es.url}",
    )


def _live_log(folders: Folders, process: str) -> Path:
    return folders.logs / process / "live.jsonl"


def _write_targets(folders: Folders, ports: _Ports, alertmanager: Server) -> None:
    """Tell Prometheus where the others are."""
    targets = folders.site / "prometheus" / "targets"
    targets.mkdir()
    known = {
        "exporter": ports.exporter,
        "drift": ports.drift,
        "responder": ports.responder,
        "alertmanager": alertmanager.port,
        "prometheus": ports.prometheus,
    }
    for name, port in known.items():
        (targets / f"{name}.yml").write_text(f'- targets: ["{LOOPBACK}:{port}"]\n')
