"""`aiwatch export` without a server: what scripts see of it, and how it fails."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from aiwatch.cli import main
from aiwatch.commands import shared
from aiwatch.ingest.checkpoint import Checkpoint
from aiwatch.ingest.sources.spool import Spool, spool_folder
from tests.ingest.samples import lines

PROCESS = "name: bot\ntitle: Bot\nkind: chat\nbusiness_unit: sales\nowner: a@example.com\n"
TIME = "2026-03-04T11:00:00.000Z"


def interaction(**fields: Any) -> dict[str, Any]:
    return {"@timestamp": TIME, "type": "interaction", "query": "where is my card?"} | fields


@pytest.fixture(autouse=True)
def _signals_stay_with_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "stop_on_signals", threading.Event)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "catalogue" / "processes").mkdir(parents=True)
    (tmp_path / "catalogue" / "processes" / "bot.yml").write_text(PROCESS)
    (tmp_path / "logs" / "bot").mkdir(parents=True)
    return tmp_path


def write(folder: Path, content: bytes) -> None:
    with (folder / "logs" / "bot" / "a.jsonl").open("ab") as log:
        log.write(content)


def run(folder: Path, *options: str, documents: bool = True) -> Result:
    folders = [f"--catalogue={folder}/catalogue", f"--logs={folder}/logs", f"--state={folder}/state"]
    target = [f"--documents=ndjson:{folder}/documents.ndjson"] if documents else []
    return CliRunner().invoke(main, ["export", *folders, *target, *options])


def counts(folder: Path, *options: str) -> dict[str, Any]:
    result = run(folder, "--once", "--json", *options)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_once_reads_what_there_is_and_prints_its_counts(folder: Path) -> None:
    write(folder, lines(interaction(id="a"), interaction(id="a"), b"nonsense", interaction()) + b'{"unfinished')
    assert counts(folder) == {
        "by_process": {"bot": {"interaction": 2}},
        "duplicates": 1,
        "lines": 4,
        "problems": {},
        "records": 2,
        "rejected": {"not_json": 1},
        "unread_bytes": 12,
    }
    assert len((folder / "documents.ndjson").read_bytes().splitlines()) == 2


def test_a_second_run_reads_only_what_is_new_and_shows_the_sum(folder: Path) -> None:
    write(folder, lines(interaction(id="a", confidence=0.5)))
    counts(folder)
    write(folder, lines(interaction(id="b", confidence=0.25)))
    assert counts(folder, f"--metrics-file={folder}/m.om")["lines"] == 1
    families = text_string_to_metric_families((folder / "m.om").read_text())
    values = {sample.name: sample.value for family in families for sample in family.samples}
    assert (values["ai_confidence_ratio_count"], values["ai_confidence_ratio_sum"]) == (2, 0.75)


def test_with_another_path_that_finds_the_same_files_it_goes_on_where_they_stood(folder: Path) -> None:
    process = folder / "catalogue" / "processes" / "bot.yml"
    for day in range(3):
        write(folder, lines(interaction(), interaction()))
        assert counts(folder)["records"] == 2
        (folder / "logs" / "bot" / "a.jsonl").rename(folder / "logs" / "bot" / f"a.jsonl.{day}")
    for path in ("bot/*", "bo?/a.jsonl*", "bot/*.jsonl*", "bot/*"):
        process.write_text(f"{PROCESS}logs: [{{path: '{path}'}}]\n")
        write(folder, lines(interaction(query=path)))
        assert counts(folder)["lines"] == 1
    process.write_text(PROCESS + "logs: [{path: 'bot/*.2'}, {path: 'bot/a.jsonl'}]\n")
    assert counts(folder)["lines"] == 0


def test_a_log_of_another_process_is_read_from_its_beginning(folder: Path) -> None:
    write(folder, lines(interaction(), interaction()))
    counts(folder)
    (folder / "catalogue" / "processes" / "bot.yml").unlink()
    renamed = PROCESS.replace("name: bot", "name: bot2") + "logs: [{path: 'bot/*.jsonl'}]\n"
    (folder / "catalogue" / "processes" / "bot2.yml").write_text(renamed)
    assert counts(folder)["records"] == 2


def test_metrics_are_plain_text_unless_the_file_is_called_om(folder: Path) -> None:
    counts(folder, f"--metrics-file={folder}/m.txt")
    assert "# EOF" not in (folder / "m.txt").read_text()
    assert "# TYPE ai_process_info gauge" in (folder / "m.txt").read_text()


def test_in_words_the_counts_name_process_record_and_reason(folder: Path) -> None:
    write(folder, lines(interaction(), b"nonsense") + b"{")
    assert run(folder, "--once").stdout.splitlines() == [
        "2 lines read, 1 records stored, 0 duplicates left out",
        "  bot: 1 interaction",
        "  rejected, not_json: 1",
        "  1 bytes are left unread: lines that have no end yet",
    ]


def test_logs_that_are_not_there_yet_are_no_error_but_are_named(folder: Path) -> None:
    (folder / "logs" / "bot").rmdir()
    found = counts(folder)
    assert (found["lines"], list(found["problems"])) == (0, [f"{folder}/logs/bot"])
    assert "create it, or correct the path" in found["problems"][f"{folder}/logs/bot"]


def test_dry_run_shows_the_first_lines_as_they_would_be_stored_and_stores_nothing(folder: Path) -> None:
    write(folder, lines(interaction(id="a", query="I am a@example.org"), b"nonsense", *[interaction()] * 10))
    result = run(folder, "--dry-run", documents=False)
    assert result.exit_code == 0
    assert result.stdout.startswith("aiwatch-interactions-2026.03.04/bot:a\n  {")
    assert "[email]" in result.stdout
    assert "\nrejected, not_json: " in result.stdout
    assert result.stdout.count("aiwatch-interactions") < 5
    assert not (folder / "state").exists()


def test_dry_run_without_lines_says_where_it_looked(folder: Path) -> None:
    assert f"no lines below {folder}/logs (--logs)" in run(folder, "--dry-run", documents=False).stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "Say where documents go: either --elasticsearch URL or --documents ndjson:PATH."),
        (("--documents=csv:x", "--once"), "--documents csv:x: write ndjson:PATH."),
        (("--elasticsearch=http://127.0.0.1:9", "--documents=ndjson:x"), "Say where documents go"),
        (("--json", "--documents=ndjson:x"), "--json and --metrics-file go with --once."),
        (("--elasticsearch=not a url",), "--elasticsearch not a url:"),
        (
            ("--elasticsearch=http://127.0.0.1:9", "--api-key-file=/nowhere/key"),
            "cannot read the secret in /nowhere/key",
        ),
        (("--documents=ndjson:{folder}/d", "--listen=here"), "'--listen': 'here': write host:port"),
        (("--documents=ndjson:{folder}/d", "--events-listen=here"), "'--events-listen': 'here': write host:port"),
        (("--documents=ndjson:{folder}/d", "--events-token-file=/nowhere/t"), "cannot read the token in /nowhere/t"),
        (("--documents=ndjson:{folder}/d", "--events-token-file=/dev/null"), "/dev/null: expected one token"),
    ],
)
def test_a_wrong_option_is_an_error_that_says_what_to_write(
    folder: Path, options: tuple[str, ...], message: str
) -> None:
    result = run(folder, *(option.format(folder=folder) for option in options), documents=False)
    assert result.exit_code != 0
    assert message in result.stderr


def test_a_catalogue_with_mistakes_is_an_error_with_their_places(folder: Path) -> None:
    (folder / "catalogue" / "processes" / "bot.yml").write_text(PROCESS + "tierr: 1\n")
    result = run(folder, "--once")
    assert result.exit_code == 1
    assert "processes/bot.yml:6" in result.stderr


def test_a_state_in_use_is_an_error(folder: Path) -> None:
    with Checkpoint(folder / "state"):
        result = run(folder, "--once")
    assert (result.exit_code, "in use by another exporter" in result.stderr) == (1, True)


def test_a_damaged_checkpoint_is_an_error_and_nothing_is_read(folder: Path) -> None:
    write(folder, lines(interaction()))
    counts(folder)
    (folder / "state" / "checkpoint.sqlite").write_bytes(b"")
    result = run(folder, "--once")
    assert (result.exit_code, "nothing was read. Restore it" in result.stderr) == (1, True)


def test_documents_in_a_file_of_something_else_are_an_error(folder: Path) -> None:
    (folder / "documents.ndjson").write_text("dear diary\n")
    result = run(folder, "--once")
    assert (result.exit_code, "documents.ndjson:1: not a document written by aiwatch" in result.stderr) == (1, True)


def describe(folder: Path, logs: str) -> None:
    (folder / "catalogue" / "processes" / "bot.yml").write_text(f"{PROCESS}logs: {logs}\n")


def test_once_reads_standard_input_to_its_end(folder: Path) -> None:
    describe(folder, "[{source: stdin}]")
    out, into = os.pipe()
    command = [sys.executable, "-c", "from aiwatch.cli import main; main()", "export", "--once", "--json"]
    folders = [f"--catalogue={folder}/catalogue", f"--state={folder}/state", f"--documents=ndjson:{folder}/d.ndjson"]
    with subprocess.Popen([*command, *folders], stdin=out, stdout=subprocess.PIPE) as exporter:
        os.close(out)
        os.write(into, lines(interaction(id="a"), b"nonsense"))
        while not exporter.poll() and not list((folder / "state").glob("spool/*/*")):
            time.sleep(0.02)
        os.write(into, lines(interaction(id="b"))[:-1])
        os.close(into)
        assert exporter.stdout is not None
        found = json.loads(exporter.stdout.read())
    assert (found["records"], found["rejected"], found["unread_bytes"]) == (2, {"not_json": 1}, 0)
    assert not list((folder / "state").glob("spool/*/*"))


def test_once_delivers_what_an_earlier_run_received_and_kept(folder: Path) -> None:
    describe(folder, "[{source: http}]")
    key = "bot:http"
    spool = Spool(key, spool_folder(folder / "state", key), [])
    spool.append(lines(interaction(id="a")))
    spool.close()
    assert counts(folder)["records"] == 1
    assert counts(folder)["records"] == 0


def test_lines_that_were_received_for_a_log_that_is_gone_are_named(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = spool_folder(folder / "state", "bot:http")
    spool = Spool("bot:http", kept, [])
    spool.append(lines(interaction(id="a")))
    spool.close()
    counts(folder)
    assert f"{kept} holds lines of a log that the catalogue names no more" in caplog.text


def test_dry_run_takes_nothing_from_standard_input(folder: Path) -> None:
    describe(folder, "[{source: stdin}]")
    assert run(folder, "--dry-run", documents=False).exit_code == 0


def test_events_beyond_this_machine_need_a_token(folder: Path) -> None:
    for host in ("0.0.0.0", "[::]", "example.org"):
        result = run(folder, f"--events-listen={host}:0")
        assert (result.exit_code, "needs --events-token-file" in result.stderr) == (2, True)


def test_a_port_of_events_that_is_taken_is_an_error(folder: Path) -> None:
    describe(folder, "[{source: http}]")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run(folder, "--listen=127.0.0.1:0", f"--events-listen=127.0.0.1:{port}")
    assert (result.exit_code, "choose another with --events-listen" in result.stderr) == (1, True)


def test_as_many_files_may_be_open_as_the_system_allows(folder: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1] - 1, before[1]))
    try:
        counts(folder)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_port_that_is_taken_is_an_error(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run(folder, f"--listen=127.0.0.1:{taken.getsockname()[1]}")
    assert result.exit_code == 1
    assert "choose another with --listen" in result.stderr
