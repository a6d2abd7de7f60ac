"""Panels that show numbers: single values, bars, lines over time, distributions."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import barchart, bargauge, heatmap, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders import common as options
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models import heatmap as heatmap_models

from aiwatch.provision.grafana_panels.face import Face, dress, override, override_all
from aiwatch.provision.grafana_panels.queries import Query

FINE, MEDIUM, COARSE = "2m", "10m", "1h"
"""The smallest steps of lines over time: for steady traffic, for averages, for rare events such as thumbs."""


def values(face: Face, *queries: Query, named: bool = False) -> dashboard.Panel:
    """Show one big number per query or series, coloured by the thresholds; ``named`` adds their names."""
    text = common.BigValueTextMode.VALUE_AND_NAME if named else common.BigValueTextMode.VALUE
    panel = (
        stat.Panel()
        .reduce_options(options.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False))
        .graph_mode(common.BigValueGraphMode.NONE)
        .color_mode(common.BigValueColorMode.VALUE)
        .text_mode(text)
    )
    return dress(panel.build(), face, queries)


def bars(face: Face, *queries: Query, upright: bool = False) -> dashboard.Panel:
    """Show one bar per series, in the order of the answer; ``upright`` ones suit histograms."""
    panel = (
        bargauge.Panel()
        .reduce_options(options.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False))
        .orientation(common.VizOrientation.VERTICAL if upright else common.VizOrientation.HORIZONTAL)
        .display_mode(common.BarGaugeDisplayMode.BASIC)
        .value_mode(common.BarGaugeValueMode.TEXT)
        .show_unfilled(False)
    )
    return dress(panel.build(), face, queries)


def lines(
    face: Face,
    *queries: Query,
    step: str = FINE,
    limits: bool = False,
    dashed: Sequence[str] = (),
    quiet_gaps: bool = False,
) -> dashboard.Panel:
    """Show lines over time.

    Args:
        face: how the panel presents itself.
        queries: each gives one or more lines.
        step: the smallest distance of two points.
        limits: draw the thresholds across the chart.
        dashed: names of lines (or /a pattern/) that are references, not measurements.
        quiet_gaps: connect points across gaps, where events are rare.
    """
    panel = _over_time(face, step, stacked=None).line_width(1).fill_opacity(8)
    panel.show_points(common.VisibilityMode.AUTO).insert_nulls(False)
    if limits:
        panel.thresholds_style(options.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED))
    built = dress(panel.build(), face, queries)
    assert built.field_config is not None  # `dress` sets it
    references = {
        "custom.lineStyle": {"fill": "dash", "dash": [8, 8]},
        "custom.fillOpacity": 0,
        "custom.showPoints": "never",
    }
    built.field_config.overrides.extend(override(name, references) for name in dashed)
    if quiet_gaps:
        built.field_config.overrides.append(override_all({"custom.spanNulls": True}))
    return built


def stacked(face: Face, *queries: Query, step: str = FINE) -> dashboard.Panel:
    """Show areas over time on top of each other."""
    panel = _over_time(face, step, stacked=common.StackingMode.NORMAL).line_width(1).fill_opacity(45)
    return dress(panel.show_points(common.VisibilityMode.NEVER).build(), face, queries)


def columns(face: Face, *queries: Query, step: str = COARSE) -> dashboard.Panel:
    """Show stacked columns over time: counts per step."""
    panel = _over_time(face, step, stacked=common.StackingMode.NORMAL)
    panel.draw_style(common.GraphDrawStyle.BARS).line_width(0).fill_opacity(80)
    return dress(panel.show_points(common.VisibilityMode.NEVER).build(), face, queries)


def distribution(face: Face, query: Query, step: str = MEDIUM, *, axis_unit: str) -> dashboard.Panel:
    """Show how a histogram moves over time: values upwards in ``axis_unit``, colour for how many."""
    panel = (
        heatmap.Panel()
        .interval(step)
        .calculate(False)
        .cell_gap(1)
        .color(
            heatmap.HeatmapColorOptions()
            .mode(heatmap_models.HeatmapColorMode.SCHEME)
            .scheme("Blues")
            .scale(heatmap_models.HeatmapColorScale.EXPONENTIAL)
            .exponent(0.5)
            .fill("dark-blue")
            .steps(64)
        )
        .y_axis(heatmap.YAxisConfig().unit(axis_unit).axis_placement(common.AxisPlacement.LEFT))
        .tooltip(heatmap.HeatmapTooltip().mode(common.TooltipDisplayMode.SINGLE).y_histogram(True))
        .cell_values(heatmap.CellValues().unit(face.unit))
        .show_legend()
    )
    return dress(panel.build(), face, [query])


def bands(face: Face, query: Query, step: str = MEDIUM) -> dashboard.Panel:
    """Show a band over time for every series, coloured by the thresholds."""
    panel = (
        statetimeline.Panel()
        .interval(step)
        .merge_values(True)
        .show_value(common.VisibilityMode.NEVER)
        .row_height(0.9)
        .line_width(0)
        .fill_opacity(85)
        .color_scheme(builders.FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
        .legend(_legend(()))
        .tooltip(options.VizTooltipOptions().mode(common.TooltipDisplayMode.SINGLE).sort(common.SortOrder.NONE))
    )
    return dress(panel.build(), face, [query])


def shares_by(face: Face, query: Query, row: str, column: str, names: dict[str, str]) -> dashboard.Panel:
    """Show, for each value of field ``row``, the shares of the values of ``column``; ``names`` renames those.

    The query counts documents by both fields.
    """
    panel = (
        barchart.Panel()
        .x_field(row)
        .orientation(common.VizOrientation.HORIZONTAL)
        .stacking(common.StackingMode.PERCENT)
        .show_value(common.VisibilityMode.NEVER)
        .bar_width(0.9)
        .fill_opacity(80)
        .legend(_legend(()))
        .tooltip(_tooltip())
    )
    built = dress(panel.build(), face, [query])
    built.transformations = [
        dashboard.DataTransformerConfig(
            id_val="groupingToMatrix",
            options={"columnField": column, "rowField": row, "valueField": "Count", "emptyValue": "zero"},
        ),
        dashboard.DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": {},
                "indexByName": {},
                "renameByName": {f"{row}\\{column}": row, **names},
            },
        ),
    ]
    return built


def _over_time(face: Face, step: str, stacked: common.StackingMode | None) -> timeseries.Panel:
    panel = timeseries.Panel().interval(step).legend(_legend(("mean", "max", "lastNotNull"))).tooltip(_tooltip())
    panel.color_scheme(_palette())
    if face.bounds[0] is None:
        panel.axis_soft_min(0)
    if stacked is not None:
        panel.stacking(options.StackingConfig().mode(stacked).group("A"))
    return panel


def _palette() -> builders.FieldColor:
    return builders.FieldColor().mode(dashboard.FieldColorModeId.PALETTE_CLASSIC)


def _legend(calculations: Sequence[str]) -> options.VizLegendOptions:
    mode = common.LegendDisplayMode.TABLE if calculations else common.LegendDisplayMode.LIST
    legend = options.VizLegendOptions().show_legend(True).display_mode(mode)
    return legend.placement(common.LegendPlacement.BOTTOM).calcs(list(calculations))


def _tooltip() -> options.VizTooltipOptions:
    return options.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)
