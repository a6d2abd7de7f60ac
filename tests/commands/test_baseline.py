from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result

from aiwatch.catalogue.load import load_catalogue as load
from aiwatch.cli import main
from aiwatch.detect.hourly.judging import ProcessJudge
from aiwatch.detect.rhythm import rhythm_of
from aiwatch.profiles.baseline import read_baseline
from tests.catalogue.test_baselines import PROCESS


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    folder = tmp_path / "catalogue"
    (folder / "processes").mkdir(parents=True)
    (folder / "processes" / "card-fraud.yml").write_text(PROCESS + "drift: {segments: [country]}\n")
    (folder / "processes" / "bot.yml").write_text(
        "name: bot\ntitle: Bot\nkind: chat\nbusiness_unit: sales\nowner: a@example.com\n"
    )
    return folder


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """The log of a process that predicts, as `aiwatch.instrument` writes it."""
    chance = random.Random(1)
    path = tmp_path / "log.jsonl"
    with path.open("w") as log:
        for number in range(3000):
            features = {"amount": chance.lognormvariate(3, 1), "country": chance.choice("DF"), "channel": None}
            record = {"@timestamp": f"2026-03-{1 + number % 28:02}T07:00:00Z", "type": "prediction"}
            log.write(json.dumps(record | {"features": features, "score": chance.random(), "label": 1}) + "\n")
    return path


def make(catalogue: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["baseline", f"--catalogue={catalogue}", *arguments])


def test_a_baseline_is_written_and_says_what_it_holds(catalogue: Path, lines: Path) -> None:
    result = make(catalogue, "card-fraud", "--version=3", "--from", str(lines))
    assert result.exit_code == 0, result.output
    assert "card-fraud.json written: 3000 rows, 3 features" in result.output
    made = read_baseline(catalogue / "baselines" / "card-fraud.json")
    assert (made.process, made.model_version, made.source.rows) == ("card-fraud", "3", 3000)
    assert made.features["channel"].counts.missing == 3000
    assert made.segments == {"country": made.features["country"].shape.values}  # type: ignore[union-attr]
    assert sum(number for number, _ in made.labels.values()) == 3000


def test_its_hours_are_those_of_the_time_zone_and_another_one_is_told_by_the_service(
    catalogue: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = tmp_path / "hours.jsonl"
    with log.open("w") as file:
        for number in range(72 * 30):
            time = f"2026-03-{2 + number // 720:02}T{number // 30 % 24:02}:00:00Z"
            features = {"amount": number % 7, "country": "DF"[number % 2], "channel": None}
            file.write(
                json.dumps({"@timestamp": time, "type": "prediction", "features": features, "score": 0.5}) + "\n"
            )
    file = catalogue / "processes" / "card-fraud.yml"
    file.write_text(PROCESS + "drift: {timezone: Asia/Kolkata}\n")
    assert make(catalogue, "card-fraud", "--from", str(log)).exit_code == 0
    [held] = [each for each in load(catalogue).processes if each.name == "card-fraud"]
    assert held.baseline is not None
    rhythm = rhythm_of(held.baseline)
    assert rhythm is not None
    assert (rhythm.windows, rhythm.timezone) == (72, "Asia/Kolkata")
    assert [hour for hour, rows in enumerate(rhythm.volume) if rows] == list(range(5, 77))
    ProcessJudge(held, held.baseline)
    assert not caplog.messages
    file.write_text(PROCESS)
    [moved] = [each for each in load(catalogue).processes if each.name == "card-fraud"]
    ProcessJudge(moved, held.baseline)
    said = "card-fraud: its baseline knows the hours of Asia/Kolkata, not those of UTC: make it anew"
    assert said in caplog.text


def test_made_again_of_the_same_rows_it_is_the_same_file(catalogue: Path, lines: Path) -> None:
    path = catalogue / "baselines" / "card-fraud.json"
    make(catalogue, "card-fraud", "--from", str(lines))
    before = path.read_bytes()
    assert "is up to date" in make(catalogue, "card-fraud", "--from", str(lines)).output
    assert path.read_bytes() == before
    path.write_bytes(before[:-50])
    assert "written" in make(catalogue, "card-fraud", "--from", str(lines)).output
    assert read_baseline(path).features.keys() == {"amount", "country", "channel", "score"}


@pytest.mark.parametrize(("features", "most"), [(30, 300_000), (150, 1_500_000)])
def test_categories_with_long_names_and_many_features_have_room(
    catalogue: Path, tmp_path: Path, features: int, most: int
) -> None:
    chance = np.random.default_rng(1)
    names = np.array([f"{number:03}{'a long name of a category' * 3}" for number in range(200)])
    (catalogue / "processes" / "wide.yml").write_text(
        "name: wide\ntitle: Wide\nkind: classifier\nbusiness_unit: sales\nowner: a@example.com\n"
    )
    table = pl.DataFrame({f"feature_{number}": names[chance.integers(0, 200, 2000)] for number in range(features)})
    table.with_columns(score=chance.random(2000)).write_parquet(tmp_path / "wide.parquet")
    result = make(catalogue, "wide", "--from", str(tmp_path / "wide.parquet"))
    assert result.exit_code == 0, result.output
    path = catalogue / "baselines" / "wide.json"
    assert path.stat().st_size <= most
    assert {feature.shape.bins > 20 for feature in read_baseline(path).features.values()} == {True}


def test_few_rows_are_said(catalogue: Path, lines: Path, tmp_path: Path) -> None:
    few = tmp_path / "few.jsonl"
    few.write_text("".join(lines.read_text().splitlines(keepends=True)[:300]))
    assert (
        "only 300 rows: small changes will not be told from chance"
        in make(catalogue, "card-fraud", "--from", str(few)).output
    )
    assert "only" not in make(catalogue, "card-fraud", "--from", str(lines)).output


def test_the_end_of_a_time_means_nothing_for_files(catalogue: Path, lines: Path) -> None:
    result = make(catalogue, "card-fraud", "--from", str(lines), "--until", "1d")
    assert (result.exit_code, "--until goes with --since" in result.output) == (2, True)


def test_several_files_may_follow(catalogue: Path, lines: Path) -> None:
    result = make(catalogue, "card-fraud", "--from", str(lines), str(lines.rename(lines.with_name("b.jsonl"))))
    assert "there is no such file" in result.output
    lines.write_bytes(lines.with_name("b.jsonl").read_bytes())
    result = make(catalogue, "card-fraud", "--from", str(lines), str(lines.with_name("b.jsonl")))
    assert "6000 rows" in result.output


def test_a_catalogue_that_cannot_be_written_to_is_said_with_its_place(catalogue: Path, lines: Path) -> None:
    (catalogue / "baselines" / ".card-fraud.json.part").mkdir(parents=True)
    result = make(catalogue, "card-fraud", "--from", str(lines))
    assert result.exit_code == 1
    assert f"{catalogue / 'baselines' / 'card-fraud.json'} cannot be written" in result.output
    assert "run this as the owner of the catalogue" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["card-fraud"], "Say where the rows are"),
        (["card-froud", "--from", "x"], "no process is called 'card-froud'; did you mean 'card-fraud'?"),
        (["bot", "--from", "x"], "bot is of kind 'chat': only models that predict have a baseline"),
        (["card-fraud", "--from", "none.csv"], "none.csv: there is no such file"),
        (["card-fraud", "--since", "soon"], "'soon': write a time such as"),
        (["card-fraud", "--since", "30d"], "--since needs --elasticsearch"),
        (["card-fraud", "--since", "5d", "--until", "30d"], "--since must be before --until"),
        (["card-fraud", "--since", "30d", "--from", "x"], "Say where the rows are"),
        (["card-fraud", "--since", "30d", "--elasticsearch", "http://127.0.0.1:1"], "cannot be read from"),
    ],
)
def test_what_cannot_be_done_is_said(catalogue: Path, arguments: list[str], said: str) -> None:
    result = make(catalogue, *arguments)
    assert result.exit_code != 0
    assert said in result.output
