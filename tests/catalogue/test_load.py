"""Reading the catalogue: what is right becomes a model, what is wrong is told with its place, all at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from aiwatch.catalogue.load import CatalogueError, load_catalogue
from aiwatch.catalogue.model import Catalogue, Framework

SHORTEST = """\
name: bot
title: Bot
kind: chat
business_unit: sales
owner: a@example.com
"""

Load = Callable[..., Catalogue]
Mistakes = Callable[..., list[str]]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Write files (path below the catalogue -> text) and load them as the folder ``catalogue``."""
    monkeypatch.chdir(tmp_path)

    def load_files(files: dict[str, str | bytes]) -> Catalogue:
        for path, text in files.items():
            target = Path("catalogue", path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_catalogue(Path("catalogue"))

    return load_files


@pytest.fixture
def mistakes(load: Load) -> Mistakes:
    """Return what is wrong with ``catalogue/processes/bot.yml``: the shortest one and ``more`` below it."""

    def find(more: str = "", *, head: str = SHORTEST, **files: str) -> list[str]:
        text = head + dedent(more)
        with pytest.raises(CatalogueError) as caught:
            load({"processes/bot.yml": text, **files})
        return [str(problem).removeprefix("catalogue/processes/bot.yml:") for problem in caught.value.problems]

    return find


def test_five_lines_are_a_process(load: Load) -> None:
    catalogue = load({"processes/bot.yml": SHORTEST})
    (process,) = catalogue.processes
    assert (process.name, process.kind.name, process.file.tier) == ("bot", "chat", 3)
    assert [(log.path, log.record, log.when) for log in process.logs] == [
        ("bot/*.jsonl", "interaction", {"type": "interaction"}),
        ("bot/*.jsonl", "feedback", {"type": "feedback"}),
    ]
    assert catalogue.framework == Framework()


def test_processes_are_sorted_by_name(load: Load) -> None:
    names = ("c", "a", "b")
    files = {f"processes/{name}.yml": SHORTEST.replace("name: bot", f"name: {name}") for name in names}
    assert [process.name for process in load(files).processes] == ["a", "b", "c"]


def test_a_field_may_be_named_by_its_key_alone(load: Load) -> None:
    text = SHORTEST + dedent("""\
        logs:
          - path: chat/*.log
            fields:
              time: ts
              confidence: {field: nlu.score, unit: percent}
        """)
    (log,) = load({"processes/bot.yml": text}).processes[0].logs
    assert log.record == "interaction"
    assert log.when is None
    assert log.fields is not None
    assert (log.fields["time"].field, log.fields["time"].unit) == ("ts", None)
    assert (log.fields["confidence"].field, log.fields["confidence"].unit) == ("nlu.score", "percent")


def test_a_log_that_names_only_its_files_holds_every_record(load: Load) -> None:
    text = SHORTEST + "logs: [{path: a/*.log, keep: [tenant]}]\n"
    logs = load({"processes/bot.yml": text}).processes[0].logs
    assert [(log.record, log.when, log.keep) for log in logs] == [
        ("interaction", {"type": "interaction"}, ("tenant",)),
        ("feedback", {"type": "feedback"}, ("tenant",)),
    ]


def test_a_log_of_one_record_in_the_native_format_is_told_apart_by_type(load: Load) -> None:
    text = SHORTEST + "logs: [{path: a/*.log, record: feedback}, {path: a/*.log, record: interaction}]\n"
    logs = load({"processes/bot.yml": text}).processes[0].logs
    assert [(log.record, log.when) for log in logs] == [
        ("feedback", {"type": "feedback"}),
        ("interaction", {"type": "interaction"}),
    ]


def test_anchors_aliases_and_merges_are_understood(load: Load) -> None:
    text = SHORTEST + dedent("""\
        logs:
          - &one {path: a/*.log, when: {kind: query}, fields: {time: ts}}
          - <<: *one
            when: {kind: thumb}
            record: feedback
            fields: {time: ts, interaction: of, rating: thumb}
        """)
    logs = load({"processes/bot.yml": text}).processes[0].logs
    assert [(log.path, log.record, log.when) for log in logs] == [
        ("a/*.log", "interaction", {"kind": "query"}),
        ("a/*.log", "feedback", {"kind": "thumb"}),
    ]


def test_a_framework_of_comments_alone_is_the_default_one(load: Load) -> None:
    assert load({"processes/bot.yml": SHORTEST, "framework.yml": "# later\n"}).framework == Framework()


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("colour: red\n", "6: colour: unknown key; allowed: alerts, "),
        ("objektive: x\n", "6: objektive: unknown key; did you mean 'objective'?"),
        ("features: {}\n", "6: features: unknown key; it belongs to kind 'classifier'"),
        (
            "alerts:\n  confidence_low:\n    treshold: 0.5\n",
            "8: alerts.confidence_low.treshold: unknown key; did you mean 'threshold'?",
        ),
        (
            "alerts: {ChatConfidenceLow: {}}\n",
            "6: alerts.ChatConfidenceLow: unknown key; did you mean 'confidence_low'?",
        ),
        ("alerts: {decision_rate_changed: {}}\n", "6: alerts.decision_rate_changed: unknown key; it belongs to kind"),
        ("tier: 4\n", "6: tier: the number 4 stands here, but one of 1, 2, 3 is expected"),
        ("tier: one\n", "6: tier: 'one' stands here, but one of 1, 2, 3 is expected"),
        ("kpis: quick\n", "6: kpis: a list is expected, but 'quick' stands here; write [quick]"),
        ("kpis:\n", "6: kpis: a list is expected, but nothing stands here; write a value, or remove the key"),
        (
            "kpis: [no]\n",
            "6: kpis[0]: text is expected, but no (which YAML reads as false) stands here; quote it: 'no'",
        ),
        ("objective: 2026\n", "6: objective: text is expected, but the number 2026 stands here; quote it: '2026'"),
        (
            "objective: 12:30\n",
            "6: objective: YAML reads 12:30 as the number 750, in base 60; quote it for text: '12:30'",
        ),
        ("objective: 010\n", "6: objective: YAML reads 010 as the number 8, in base 8; quote it for text: '010'"),
        ("objective: {a: b}\n", "6: objective: text is expected, but a mapping stands here"),
        ("currency: euro\n", "6: currency: 'euro' does not have the form ^[A-Z]{3}$"),
        ("redact: [mail]\n", "6: redact[0]: 'mail' stands here, but one of email, phone, card, iban is expected; did"),
        ("alerts: {confidence_low: {threshold: 70}}\n", "threshold: 70 must be less than 1; it is a ratio: write 0.7"),
        ("alerts: {confidence_low: {threshold: '0.7'}}\n", "a number is expected, but '0.7' stands here; write the"),
        (
            "alerts: {confidence_low: {threshold: .nan}}\n",
            "alerts.confidence_low.threshold: .nan is not a finite number",
        ),
        ("alerts: {confidence_low: {min_interactions: 0}}\n", "min_interactions: 0 must be at least 1"),
        (
            "alerts: {confidence_low: {min_interactions: yes}}\n",
            "a whole number is expected, but yes (which YAML reads as true) stands here",
        ),
        ("alerts: {confidence_low: {enabled: 1}}\n", "true or false is expected, but the number 1 stands here"),
        ("alerts: {confidence_low: {for: 300}}\n", "for: 300 is not a duration: write a number with a unit, such as"),
        ("alerts: {confidence_low: {severity: warn}}\n", "is expected; did you mean 'warning'?"),
        ("alerts: {traffic_absent: {window: 5s}}\n", "alerts.traffic_absent.window: a window is at least 1m"),
        ("slos: [{name: a, indicator: errors}]\n", "6: slos[0].objective: is missing; add `objective: ...`"),
        ("slos:\n  - name: a\n    indicator: errors\n", "7: slos[0].objective: is missing"),
        (
            "slos: [{name: a, indicator: errors, objective: 99.5}]\n",
            "6: slos[0].objective: an objective is a ratio between 0 and 1: write 0.995, not 99.5",
        ),
        ("slos: [{name: a, indicator: errors, objective: 1}]\n", "slos[0].objective: 1 must be less than 1"),
        ("slos: [{name: a, indicator: latency, objective: 0.9}]\n", "slos[0]: indicator 'latency' needs threshold"),
        ("slos: [{name: a, indicator: latency, objective: 0.9, threshold: 0s}]\n", "a latency threshold lies above 0s"),
        ("slos: [{name: a, indicator: errors, objective: 0.9, period: 1h}]\n", "slos[0].period: must be at least 1d"),
        (
            "slos:\n  - {name: a, indicator: errors, objective: 0.9}\n  - {name: a, indicator: errors, objective: 0.8}",
            "8: slos[1].name: SLO 'a' stands here a second time, after slos[0].name on line 7; keep one of them",
        ),
        ("intents: [a, b, a]\n", "6: intents[2]: entry 'a' stands here a second time, after intents[0] on line 6"),
        (
            "failure_modes: [{title: x, alert: ChatConfidenceLo}]\n",
            "failure_modes[0].alert: no alert of kind 'chat' is called 'ChatConfidenceLo'; did you mean "
            "'ChatConfidenceLow'?",
        ),
        ("failure_modes: [{title: x, alert: ModelFeaturesMissing}]\n", "no alert of kind 'chat' is called"),
        (
            "failure_modes: [{title: x, alert: ChatConfidenceLow}]\nalerts:\n  confidence_low:\n    enabled: false\n",
            "6: failure_modes[0].alert: ChatConfidenceLow never fires, for it is disabled on line 9; enable it",
        ),
        (
            "failure_modes: [{title: x, alert: SLOErrorBudgetBurn}]\nslos: []\n",
            "never fires, for the process has no SLO",
        ),
        ("logs: [{path: a, record: feedbak}]\n", "logs[0].record: kind 'chat' has no record 'feedbak'; did you mean"),
        ("logs: [{path: a, record: ignore}]\n", "logs[0]: ignores every line; say which ones under `when`"),
        (
            "logs: [{path: a, record: ignore, when: {x: y}, keep: [z]}]\n",
            "logs[0].keep: has no effect, for these lines",
        ),
        ("logs: [{path: a, fields: {}}]\n", "logs[0].fields: field 'time' of record 'interaction' is not mapped"),
        (
            "logs: [{path: a, record: feedback, fields: {time: t, rating: r}}]\n",
            "field 'interaction' of record 'feedback'",
        ),
        (
            "logs: [{path: a, fields: {time: t, confidenc: c}}]\n",
            "record 'interaction' has no field 'confidenc'; did you",
        ),
        (
            "logs: [{path: a, fields: {time: 5}}]\n",
            "logs[0].fields.time.field: text is expected, but the number 5 stands",
        ),
        (
            "logs: [{path: a, fields: {time: t, latency: {field: l, unit: percent}}}]\n",
            "field 'latency' is a duration, not to be read from percent; one of s, ms, us, ns",
        ),
        ("logs: [{path: a, fields: {time: t, query: {field: q, unit: ms}}}]\n", "field 'query' has no unit; remove it"),
        ("logs: [{path: a, fields: {time: t, query: {field: q, timezone: UTC}}}]\n", "field 'query' is not a time"),
        (
            "logs: [{path: a, fields: {time: t, outcome: {field: o, values: {ok: anserwed}}}}]\n",
            "fields.outcome.values.ok: 'anserwed' is not a value of outcome; did you mean 'answered'?",
        ),
        (
            "intents: [order]\nlogs: [{path: a, fields: {time: t, intent: {field: i, values: {wismo: ordr}}}}]\n",
            "7: logs[0].fields.intent.values.wismo: 'ordr' is not a value of intent; did you mean 'order'?",
        ),
        ("logs: [{source: htp}]\n", "but one of jsonl, http, kafka, stdin is expected; did you mean 'http'?"),
        ("logs: [{keep: [z]}]\n", "logs[0]: a log with `source: jsonl` needs a path: add `path: bot/*.jsonl`"),
        ("logs: [{source: kafka}]\n", "logs[0]: a log with `source: kafka` needs a topic: add `topic: chats`"),
        ("logs: [{source: http, path: a}]\n", "logs[0]: a log with `source: http` has no path: remove it"),
        (
            "logs:\n  - {source: http, when: {x: y}}\n  - {source: http, fields: {time: t}}\n",
            "8: logs[1]: several logs read http, and this one does not say which lines are its; add `when:",
        ),
        (
            "logs:\n  - {source: kafka, topic: t, when: {x: y}}\n  - {source: kafka, topic: t, when: {z: y}}\n",
            "8: logs[1].when: lines of kafka:t are told apart by 'x' on line 7; use the same key",
        ),
        (
            "logs:\n  - {path: a, when: {x: y}}\n  - {path: a, fields: {time: t}}\n",
            "8: logs[1]: several logs read a, and this one does not say which lines are its; add `when:",
        ),
        (
            "logs:\n  - {path: a, when: {x: y}}\n  - {path: a, when: {z: y}}\n",
            "8: logs[1].when: lines of a are told apart by 'x' on line 7; use the same key",
        ),
        (
            "logs:\n  - {path: a, when: {x: y}}\n  - {path: a, when: {x: y}}\n",
            "8: logs[1].when: condition 'x: y' stands here a second time, after logs[0].when on line 7",
        ),
        ("title: Other\n", "6: title: the key stands here a second time, after line 2; keep one of them"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_a_hint(mistakes: Mistakes, more: str, expected: str) -> None:
    (told,) = mistakes(more)
    assert expected in told


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("{pause_training: true}", "6: response.pause_training: unknown key; did you mean 'pause_retraining'?"),
        ("{gate: {fail: opened}}", "6: response.gate.fail: 'opened' stands here, but one of open, closed is expected;"),
        ("{adapters: [{}]}", "6: response.adapters[0]: an adapter has exactly one of mlflow, airflow and webhook"),
        ("{adapters: [{airflo: {}}]}", "response.adapters[0].airflo: unknown key; did you mean 'airflow'?"),
        ("{adapters: [{airflow: {url: http://a}}]}", "response.adapters[0].airflow.dag: is missing; add `dag: ...`"),
        (
            "{adapters: [{airflow: {url: http://a, dag: d, token: x}}]}",
            "airflow.token: unknown key; did you mean 'token_file'?",
        ),
        (
            "{adapters: [{airflow: {url: http://a, dag: d, username: u}}]}",
            "username and password_file belong together: give both, or none",
        ),
        (
            "{adapters: [{mlflow: {url: http://a, model: m, username: u, password_file: p, token_file: t}}]}",
            "log in by token_file, or by username and password_file, not both",
        ),
        (
            "{adapters: [{webhook: {url: 'https://u:p@e.com', secret_file: s}}]}",
            "webhook.url: an address holds no user or password: name the file",
        ),
        (
            "{adapters: [{webhook: {url: 'https://e.com:99999', secret_file: s}}]}",
            "webhook.url: Port out of range 0-65535",
        ),
        ("{adapters: [{webhook: {url: https://e.com}}]}", "webhook.secret_file: is missing; add `secret_file: ...`"),
    ],
)
def test_a_mistake_in_a_response_is_told_with_its_line_and_a_hint(
    mistakes: Mistakes, response: str, expected: str
) -> None:
    told = mistakes(f"response: {response}\n", head=SHORTEST.replace("chat", "classifier"))
    assert any(expected in each for each in told), told


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (SHORTEST.replace("kind: chat", "kind: chatt"), "3: kind: there is no kind 'chatt'; did you mean 'chat'?"),
        (SHORTEST.replace("kind: chat\n", ""), "1: kind: is missing; add `kind: ...`"),
        (SHORTEST.replace("title: Bot", "title: ''"), "2: title: must not be empty"),
        (
            SHORTEST.replace("unit: sales", "unit: Sales Team"),
            "4: business_unit: 'Sales Team' must be lower-case letters, digits and hyphens, beginning with a letter; "
            "write 'sales-team'",
        ),
        (
            SHORTEST.replace("name: bot", "name: other"),
            "1: name: the file of process 'other' is called bot.yml; rename the file to other.yml, or name the "
            "process 'bot'",
        ),
        (SHORTEST + "kpis: [\tx]\n  y: 1\n", "7: "),
        ("name: bot\n\ttitle: x\n", "2: a tab stands here, which YAML does not allow; indent with spaces"),
        ("name: 'bot\ntitle: x\n", "1: not valid YAML: found unexpected end of stream; a quote is not closed"),
        ("name: a: b\n", "1: not valid YAML: mapping values are not allowed in this context; quote a text"),
        ("name: @bot\n", "1: not valid YAML: found character that cannot start any token; quote a text that begins"),
        (f"{SHORTEST}---\n{SHORTEST}", "6: a second document begins here; one file holds one document"),
        ("", "1: the file is empty; a process needs name, title, kind, business_unit and owner"),
        ("# nothing yet\n", "1: the file is empty"),
        ("- name: bot\n", "1: a mapping is expected at the top of the file"),
        (SHORTEST + "objective: !!python/name:os.system x\n", "6: objective: the tag !!python/name:os.system is not"),
        (SHORTEST + "kpis: &a [*a]\n", "6: kpis[0]: "),
        (SHORTEST + "objective: \a\n", "6: the control character '\\x07' stands here"),
        (SHORTEST + "? [a]\n: b\n", "6: a key must be text"),
    ],
)
def test_a_broken_file_is_told_with_its_line(mistakes: Mistakes, head: str, expected: str) -> None:
    assert mistakes(head=head)[0].startswith(expected)


def test_a_file_that_is_not_utf_8_is_told_with_the_byte(load: Load) -> None:
    with pytest.raises(CatalogueError) as caught:
        load({"processes/bot.yml": SHORTEST.encode() + b"objective: caf\xe9\n"})
    assert str(caught.value) == "catalogue/processes/bot.yml:6: byte 0xe9 is not UTF-8; save the file as UTF-8"


def test_a_byte_order_mark_is_passed_over(load: Load) -> None:
    assert load({"processes/bot.yml": b"\xef\xbb\xbf" + SHORTEST.encode()}).processes


def test_aliases_that_multiply_without_end_are_refused(mistakes: Mistakes) -> None:
    levels = "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 20)}]\n" for n in range(1, 8))
    assert "too many values" in mistakes(f"x0: &x0 [a]\n{levels}")[0]


def test_one_file_with_thirty_mistakes_shows_thirty_lines(mistakes: Mistakes) -> None:
    told = mistakes("".join(f"wrong{number}: x\n" for number in range(30)))
    assert [line.split(":")[0] for line in told] == [str(number) for number in range(6, 36)]


def test_mistakes_of_every_file_are_told_sorted_by_file_and_line(load: Load) -> None:
    with pytest.raises(CatalogueError) as caught:
        load(
            {
                "framework.yml": "retention: 90\n",
                "processes/bot.yml": SHORTEST + "kpis: x\ntier: 9\n",
                "processes/a.yml": "name: a\n\tb: c\n",
            }
        )
    places = [line.split(": ")[0] for line in str(caught.value).splitlines()]
    assert places == [
        "catalogue/framework.yml:1",
        "catalogue/processes/a.yml:2",
        "catalogue/processes/bot.yml:6",
        "catalogue/processes/bot.yml:7",
    ]


def test_a_name_that_two_files_give_is_told_with_both(load: Load) -> None:
    with pytest.raises(CatalogueError) as caught:
        load({"processes/bot.yml": SHORTEST, "processes/copy.yml": "# a copy\n" + SHORTEST})
    assert (
        "catalogue/processes/copy.yml:2: name: process 'bot' is already described in catalogue/processes/bot.yml:1"
    ) in str(caught.value)


def test_routes_and_receivers_must_fit_together(load: Load) -> None:
    framework = dedent("""\
        receivers:
          - {name: support-slack, slack: {channel: "#support", url_file: slack-url}}
          - {name: support-slack, webhook: {url: "https://example.com"}}
          - {name: both, slack: {channel: x, url_file: y}, webhook: {url: "https://example.com"}}
        routes:
          - {receiver: support-slak}
          - {receiver: both, process: bott, business_unit: sale}
        """)
    with pytest.raises(CatalogueError) as caught:
        load({"processes/bot.yml": SHORTEST, "framework.yml": framework})
    assert str(caught.value).replace("catalogue/framework.yml:", "").splitlines() == [
        "3: receivers[1].name: receiver 'support-slack' stands here a second time, after receivers[0].name on line 2; "
        "keep one of them",
        "4: receivers[2]: a receiver has exactly one of slack, pagerduty, email and webhook",
        "6: routes[0].receiver: no receiver is called 'support-slak'; did you mean 'support-slack'?",
        "7: routes[1].business_unit: no business unit is called 'sale'; did you mean 'sales'?",
        "7: routes[1].process: no process is called 'bott'; did you mean 'bot'?",
    ]


def test_results_of_drift_tests_are_kept_for_two_months_at_least(load: Load) -> None:
    with pytest.raises(CatalogueError, match=r"framework.yml:1: drift_retention: must be at least 62d"):
        load({"processes/bot.yml": SHORTEST, "framework.yml": "drift_retention: 30d\n"})


def test_a_retention_below_a_day_is_refused(load: Load) -> None:
    with pytest.raises(CatalogueError, match=r"framework.yml:1: retention: must be at least 1d"):
        load({"processes/bot.yml": SHORTEST, "framework.yml": "retention: 6h\n"})


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="nowhere: there is no such folder"):
        load_catalogue(tmp_path / "nowhere")


def test_a_catalogue_without_processes_says_what_to_write(load: Load) -> None:
    with pytest.raises(CatalogueError, match=r"catalogue/processes: there is no process; describe one in <name>.yml"):
        load({"framework.yml": ""})


@pytest.mark.parametrize("path", ["bot.yml", "processes/bot.yaml", "processes/team/bot.yml"])
def test_a_file_at_the_wrong_place_is_not_passed_over(load: Load, path: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        load({"processes/ok.yml": SHORTEST.replace("name: bot", "name: ok"), path: SHORTEST})
    assert str(caught.value) == f"catalogue/{path}: is not read; rename it to catalogue/processes/bot.yml"


def test_hidden_files_of_editors_are_passed_over(load: Load) -> None:
    assert load({"processes/bot.yml": SHORTEST, "processes/.#bot.yml": "x", ".idea/x.yml": "x"}).processes


def test_two_hundred_processes_load_in_a_moment(load: Load) -> None:
    intents = "".join(f"  - intent_{number}\n" for number in range(40))
    files = {
        f"processes/p{number}.yml": SHORTEST.replace("name: bot", f"name: p{number}") + "intents:\n" + intents
        for number in range(200)
    }
    load(files)
    began = time.process_time()
    assert len(load_catalogue(Path("catalogue")).processes) == 200
    assert time.process_time() - began < 1.5


def test_names_that_aiwatch_uses_itself_are_refused(load: Load) -> None:
    framework = "receivers: [{name: aiwatch-responder, webhook: {url: https://example.com}}]\n"
    with pytest.raises(CatalogueError) as caught:
        load({"processes/aiwatch.yml": SHORTEST.replace("name: bot", "name: aiwatch"), "framework.yml": framework})
    assert "receivers[0].name: the receiver 'aiwatch-responder' is there already" in str(caught.value)
    assert "name: the name 'aiwatch' is aiwatch's own" in str(caught.value)


def test_standard_input_is_read_by_one_process_only(load: Load) -> None:
    with pytest.raises(CatalogueError) as caught:
        load(
            {
                "processes/bot.yml": SHORTEST + "logs: [{source: stdin}]\n",
                "processes/other.yml": SHORTEST.replace("name: bot", "name: other") + "logs:\n  - source: stdin\n",
            }
        )
    (problem,) = caught.value.problems
    assert str(problem) == (
        "catalogue/processes/other.yml:7: logs[0].source: standard input is read already, "
        "by catalogue/processes/bot.yml:6; use `source: http`, or a path"
    )


def test_a_log_may_come_from_elsewhere_than_files(load: Load) -> None:
    text = SHORTEST + "logs: [{source: http, record: feedback}, {source: stdin}, {source: kafka, topic: chats}]\n"
    logs = load({"processes/bot.yml": text}).processes[0].logs
    assert [(log.place, log.record) for log in logs] == [
        ("http", "feedback"),
        ("stdin", "interaction"),
        ("stdin", "feedback"),
        ("kafka:chats", "interaction"),
        ("kafka:chats", "feedback"),
    ]
