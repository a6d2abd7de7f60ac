"""Panels that show rows: documents from Elasticsearch, and labels and values from Prometheus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from grafana_foundation_sdk.builders import common as options
from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models import table as table_models

from aiwatch.provision.grafana_panels.datasources import DataSource
from aiwatch.provision.grafana_panels.face import Face, Step, dress, override, thresholds
from aiwatch.provision.grafana_panels.queries import Query, documents


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        name: what the answer calls it.
        title: what people read.
        width: in pixels, or what is left.
        unit: as Grafana calls it.
        steps: thresholds that colour the text.
        long: text that may need several lines and a look at the whole.
        hidden: not shown, but links of other columns use it.
        link: where a click leads, and what that is called.
        colours: value to colour, for a few known values.
        decimals: digits after the point.
    """

    name: str
    title: str
    width: int | None = None
    unit: str = ""
    steps: tuple[Step, ...] = ()
    long: bool = False
    hidden: bool = False
    link: tuple[str, str] | None = None
    colours: Mapping[str, str] = field(default_factory=dict)
    decimals: int | None = None


def rows_of(
    face: Face,
    queries: Sequence[Query],
    columns: Sequence[Column],
    *,
    sort: tuple[str, bool] | None = None,
    join: str = "",
    most: int = 0,
) -> dashboard.Panel:
    """Show a table with just these columns in this order.

    Args:
        face: how the panel presents itself.
        queries: what gives the rows.
        columns: the fields to show.
        sort: title of the column to sort by, and whether descending.
        join: the field that joins the rows of several queries.
        most: keep this many rows after sorting; 0 keeps all.
    """
    builder = table.Panel().show_header(True).cell_height(common.TableCellHeight.SM).filterable(True)
    if sort:
        builder.sort_by([options.TableSortByFieldState().display_name(sort[0]).desc(sort[1])])
    panel = builder.build()
    assert isinstance(panel.options, table_models.Options)  # the builder made it
    panel.options.footer = None  # gone since Grafana 12.2
    panel = dress(panel, face, queries)
    steps = []
    if join:
        steps.append(_step("joinByField", {"byField": join, "mode": "outer"}))
    steps.append(_step("filterFieldsByName", {"include": {"names": [column.name for column in columns]}}))
    steps.append(
        _step(
            "organize",
            {
                "excludeByName": {},
                "indexByName": {column.name: place for place, column in enumerate(columns)},
                "renameByName": {column.name: column.title for column in columns if column.name != column.title},
            },
        )
    )
    if sort and most:
        steps.append(_step("sortBy", {"fields": {}, "sort": [{"field": sort[0], "desc": sort[1]}]}))
        steps.append(_step("limit", {"limitField": most}))
    panel.transformations = steps
    assert panel.field_config is not None  # `dress` sets it
    panel.field_config.overrides = [
        override(column.title, properties) for column in columns if (properties := _properties(column))
    ]
    return panel


def newest(face: Face, source: DataSource, lucene: str, columns: Sequence[Column]) -> dashboard.Panel:
    """Show the newest 100 documents that a Lucene query finds; a column is called `Time`."""
    return rows_of(face, [documents(source, lucene, 100)], columns, sort=("Time", True))


def _step(name: str, settings: dict[str, object]) -> dashboard.DataTransformerConfig:
    return dashboard.DataTransformerConfig(id_val=name, options=settings)


def _properties(column: Column) -> dict[str, object]:
    found: dict[str, object] = {}
    if column.hidden:
        return {"custom.hideFrom": {"viz": True, "legend": False, "tooltip": False}}
    if column.width:
        found["custom.width"] = column.width
    if column.unit:
        found["unit"] = column.unit
    if column.decimals is not None:
        found["decimals"] = column.decimals
    if column.steps:
        found["thresholds"] = thresholds(column.steps)
        found["custom.cellOptions"] = {"type": "color-text"}
    if column.long:
        found["custom.wrapText"] = True
        found["custom.inspect"] = True
    if column.colours:
        known = {
            value: {"color": colour, "index": place} for place, (value, colour) in enumerate(column.colours.items())
        }
        found["mappings"] = [{"type": "value", "options": known}]
        found["custom.cellOptions"] = {"type": "color-text"}
    if column.link:
        found["links"] = [{"title": column.link[1], "url": column.link[0]}]
    return found
