"""The baselines of a catalogue: each must be sound, and belong to a process as it is described now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiwatch import names
from aiwatch.catalogue.problems import Problem
from aiwatch.catalogue.yaml_places import Document
from aiwatch.profiles.baseline import FOLDER, Baseline, BaselineError, misfits, read_baseline

_PREDICTIONS = {"classifier": names.SCORE, "regressor": names.VALUE}


def read_baselines(
    folder: Path, documents: Sequence[Document], but: str, problems: list[Problem]
) -> dict[str, Baseline]:
    """Return the baselines by process, without that of ``but``; what is wrong with them is added to ``problems``."""
    described = {str(document.data.get("name")): document.data for document in documents if _has_keys(document)}
    found: dict[str, Baseline] = {}
    for path in sorted((folder / FOLDER).glob("*.json")):
        name = path.stem
        if name == but or name.startswith("."):
            continue
        try:
            found[name] = read_baseline(path)
        except BaselineError as error:
            problems.append(Problem(error.file, 0, "", error.what, error.hint))
            continue
        for what in _misfits(found[name], name, described):
            hint = f"make it again (aiwatch baseline {name} --from FILE...), or remove it"
            problems.append(Problem(path.as_posix(), 0, "", what, hint))
    return found


def _misfits(baseline: Baseline, name: str, described: dict[str, dict[str, Any]]) -> list[str]:
    if name not in described:
        return [f"there is no process {name!r}"]
    kind = described[name].get("kind")
    if kind not in _PREDICTIONS:
        return [f"a process of kind {kind!r} has no baseline"]
    features = described[name].get("features")
    types = {
        feature: str(held.get("type"))
        for feature, held in (features.items() if isinstance(features, dict) else ())
        if isinstance(held, dict)
    }
    return list(misfits(baseline, name, _PREDICTIONS[kind], types))


def _has_keys(document: Document) -> bool:
    return isinstance(document.data, dict)
