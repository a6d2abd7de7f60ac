"""Files into one table as it stands: nothing is typed or named yet.

CSV and JSON lines are read as text, so that a column that changes its type in the millionth line is noticed, and can
be told with its line. What is longer than memory is read in pieces.
"""

from __future__ import annotations

import csv
import glob
import gzip
import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec
import polars as pl

from aiwatch.kinds import KINDS

LINE = "\0line"  # the column that says where a row stands in its file
FILE = "\0file"  # and in which
MISSING_WORDS = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None"]
TEXT_MARK = "\1"  # before text (of JSON) that would read as a number
NO_VALUE = "\2"  # for a list or an object where a value belongs
_AT_ONCE = 50_000  # lines
_AS_UTF8 = "write it anew as UTF-8"
_SEPARATORS = ";\t|"  # that others use
_NUMBER_BEGINS = frozenset("0123456789+-.iInN ")
_PARQUET, _GZIP = b"PAR1", b"\x1f\x8b"  # how such files begin
_OTHER_RECORDS = {record.name for kind in KINDS for record in kind.records} - {"prediction"}  # of aiwatch's own log


class TableError(Exception):
    """Files that make no table; the message names file, line or column, and says what to do."""


@dataclass(frozen=True, slots=True)
class Raw:
    """Rows of files: columns as they stand, and where each row stands (`FILE`, `LINE`).

    ``text`` says that all columns are text, ``marked`` that it comes from JSON (see `TEXT_MARK`).
    """

    frame: pl.LazyFrame
    columns: tuple[str, ...]
    files: tuple[str, ...]
    sha256: str
    text: bool
    marked: bool

    def place(self, row: dict[str, Any]) -> str:
        """Return where a row stands, for a message."""
        return f"{self.files[row[FILE]]}:{row[LINE]}"


def find_files(patterns: Sequence[str]) -> list[Path]:
    """Return the files that names and glob patterns stand for, each once.

    Raises:
        TableError: one stands for nothing.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        paths = sorted(Path(each) for each in glob.glob(pattern, recursive=True))
        paths = [path for path in paths if path.is_file()] or ([Path(pattern)] if Path(pattern).is_file() else [])
        if not paths and Path(pattern).is_dir():
            raise TableError(f"{pattern}: is a folder; name its files, such as '{pattern}/*.parquet' in quotes")
        if not paths:
            raise TableError(f"{pattern}: there is no such file; name files, or a pattern in quotes")
        found.update(dict.fromkeys(paths))
    return list(found)


def read_raw(patterns: Sequence[str], scratch: Path) -> Raw:
    """Return the table that files make together; ``scratch`` is a folder for what has to be written anew.

    Raises:
        TableError: a file cannot be read, is empty or damaged, or does not fit to the others.
    """
    files = find_files(patterns)
    forms = {path: _form(path) for path in files}
    if len(set(forms.values())) > 1:
        one, other = files[0], next(path for path in files if forms[path] != forms[files[0]])
        raise TableError(f"{one} is {forms[one]}, but {other} is {forms[other]}: name files of one form")
    form = forms[files[0]]
    readers: dict[str, Callable[[Path, Path], pl.LazyFrame]] = {
        "Parquet": _parquet,
        "CSV": _csv,
        "JSON lines": _json_lines,
    }
    frames: list[pl.LazyFrame] = []
    columns: dict[str, None] = {}
    for number, path in enumerate(files):
        if path.stat().st_size == 0:
            raise TableError(f"{path}: the file is empty; leave it out")
        folder = scratch / str(number)
        folder.mkdir()
        try:
            if why := _misnamed(path, form):
                raise TableError(f"{path}: {why}")
            frame = readers[form](path, folder)
            here = [name for name in frame.collect_schema().names() if name != LINE]
        except UnicodeDecodeError:
            raise TableError(f"{path}: is not UTF-8; {_AS_UTF8}") from None
        except (pl.exceptions.PolarsError, OSError) as error:
            raise TableError(f"{path}: is no {form} that can be read ({_in_one_line(error)})") from None
        if form != "JSON lines" and columns and set(here) != set(columns):
            (name, has, lacks), *_ = [(name, files[0], path) for name in columns if name not in here] or [
                (name, path, files[0]) for name in here if name not in columns
            ]
            raise TableError(f"{lacks}: column {name!r} is missing, which {has} has; files must fit together")
        columns.update(dict.fromkeys(here))
        frames.append(frame.with_columns(pl.lit(number, pl.UInt32).alias(FILE)))
    whole = pl.concat(frames, how="diagonal_relaxed")
    return Raw(whole, tuple(columns), tuple(map(str, files)), _digest(files), form != "Parquet", form == "JSON lines")


def _form(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    if name.endswith((".parquet", ".pq")):
        return "Parquet"
    if name.endswith((".csv", ".tsv")):
        return "CSV"
    if name.endswith((".jsonl", ".ndjson", ".json", ".log")):
        return "JSON lines"
    raise TableError(f"{path}: is it Parquet, CSV or JSON lines? Rename it to end in .parquet, .csv or .jsonl")


def _misnamed(path: Path, form: str) -> str:
    """Return in what a file differs from what its name says, and what to do; nothing if it does not."""
    with path.open("rb") as file:
        head = file.read(len(_PARQUET))
    if head.startswith(_GZIP) and path.suffix != ".gz":
        return f"is packed with gzip: call it {path.name}.gz"
    if form != "Parquet" and path.suffix == ".gz" and not head.startswith(_GZIP):
        return f"is not packed with gzip: call it {path.stem}"
    if head == _PARQUET and form != "Parquet":
        return "is Parquet: let its name end in .parquet"
    if head != _PARQUET and form == "Parquet" and path.suffix != ".gz":
        return "is no Parquet; if it is CSV or JSON lines, let its name end in .csv or .jsonl, else copy it anew"
    return ""


def _parquet(path: Path, scratch: Path) -> pl.LazyFrame:
    if path.suffix == ".gz":
        raise TableError(f"{path}: Parquet is packed inside: unpack the file with gunzip")
    return pl.scan_parquet(path).with_row_index(LINE, offset=1)


def _csv(path: Path, scratch: Path) -> pl.LazyFrame:
    """Return the rows of a CSV file as text; the first line names the columns."""
    separator = _separator(path)
    with _opened(path) as binary, io.TextIOWrapper(binary, encoding="utf-8-sig", newline="") as text:
        header = next(csv.reader(text, delimiter=separator), [])
    repeated = [name for name, number in Counter(header).items() if number > 1]
    if repeated:
        raise TableError(f"{path}:1: two columns are called {repeated[0]!r}; rename or remove one")
    if len(header) > 1 and all(_is_number(name) for name in header):
        raise TableError(f"{path}:1: the first line must name the columns, but it holds numbers: add a line of names")
    if len(header) == 1 and (other := next((each for each in _SEPARATORS if each in header[0]), None)):
        how = "end its name in .tsv" if other == "\t" else "write the file anew with commas"
        raise TableError(f"{path}:1: the columns are separated by {other!r}, not by {separator!r}: {how}")
    frame = pl.scan_csv(path, separator=separator, infer_schema=False, null_values=MISSING_WORDS)
    return frame.with_row_index(LINE, offset=2)


def _separator(path: Path) -> str:
    return "\t" if ".tsv" in path.name.lower() else ","


def trouble(raw: Raw, error: Exception) -> TableError:
    """Return what is wrong with files whose rows cannot be read, with the line where that can be told."""
    if raw.text and not raw.marked:
        for name in raw.files:
            if why := _wrong_line(Path(name)):
                return TableError(why)
    return TableError(f"{', '.join(raw.files)}: cannot be read ({_in_one_line(error)})")


def _wrong_line(path: Path) -> str | None:
    """Return what is wrong with the first line of a CSV file that does not fit to its header, None if all do."""
    start = 1
    try:
        for start, values, width in _widths(path):
            if values > width:
                return f"{path}:{start}: {values} values, but the first line names {width}; mend or remove the line"
    except UnicodeDecodeError:
        return f"{path}: is not UTF-8 (after line {start}); {_AS_UTF8}"
    except csv.Error as error:
        return f"{path}: after line {start}: {error}; is there a quote that is never closed? Mend or remove the line"
    except (OSError, EOFError) as error:
        return f"{path}: cannot be read to its end ({_in_one_line(error)}); copy it anew"
    return None


def short_line(raw: Raw) -> str | None:
    """Return which line of CSV files is the first that ends before the last column, None if there is none."""
    for name in raw.files:
        for line, values, width in _widths(Path(name)):
            if values < width > 1:
                return f"{name}:{line}: {values} values where the first line names {width}: the others count as missing"
    return None


def _widths(path: Path) -> Iterator[tuple[int, int, int]]:
    """Yield for every row of a CSV file the line where it begins, how many values it has, and how many are due."""
    with _opened(path) as binary, io.TextIOWrapper(binary, encoding="utf-8-sig", newline="") as text:
        rows = csv.reader(text, delimiter=_separator(path), strict=True)
        width = len(next(rows))
        start = rows.line_num + 1
        for row in rows:
            yield start, len(row), width
            start = rows.line_num + 1


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _json_lines(path: Path, scratch: Path) -> pl.LazyFrame:
    """Return the lines of a file as text, written into ``scratch`` piece by piece."""
    pieces = 0
    columns: dict[str, None] = {LINE: None}
    for rows in _rows_of_lines(path):
        columns.update(dict.fromkeys(key for row in rows for key in row))
        schema = {name: pl.UInt32 if name == LINE else pl.String for name in columns}
        pl.DataFrame(rows, schema=schema).write_parquet(scratch / f"{pieces:06}.parquet")
        pieces += 1
    if not pieces:
        raise TableError(f"{path}: holds no line with a prediction; leave it out")
    return pl.concat([pl.scan_parquet(each) for each in sorted(scratch.iterdir())], how="diagonal")


def _rows_of_lines(path: Path) -> Iterator[list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    with _opened(path) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                held = decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise TableError(f"{path}:{number}: is no JSON object ({error}); mend or remove the line") from None
            if held.get("type") in _OTHER_RECORDS and "features" not in held:
                continue
            nested = held.pop("features", None)
            row: dict[str, Any] = {key: _text(value) for key, value in held.items()}
            if isinstance(nested, dict):
                row.update((key, _text(value)) for key, value in nested.items())
            elif nested is not None:
                row["features"] = _text(nested)
            row[LINE] = number
            rows.append(row)
            if len(rows) == _AT_ONCE:
                yield rows
                rows = []
    if rows:
        yield rows


def _text(value: Any) -> str | None:
    """Return a JSON value as text that still tells a number from text."""
    if value is None:
        return None
    if isinstance(value, str):
        return TEXT_MARK + value if value[:1] in _NUMBER_BEGINS else value
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, int | float) else NO_VALUE


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _digest(files: Sequence[Path]) -> str:
    """Return the SHA-256 of a file, as `sha256sum` does; of several, that of all of theirs behind each other."""
    digests = []
    for path in files:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256"))
    return (
        digests[0].hexdigest()
        if len(digests) == 1
        else hashlib.sha256(b"".join(d.digest() for d in digests)).hexdigest()
    )


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
