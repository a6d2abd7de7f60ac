"""`aiwatch drift` on two files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result

from aiwatch.cli import main
from aiwatch.detect import files as compared_files
from aiwatch.detect.situation import Situation
from aiwatch.detect.tests import TESTS
from aiwatch.profiles.baseline import Baseline
from aiwatch.profiles.profile import Profile


def table(rows: int, seed: int, *, shift: float = 0.0, new: bool = False, missing: float = 0.0) -> pl.DataFrame:
    """Return predictions of a made-up model, all of which are drawn alike but for what is asked to differ."""
    rng = np.random.default_rng(seed)
    amount = rng.lognormal(3 + shift, 1, rows)
    country = rng.choice(["DE", "FR", "NL"], rows, p=[0.5, 0.3, 0.2])
    if new:
        country[rng.random(rows) < 0.03] = "XX"
    age = pl.Series(rng.normal(40, 10, rows))
    lost = pl.Series(rng.random(rows) < missing)
    return pl.DataFrame(
        {
            "customer_id": np.arange(rows) + 1000 * seed,
            "applied_at": pl.datetime_range(
                pl.datetime(2026, 3, 1), pl.datetime(2026, 3, 1) + pl.duration(minutes=rows - 1), "1m", eager=True
            ),
            "amount": amount,
            "country": country,
            "age": pl.select(pl.when(~lost).then(age)).to_series(),
            "constant": np.full(rows, 7.5),
            "nothing": pl.Series([None] * rows, dtype=pl.Float64),
            "y_pred_proba": rng.beta(2, 5, rows).round(4),
        }
    )


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    table(4000, 1).write_parquet("reference.parquet")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["drift", *arguments])


def compared(current: pl.DataFrame, *arguments: str) -> dict[str, object]:
    current.write_csv("current.csv")
    result = run("--reference", "reference.parquet", "--current", "current.csv", "--json", *arguments)
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.output)
    return found


def test_rows_drawn_alike_do_not_drift(files: Path) -> None:
    found = compared(table(3000, 2), "--chunk", "500")
    assert [chunk["state"] for chunk in found["chunks"]] == ["ok"] * 6
    assert found["drifted"] == []


def test_what_changes_is_named_from_the_chunk_on_in_which_it_changes(files: Path) -> None:
    current = pl.concat([table(2000, 3), table(2000, 4, shift=0.4, new=True, missing=0.1)])
    found = compared(current.with_columns(customer_id=pl.int_range(4000)), "--chunk", "1000")
    assert found["drifted"] == ["amount", "country", "age"]
    assert [chunk["state"] for chunk in found["chunks"]] == ["ok", "ok", "drift", "drift"]
    tests = {(each["feature"], each["test"]) for each in found["chunks"][3]["findings"] if each["drifted"]}
    assert {("amount", "kolmogorov_smirnov"), ("country", "unseen_categories"), ("age", "missing_share")} <= tests
    assert all(each["evidence"] >= 1 for each in found["chunks"][3]["findings"] if each["drifted"])


def test_people_get_a_table_by_chunk_and_one_by_feature(files: Path) -> None:
    table(500, 5, shift=1.0).write_parquet("current.parquet")
    result = run("--reference", "reference.parquet", "--current", "current.parquet")
    assert result.exit_code == 0
    assert "customer_id: left out, it names the row" in result.output
    (row,) = [line for line in result.output.splitlines() if line.startswith("amount")]
    assert "kolmogorov_smirnov" in row
    assert ", was " in row
    assert "\ndrift: amount\n\nwhy:\n  Drift since 2026-03-01 00:00 UTC: amount (mean " in result.output


def test_a_report_is_one_file_that_needs_no_other(files: Path) -> None:
    table(2000, 8, new=True, missing=0.1).write_parquet("current.parquet")
    result = run("--reference", "reference.parquet", "--current", "current.parquet", "--html", "report.html")
    assert result.exit_code == 0, result.output
    page = Path("report.html").read_text()
    assert "pipeline" in page
    assert "country = DE" in page
    assert "src=" not in page
    assert "href=" not in page


def test_evidentlys_report_asks_for_evidently(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evidently", None)
    monkeypatch.setitem(sys.modules, "pandas", None)
    result = run("--reference", "reference.parquet", "--current", "reference.parquet", "--evidently", "report.html")
    assert result.exit_code == 1
    assert "in the clone of aiwatch: pip install '.[evidently]'" in result.output


def test_drift_fails_the_command_only_if_that_is_wanted(files: Path) -> None:
    table(500, 6, shift=1.0).write_csv("current.csv")
    arguments = ["--reference", "reference.parquet", "--current", "current.csv"]
    assert run(*arguments).exit_code == 0
    assert run(*arguments, "--fail-on-drift").exit_code == 3
    assert run("--reference", "reference.parquet", "--current", "reference.parquet", "--fail-on-drift").exit_code == 0


def test_few_rows_are_not_called_alright(files: Path) -> None:
    found = compared(table(20, 7))
    assert [chunk["state"] for chunk in found["chunks"]] == ["not_enough_data"]
    assert run("--reference", "reference.parquet", "--current", "current.csv").output.endswith("in 1 of 1 chunks\n")


def test_chunks_of_time_are_merged_until_they_have_enough_rows(files: Path) -> None:
    found = compared(table(200, 8), "--chunk", "1h", "--min-rows", "100")
    assert [(chunk["first"], chunk["rows"]) for chunk in found["chunks"]] == [(0, 200)]
    found = compared(table(240, 8), "--chunk", "1h", "--min-rows", "50")
    assert [(chunk["rows"], chunk["start"][11:16]) for chunk in found["chunks"]] == [
        (60, "00:00"),
        (60, "01:00"),
        (60, "02:00"),
        (60, "03:00"),
    ]


def test_a_column_that_only_the_reference_has_is_left_out_and_said(files: Path) -> None:
    found = compared(table(300, 9).drop("age"))
    assert "age: left out, only the reference has it" in found["notes"]
    assert "age" not in {each["feature"] for each in found["chunks"][0]["findings"]}


def test_a_column_that_only_the_current_table_has_is_said(files: Path) -> None:
    found = compared(table(300, 9).with_columns(sex=pl.lit("f")))
    assert "sex: left out, only the current table has it" in found["notes"]


def test_what_is_odd_in_either_table_is_said(files: Path) -> None:
    text = table(400, 3).write_csv()
    for name, wrong in (("then.csv", "soon"), ("now.csv", "later")):
        lines = text.splitlines()
        lines[7] = lines[7].replace(lines[7].split(",")[2], wrong)
        Path(name).write_text("\n".join([*lines[:-1], "1,2026-03-01"]) + "\n")
    notes = json.loads(run("--reference", "then.csv", "--current", "now.csv", "--json").output)["notes"]
    for name in ("then.csv", "now.csv"):
        assert f"amount: 1 values are not a number and count as invalid (the first in {name}:8)" in notes
        assert f"{name}:401: 2 values where the first line names 8: the others count as missing" in notes


@pytest.mark.parametrize("part", [0.15, 1.0])
def test_a_number_that_became_text_is_drift_and_no_error(files: Path, part: float) -> None:
    words = pl.Series(np.random.default_rng(8).random(2000) < part)
    text = pl.when(words).then(pl.lit("unknown")).otherwise(pl.col("age").round(2).cast(pl.String))
    now = compared(table(2000, 3).with_columns(age=text))
    assert now["drifted"] == ["age"]
    assert [(claim["cause"], claim["kind"]) for claim in now["chunks"][0]["causes"]][:1] == [("pipeline", "type")]
    assert any(
        note.startswith(f"age: {words.sum()} values are not a number and count as invalid") for note in now["notes"]
    )


def test_a_number_that_became_a_flag_is_drift_and_no_error(files: Path) -> None:
    table(2000, 3).with_columns(age=pl.col("age") > 40).write_parquet("now.parquet")
    found = json.loads(run("--reference", "reference.parquet", "--current", "now.parquet", "--json").output)
    assert found["drifted"] == ["age"]
    assert "age: is of type Boolean in now.parquet, and counts as invalid" in found["notes"]


def test_a_few_outliers_far_out_of_range_are_claimed_and_one_is_not(files: Path) -> None:
    def with_outliers(share: float) -> list[tuple[str, str]]:
        far = pl.Series(np.arange(2000) < share * 2000)
        now = compared(table(2000, 3).with_columns(age=pl.when(far).then(9e6).otherwise(pl.col("age"))))
        return [(claim["cause"], claim["kind"]) for claim in now["chunks"][0]["causes"]]  # type: ignore[index]

    assert with_outliers(0.025)[:1] == [("pipeline", "outliers")]
    assert with_outliers(0.0005) == []


def test_outcomes_that_are_words_are_said_not_to_be_compared(files: Path) -> None:
    table(300, 3).with_columns(label=pl.lit(1)).write_csv("then.csv")
    table(300, 4).with_columns(label=pl.lit("paid")).write_csv("now.csv")
    notes = json.loads(run("--reference", "then.csv", "--current", "now.csv", "--json").output)["notes"]
    assert "now.csv: no column holds the true outcome, as numbers or booleans: it is not compared" in notes


def test_a_score_beyond_1_is_compared_where_both_tables_have_it(files: Path) -> None:
    table(2000, 1).with_columns(score=pl.Series(np.linspace(300, 700, 2000))).drop("y_pred_proba").write_csv("then.csv")
    table(2000, 2).with_columns(score=pl.Series(np.linspace(400, 800, 2000))).drop("y_pred_proba").write_csv("now.csv")
    found = json.loads(run("--reference", "then.csv", "--current", "now.csv", "--json").output)
    assert found["drifted"] == ["value"]


def test_where_rows_have_no_time_nothing_says_since_when(files: Path) -> None:
    for name, shift in (("then.csv", 0.0), ("now.csv", 1.0)):
        table(2000, 1, shift=shift).drop("applied_at").write_csv(name)
    (chunk,) = json.loads(run("--reference", "then.csv", "--current", "now.csv", "--json").output)["chunks"]
    assert chunk["state"] == "drift"
    assert {each["since"] for each in chunk["findings"]} == {None}


def test_a_name_however_long_leaves_the_table_readable(files: Path) -> None:
    for name, seed in (("then.csv", 1), ("now.csv", 2)):
        table(500, seed).rename({"amount": "a" * 5000, "age": "of\nage"}).write_csv(name)
    lines = run("--reference", "then.csv", "--current", "now.csv").output.splitlines()
    assert max(len(line) for line in lines) < 200
    assert any(line.startswith("of age ") for line in lines)


def test_however_many_features_drift_all_are_named_behind_their_chunk(files: Path) -> None:
    names = [f"a_feature_with_a_long_name_{number}" for number in range(5)]
    for name, mean in (("then.csv", 0.0), ("now.csv", 1.0)):
        chance = np.random.default_rng(int(mean))
        pl.DataFrame({each: chance.normal(mean, 1, 500) for each in names}).write_csv(name)
    (row,) = [
        line for line in run("--reference", "then.csv", "--current", "now.csv").output.splitlines() if line[:2] == "0 "
    ]
    assert row.endswith(", ".join(names))


def test_what_a_chunk_costs_does_not_grow_with_the_number_of_chunks_before_it(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[int] = []
    situation_of = compared_files.situation_of

    def counted(baseline: Baseline, windows: list[Profile], *more: Any, **named: Any) -> Situation:
        looked_at.append(len(windows))
        return situation_of(baseline, windows, *more, **named)

    monkeypatch.setattr(compared_files, "situation_of", counted)
    monkeypatch.setattr(compared_files, "_PAST", 5)
    found = compared(table(3000, 3), "--chunk", "100")
    assert len(found["chunks"]) == len(looked_at) == 30  # type: ignore[arg-type]
    assert max(looked_at) == 5


def test_more_categories_than_a_baseline_keeps_are_no_drift(files: Path) -> None:
    for seed in (1, 2, 3):
        chance = np.random.default_rng(seed)
        before, now = (
            pl.DataFrame(
                {"cell": [f"N{each}" for each in chance.choice(400, rows)], "age": chance.normal(40, 10, rows)}
            )
            for rows in (20_000, 5000)
        )
        before.write_parquet("reference.parquet")
        assert compared(now)["drifted"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--chunk", "10"], "--chunk 10: fewer than 30 rows are not tested"),
        (["--chunk", "0d"], "write a number of rows"),
        (["--chunk", "9999999d"], "write a number of rows"),
        (["--html", "no-such/report.html"], "there is no folder no-such"),
        (["--once", "--since", "1d"], "--since, --once: these are for predictions in Elasticsearch"),
    ],
)
def test_what_would_have_no_effect_is_refused_before_anything_is_read(arguments: list[str], said: str) -> None:
    result = run("--reference", "a.csv", "--current", "b.csv", *arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_options_for_files_are_refused_where_elasticsearch_is_read() -> None:
    result = run("--elasticsearch", "http://127.0.0.1:1", "--json", "--chunk", "1d")
    assert result.exit_code == 2
    assert "these are for files" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--at", "2999-01-01"], "--at 2999-01-01T00:00Z: this is still to come"),
        (["--since", "2999-01-01", "--once"], "--since 2999-01-01T00:00Z: this is still to come"),
        (["--since", "1d", "--at", "2d"], "--since must be before --at"),
        (["--at", "0001-01-01"], "'0001-01-01': there was nothing to watch before 1970"),
    ],
)
def test_times_at_which_nothing_can_be_tested_are_refused(arguments: list[str], said: str) -> None:
    result = run("--elasticsearch", "http://127.0.0.1:1", *arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_a_time_at_the_end_of_all_days_is_said(files: Path) -> None:
    current = table(200, 3).with_columns(applied_at=pl.datetime(9999, 12, 31))
    current.write_parquet("far.parquet")
    result = run("--reference", "reference.parquet", "--current", "far.parquet", "--chunk", "1d")
    assert "Error: far.parquet: a row has the time 9999-12-31: leave it out, or chunk by rows" in result.output


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", "", "empty.csv: the file is empty"),
        ("other.csv", "a,b\n1,2\n", "has no feature in common with"),
        ("damaged.parquet", "no parquet", "damaged.parquet: is no Parquet; if it is CSV"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_what_is_wrong(
    files: Path, name: str, content: str, said: str
) -> None:
    (files / name).write_text(content)
    result = run("--reference", "reference.parquet", "--current", name)
    assert result.exit_code == 1
    assert said in result.output
    assert result.output.count("\n") == 1


def test_a_column_that_lost_all_its_values_is_missing_however_it_is_written(files: Path) -> None:
    lost = table(500, 12).with_columns(age=pl.lit(None), country=pl.lit(None), y_pred_proba=pl.lit(None))
    lost.write_parquet("lost.parquet")
    result = run("--reference", "reference.parquet", "--current", "lost.parquet", "--json")
    assert result.exit_code == 0, result.output
    assert {"age", "country", "score"} <= set(json.loads(result.output)["drifted"])


def test_a_report_that_cannot_be_written_is_named(files: Path) -> None:
    result = run("--reference", "reference.parquet", "--current", "reference.parquet", "--html", "/proc/report.html")
    assert result.exit_code == 1
    assert result.output.startswith("Error: a file cannot be written: ")
    assert "'/proc/report.html'" in result.output


def test_a_folder_is_said_to_be_one(files: Path) -> None:
    Path("parts").mkdir()
    result = run("--reference", "parts", "--current", "reference.parquet")
    assert result.output == "Error: parts: is a folder; name its files, such as 'parts/*.parquet' in quotes\n"


def test_a_missing_file_and_a_wrong_chunk_are_named(files: Path) -> None:
    assert "no-such.csv: there is no such file" in run("--reference", "no-such.csv", "--current", "x.csv").output
    assert "write a number of rows" in run("--reference", "a", "--current", "b", "--chunk", "many").output
    assert "Say what to compare" in run("--reference", "a").output


def test_every_statistic_is_json_even_of_columns_that_do_not_vary(files: Path) -> None:
    found = compared(table(300, 10).with_columns(constant=pl.lit(9.5)))
    (constant,) = [
        each
        for each in found["chunks"][0]["findings"]
        if each["feature"] == "constant" and each["test"] != "missing_share"
    ]
    assert constant["drifted"]
    assert constant["test"] in {test.name for test in TESTS}


def test_outcomes_that_change_at_the_same_scores_are_drift_though_no_feature_moved(files: Path) -> None:
    chance = np.random.default_rng(5)

    def with_outcomes(predictions: pl.DataFrame, more: float) -> pl.DataFrame:
        happened = chance.random(len(predictions)) < predictions["y_pred_proba"].to_numpy() + more
        return predictions.with_columns(label=pl.Series(happened.astype(int)))

    with_outcomes(table(4000, 1), 0.0).write_parquet("reference.parquet")
    [usual] = compared(with_outcomes(table(3000, 2), 0.0))["chunks"]  # type: ignore[misc]
    [changed] = compared(with_outcomes(table(3000, 2), 0.2))["chunks"]  # type: ignore[misc]
    assert (usual["state"], usual["causes"]) == ("ok", [])
    assert changed["state"] == "drift"
    assert [each["feature"] for each in changed["findings"] if each["drifted"]] == ["outcomes"]
    assert changed["causes"][0]["cause"] == "concept"
