"""What the columns of files are taken for."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from aiwatch.profiles.tables.raw import NO_VALUE, TableError
from aiwatch.profiles.tables.typed import Table

Read = Callable[..., Table]
HEADER = "customer_id,amount,country,weekday,paid,when,note,y_pred_proba,y_true\n"


def payments(number: int = 200) -> str:
    rows = (
        f"{n},{n * 1.5},{'DE' if n % 3 else 'FR'},{n % 7},{'True' if n % 2 else 'False'},"
        f"2026-03-01 {n % 24:02}:00:00,note {n},{n % 10 / 10},{n % 2}\n"
        for n in range(number)
    )
    return HEADER + "".join(rows)


def parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def test_the_data_says_what_is_a_number_and_what_a_category(read: Read) -> None:
    table = read(payments())
    assert table.types == {
        "amount": "numeric",
        "country": "categorical",
        "weekday": "categorical",
        "paid": "categorical",
    }
    assert (table.prediction, table.timed, table.labelled, table.rows) == ("score", True, True, 200)


def test_what_is_left_out_is_said_with_the_reason(read: Read) -> None:
    notes = read(payments()).notes
    assert "customer_id: left out, it names the row" in notes
    assert "note: left out, it has about as many values as rows" in notes
    assert "when: the time" in notes
    assert "y_pred_proba: the model's score" in notes


def test_the_same_table_is_the_same_in_every_form(read: Read, tmp_path: Any) -> None:
    rows = [
        {"amount": 1.5, "count": 3, "country": "DE", "flag": True},
        {"amount": None, "count": 4, "flag": False},
    ] * 30
    frame = pl.DataFrame(rows)
    forms = {
        "a.csv": frame.write_csv().encode(),
        "a.jsonl": "".join(json.dumps(row) + "\n" for row in rows).encode(),
        "a.parquet": parquet(frame),
    }
    found = []
    for name, content in forms.items():
        (tmp_path / "scratch").rename(tmp_path / f"{name}-before") if (tmp_path / "scratch").exists() else None
        table = read(content, name=name)
        found.append((table.types, table.frame.collect().select("amount", "count", "country", "flag").rows()))
    assert found[0] == found[1] == found[2]
    assert found[0][1][:2] == [(1.5, "3", "DE", "true"), (None, "4", None, "false")]


def test_the_log_lines_of_a_process_are_a_table(read: Read) -> None:
    lines = [
        {"@timestamp": "2026-03-01T07:00:00Z", "type": "prediction", "model_version": "3", "score": 0.25}
        | {"features": {"amount": 5, "country": 7}, "label": True, "latency": 0.1, "decision": "approve"},
        {"type": "feedback", "@timestamp": "2026-03-01T07:00:00Z"},
        {"@timestamp": "2026-03-01T08:00:00+01:00", "type": "prediction", "features": {"amount": "5", "country": "7"}},
    ]
    types = {"amount": "numeric", "country": "categorical"}
    with pytest.raises(TableError, match=r"0-a\.jsonl:3: column 'amount' holds '5', which is not a number"):
        read("".join(json.dumps(line) + "\n" for line in lines), name="a.jsonl", types=types)


def test_lines_that_have_a_type_of_their_own_are_rows_too(read: Read) -> None:
    lines = [{"type": "transfer" if n % 2 else None, "amount": n + 0.5} for n in range(200)]
    table = read("".join(json.dumps(line) + "\n" for line in lines), name="a.jsonl")
    assert table.rows == 200
    assert "type: left out, it is a field of the prediction" in table.notes


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", gzip.compress(b"amount\n1\n", mtime=0), r"0-a\.csv: is packed with gzip: call it 0-a\.csv\.gz"),
        ("a.csv.gz", b"amount\n1\n", r"0-a\.csv\.gz: is not packed with gzip: call it 0-a\.csv"),
        ("a.csv", parquet(pl.DataFrame({"amount": [1.5]})), "is Parquet: let its name end in .parquet"),
        ("a.parquet", b"amount\n1\n", "is no Parquet; if it is CSV or JSON lines"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_told_its_name(
    read: Read, name: str, content: bytes, said: str
) -> None:
    with pytest.raises(TableError, match=said):
        read(content, name=name)


@pytest.mark.parametrize(("part", "option"), [("label", "--label"), ("prediction", "--score")])
def test_what_to_do_about_words_depends_on_what_should_be_numbers(read: Read, part: str, option: str) -> None:
    with pytest.raises(TableError, match=f"'DE', which is not a number; .* name another column with {option}"):
        read("amount,country\n1.5,DE\n2.5,FR\n", **{part: "country"})


def test_names_that_the_catalogue_refuses_are_no_features(read: Read) -> None:
    table = read("amount,outcomes,volume\n" + "1.5,2.5,3.5\n2.5,3.5,4.5\n")
    assert list(table.types) == ["amount"]
    assert "outcomes: left out, the name is aiwatch's own" in table.notes


def test_a_column_has_one_part(read: Read) -> None:
    with pytest.raises(TableError, match="--score, --timestamp and --label name a column twice"):
        read("amount,y\n1.5,0\n2.5,1\n", prediction="y", label="y")


def test_a_few_values_of_the_wrong_type_count_as_invalid_as_they_do_in_a_log(read: Read) -> None:
    rows: list[dict[str, Any]] = [{"features": {"amount": n, "country": "7"}, "score": 0.5} for n in range(300)]
    rows[5]["features"] = {"amount": "12", "country": 7.5}
    rows[6]["features"] = {"amount": True, "country": [1]}
    table = read(
        "".join(json.dumps(row) + "\n" for row in rows),
        name="a.jsonl",
        types={"amount": "numeric", "country": "categorical"},
    )
    frame = table.frame.collect()
    assert frame.rows()[4:8] == [
        (4.0, "7", 0.5),
        (float("inf"), NO_VALUE, 0.5),
        (float("inf"), NO_VALUE, 0.5),
        (7.0, "7", 0.5),
    ]
    assert any("amount: 2 values are not a number and count as invalid" in note for note in table.notes)


def test_missing_values_are_missing_however_they_are_written(read: Read) -> None:
    table = read(
        "amount,country\n1,DE\n,\nNaN,NA\nnull,None\n2,FR\n", types={"amount": "numeric", "country": "categorical"}
    )
    assert table.frame.collect()["amount"].to_list() == [1.0, None, None, None, 2.0]
    assert table.frame.collect()["country"].to_list() == ["DE", None, None, None, "FR"]


def test_whole_numbers_that_pandas_wrote_as_fractions_are_categories_as_the_log_writes_them(read: Read) -> None:
    table = read("code\n1.0\n\n2.0\n", types={"code": "categorical"})
    assert table.frame.collect()["code"].to_list() == ["1", None, "2"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01T07:00:00Z", datetime(2026, 3, 1, 7, tzinfo=UTC)),
        ("2026-03-01T07:00:00+02:00", datetime(2026, 3, 1, 5, tzinfo=UTC)),
        ("2026-03-01 07:00:00.5", datetime(2026, 3, 1, 7, 0, 0, 500_000, tzinfo=UTC)),
        ("1772348400", datetime(2026, 3, 1, 7, tzinfo=UTC)),
        ("1772348400000", datetime(2026, 3, 1, 7, tzinfo=UTC)),
        ("1772348400.25", datetime(2026, 3, 1, 7, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-03-01 07:00:00+00", datetime(2026, 3, 1, 7, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_people_write_them(read: Read, text: str, moment: datetime) -> None:
    table = read(f"amount,timestamp\n1.5,{text}\n2.5,{text}\n")
    assert table.frame.collect()["@timestamp"].to_list() == [moment, moment]


@pytest.mark.parametrize(("score", "prediction"), [(",0.5", "score"), ("", None)])
def test_the_index_that_pandas_writes_is_taken_for_nothing(read: Read, score: str, prediction: str | None) -> None:
    table = read(f",amount{',score' if score else ''}\n" + "".join(f"{n},{n}.5{score}\n" for n in range(50)))
    assert (list(table.types), table.prediction) == (["amount"], prediction)
    assert (table.labelled, table.timed) == (False, False)


def test_the_hash_of_one_file_is_what_sha256sum_says(read: Read) -> None:
    assert read(payments()).sha256 == hashlib.sha256(payments().encode()).hexdigest()


@pytest.mark.parametrize("line", ["3.5", ""])
def test_a_line_that_ends_too_soon_is_said(read: Read, line: str) -> None:
    table = read(f"amount,kind,score\n1.5,a,0.5\n,,\n{line}\n4.5,a,0.5\n")
    assert table.rows == 4
    (said,) = [note for note in table.notes if "values where the first line names" in note]
    assert said.endswith(f":4: {1 if line else 0} values where the first line names 3: the others count as missing")


def test_times_of_one_column_may_be_written_each_in_its_own_way(read: Read) -> None:
    texts = ["2026-03-01T07:00:00.5+00:00", "2026-03-01T07:00:00Z", "2026-03-01 07:00", "2026-03-01T09:00:00+02:00"]
    table = read("amount,timestamp\n" + "".join(f"1.5,{text}\n" for text in texts))
    moment = datetime(2026, 3, 1, 7, tzinfo=UTC)
    assert table.frame.collect()["@timestamp"].to_list() == [moment.replace(microsecond=500_000), *3 * [moment]]


def test_numbers_stay_numbers_beside_very_few_that_are_none(read: Read) -> None:
    lines = [f"{n}.25,{n % 5}" for n in range(500)]
    table = read("amount,kind\n" + "\n".join([*lines, "soon,1\n"]))
    assert table.types == {"amount": "numeric", "kind": "categorical"}
    assert any(note.startswith("amount: 1 values are not a number") for note in table.notes)


def test_lists_in_lines_are_left_out_as_they_are_in_parquet(read: Read) -> None:
    table = read("".join(f'{{"amount": {n}.5, "tags": [{n}]}}\n' for n in range(40)), name="table.jsonl")
    assert list(table.types) == ["amount"]
    assert "tags: left out, it holds lists or objects" in table.notes


def test_a_file_that_breaks_off_is_said(read: Read) -> None:
    whole = gzip.compress(payments(5000).encode())
    with pytest.raises(TableError, match=r"csv\.gz: cannot be read to its end .*; copy it anew"):
        read(whole[: len(whole) // 2], name="table.csv.gz")


def test_several_files_are_one_table_and_compressed_ones_too(read: Read) -> None:
    table = read("a,b\n1.5,x\n", "a,b\n2.5,y\n")
    assert table.rows == 2
    assert len(table.files) == 2


def test_compressed_lines_are_read(read: Read) -> None:
    table = read(gzip.compress(b'{"a": 1.5}\n{"a": 2.5}\n'), name="a.jsonl.gz")
    assert table.frame.collect()["a"].to_list() == [1.5, 2.5]


@pytest.mark.parametrize(
    ("contents", "name", "wanted", "said"),
    [
        (["a,a\n1,2\n"], "t.csv", {}, "two columns are called 'a'"),
        (["1,2\n3,4\n"], "t.csv", {}, "the first line must name the columns"),
        ([""], "t.csv", {}, "the file is empty"),
        (["a,b\n"], "t.csv", {}, "has no rows"),
        (["a,b\n1,2\n", "a\n1\n"], "t.csv", {}, "column 'b' is missing"),
        (["a\n1\n", "a,b\n1,2\n"], "t.csv", {}, "0-t.csv: column 'b' is missing, which .*1-t.csv has"),
        (["amuont\n1\n"], "t.csv", {"types": {"amount": "numeric"}}, "amount: did you mean 'amuont'"),
        (["a\nx\n1\n"], "t.csv", {"types": {"a": "numeric"}}, ":2: column 'a' holds 'x', which is not a number"),
        (["a,t\n1,soon\n"], "t.csv", {"time": "t"}, ":2: 'soon' in column 't' is no time"),
        (["a,p\n1,7\n"], "t.csv", {"prediction": "p", "kind": "classifier"}, "holds numbers from 7 to 7"),
        (["a\n1\n"], "t.csv", {"prediction": "q"}, "--score q: there is no such column"),
        (["a\n1\n"], "t.xlsx", {}, "is it Parquet, CSV or JSON lines"),
        (["PAR1 no"], "t.parquet", {}, "is no Parquet that can be read"),
        (['{"a": 1}\n{"a": \n'], "t.jsonl", {}, ":2: is no JSON object"),
        (["[1]\n"], "t.jsonl", {}, ":1: is no JSON object"),
        (['{"type": "feedback"}\n'], "t.jsonl", {}, "holds no line with a prediction"),
        (["a,b\n1,2\n1,2,3\n"], "t.csv", {}, "t.csv:3: 3 values, but the first line names 2; mend"),
        (['a,b\n1,2\n"1,2\n3,4\n'], "t.csv", {}, "t.csv: after line 2: .*is there a quote that is never closed"),
        (["a;b\n1;2\n"], "t.csv", {}, ":1: the columns are separated by ';', not by ','"),
        (["a,b\n1,2\n"], "t.parquet.gz", {}, "unpack the file with gunzip"),
        (["a,b\n1,é\n".encode("latin-1")], "t.csv", {}, "is not UTF-8; write it anew as UTF-8"),
        (["t,b\n2026-03-01,\n"], "t.csv", {}, "no column is a feature .*b: left out, it is empty"),
    ],
)
def test_what_is_no_table_is_said_with_its_place(
    read: Read, contents: list[str | bytes], name: str, wanted: dict[str, Any], said: str
) -> None:
    with pytest.raises(TableError, match=said):
        read(*contents, name=name, **wanted)


def test_a_parquet_column_of_another_type_than_the_catalogue_says_is_an_error(read: Read) -> None:
    frame = pl.DataFrame({"amount": ["a", "b"], "tags": [["x"], ["y"]]})
    with pytest.raises(TableError, match="column 'tags' is of type List"):
        read(parquet(frame), name="t.parquet", types={"tags": "categorical"})


def test_files_that_are_not_there_or_of_two_forms_are_said(read: Read, tmp_path: Any) -> None:
    from aiwatch.profiles.tables.raw import find_files, read_raw

    with pytest.raises(TableError, match="there is no such file"):
        find_files([str(tmp_path / "none*.csv")])
    (tmp_path / "a.csv").write_text("a\n1\n")
    (tmp_path / "b.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(TableError, match="name files of one form"):
        read_raw([str(tmp_path / "a.csv"), str(tmp_path / "b.jsonl")], tmp_path)
