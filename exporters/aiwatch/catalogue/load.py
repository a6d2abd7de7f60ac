"""Read the catalogue from its folder; either all of it is right, or every mistake is told with its place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from pydantic import BaseModel, ValidationError

from aiwatch.catalogue import translate
from aiwatch.catalogue.baselines import read_baselines
from aiwatch.catalogue.checks.framework import check_framework
from aiwatch.catalogue.checks.logs import IGNORE
from aiwatch.catalogue.checks.neighbours import check_neighbours
from aiwatch.catalogue.checks.process import check_process
from aiwatch.catalogue.model import Catalogue, Framework, Process, ProcessFile, build_process
from aiwatch.catalogue.problems import CatalogueError, Problem
from aiwatch.catalogue.yaml_places import Document, parse
from aiwatch.hints import did_you_mean
from aiwatch.kinds import KINDS, kind_named
from aiwatch.kinds.base import Kind
from aiwatch.profiles.baseline import Baseline

__all__ = ["CatalogueError", "Problem", "load_catalogue"]

FRAMEWORK_FILE = "framework.yml"
PROCESSES_FOLDER = "processes"


def load_catalogue(folder: Path, without_baseline: str = "") -> Catalogue:
    """Return the catalogue in ``folder``: ``framework.yml`` and ``baselines/*.json``, which may be missing, and
    ``processes/*.yml``.

    :param without_baseline: the process whose baseline is not looked at, for it is about to be made.

    Raises:
        CatalogueError: something is wrong with it; the error holds every problem of every file.
    """
    if not folder.is_dir():
        hint = "name the folder of the catalogue"
        raise CatalogueError([Problem(folder.as_posix(), 0, "", "there is no such folder", hint)])
    problems = _misplaced_files(folder)
    framework_path = folder / FRAMEWORK_FILE
    framework = _read(framework_path) if framework_path.exists() else Document(framework_path.as_posix(), {})
    if framework.data is None and not framework.problems:
        framework.data = {}  # a file of comments alone says as much as no file
    documents = [_read(path) for path in _process_files(folder)]
    if not documents:
        hint = "describe one in <name>.yml, with name, title, kind, business_unit and owner"
        problems.append(Problem((folder / PROCESSES_FOLDER).as_posix(), 0, "", "there is no process", hint))
    for document in documents:
        _check_process(document)
    check_neighbours(documents)
    if _is_mapping(framework):
        _validate(framework, Framework, framework.data)
        check_framework(framework, documents)
    problems += [problem for document in (framework, *documents) for problem in document.problems]
    baselines = read_baselines(folder, documents, without_baseline, problems)
    if problems:
        raise CatalogueError(problems)
    processes = sorted((_build(document, baselines) for document in documents), key=lambda process: process.name)
    return Catalogue(Framework.model_validate(framework.data), tuple(processes))


def _process_files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / PROCESSES_FOLDER).glob("*.yml") if not path.name.startswith("."))


def _misplaced_files(folder: Path) -> list[Problem]:
    """Return a problem for every YAML file that would not be read, so that none is passed over in silence."""
    read = {folder / FRAMEWORK_FILE, *_process_files(folder)}
    problems = []
    for path in sorted(path for suffix in ("yml", "yaml") for path in folder.rglob(f"*.{suffix}")):
        if path in read or any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        is_framework = path.stem == "framework"
        wanted = folder / FRAMEWORK_FILE if is_framework else folder / PROCESSES_FOLDER / f"{path.stem}.yml"
        problems.append(Problem(path.as_posix(), 0, "", "is not read", f"rename it to {wanted.as_posix()}"))
    return problems


def _read(path: Path) -> Document:
    file = path.as_posix()
    try:
        return parse(path.read_bytes(), file)
    except OSError as error:
        return Document(file, problems=[Problem(file, 0, "", f"cannot be read: {error.strerror}")])


def _is_mapping(document: Document) -> bool:
    """Tell whether the file has keys at its top; where it has not, a problem says so."""
    if isinstance(document.data, dict):
        return True
    if not document.problems:
        if document.data is None:
            hint = "a process needs name, title, kind, business_unit and owner"
            document.complain((), "the file is empty", hint)
        else:
            document.complain((), "a mapping is expected at the top of the file", "write `key: value` lines")
    return False


def _check_process(document: Document) -> None:
    if not _is_mapping(document):
        return
    kind = _kind(document)
    _fill_in(document, kind)
    if kind is None:
        special = {key for each in KINDS for key in each.options.model_fields}
        general = {key: value for key, value in document.data.items() if key not in special}
        _validate(document, ProcessFile, general)
        return
    special = set(kind.options.model_fields)
    general = {key: value for key, value in document.data.items() if key not in special}
    _validate(document, ProcessFile, general, kind)
    options = {key: value for key, value in document.data.items() if key in special}
    _validate(document, kind.options, options, kind)
    check_process(document, kind)


def _kind(document: Document) -> Kind | None:
    written = document.data.get("kind")
    known = [kind.name for kind in KINDS]
    if written in known:
        return kind_named(written)
    if isinstance(written, str):
        document.complain(("kind",), f"there is no kind {written!r}", did_you_mean(written, known))
    return None


def _fill_in(document: Document, kind: Kind | None) -> None:
    """Write out what a log may leave out: its record, how native lines name theirs, and ``{field: key}``."""
    for log in _logs(document):
        native = _is_native(log)
        if "record" not in log:
            log["record"] = kind.records[0].name if kind else IGNORE
        elif native and log["record"] != IGNORE:
            log["when"] = {"type": log["record"]}
        fields = log.get("fields")
        if isinstance(fields, dict):
            log["fields"] = {
                name: source if isinstance(source, dict) else {"field": source} for name, source in fields.items()
            }


def _logs(document: Document) -> list[dict[str, Any]]:
    logs = document.data.get("logs")
    return [log for log in logs if isinstance(log, dict)] if isinstance(logs, list) else []


def _is_native(log: dict[str, Any]) -> bool:
    """Tell whether lines are read as `aiwatch.instrument` writes them: each names its record as ``type``."""
    return log.get("fields") is None and not log.get("when")


def _validate(document: Document, model: type[BaseModel], data: dict[str, Any], kind: Kind | None = None) -> None:
    """Validate strictly, as JSON: a quoted number, or `yes` for 1, is a mistake and not converted."""
    try:
        model.model_validate_json(msgspec.json.encode(data), strict=True)
    except ValidationError as error:
        models: list[type[BaseModel]] = [model] if kind is None else [ProcessFile, kind.options]
        others = {each.name: each.options for each in KINDS if kind is not None and each is not kind}
        translate.note(document, error, models, others)


def _build(document: Document, baselines: Mapping[str, Baseline]) -> Process:
    """Build a process from a file without problems; a log that names only its files is one per record."""
    kind = kind_named(document.data["kind"])
    logs: list[dict[str, Any]] = []
    for log in _logs(document):
        if _is_native(log):
            names = [record.name for record in kind.records]
            logs.extend({**log, "record": name, "when": {"type": name}} for name in names)
        else:
            logs.append(log)
    return build_process({**document.data, "logs": logs}, baselines.get(document.data["name"]))
