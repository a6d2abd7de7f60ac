"""Evidently's own report of the same rows, for those who are used to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from aiwatch.profiles.tables.columns import Type


def write_evidently(reference: pl.DataFrame, current: pl.DataFrame, types: Mapping[str, Type], path: Path) -> None:
    """Write what Evidently's preset for data drift says of two tables, with its own defaults.

    Args:
        reference: rows of the training period.
        current: the rows compared with it.
        types: the columns that are looked at.
        path: the HTML file to write.

    Raises:
        ImportError: Evidently is not installed.
    """
    import pandas
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    definition = DataDefinition(
        numerical_columns=[name for name, type_ in types.items() if type_ == "numeric"],
        categorical_columns=[name for name, type_ in types.items() if type_ == "categorical"],
    )
    frames = [pandas.DataFrame({name: each[name].to_list() for name in types}) for each in (current, reference)]
    now, then = (Dataset.from_pandas(each, definition) for each in frames)
    Report([DataDriftPreset()]).run(now, then).save_html(str(path))
