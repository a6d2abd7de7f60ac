"""A whole page: what surrounds the panels, where they stand, and the JSON that Grafana reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

from aiwatch.catalogue.model import Catalogue, Process
from aiwatch.provision.grafana_panels.datasources import PROMETHEUS, DataSource
from aiwatch.provision.grafana_panels.queries import over_time
from aiwatch.provision.uids import OVERVIEW_UID

FOLDER = "grafana/generated/dashboards"
TAG = "aiwatch"
GRID_WIDTH = 24


@dataclass(frozen=True, slots=True)
class Cell:
    """A panel and its size: ``width`` in 24ths of the page, ``height`` in grid rows of about 30 pixels."""

    panel: dashboard.Panel
    width: int
    height: int = 8


@dataclass(frozen=True, slots=True)
class Section:
    """Panels under one heading, placed from left to right and line by line; without a title, no heading."""

    title: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A dashboard before it is laid out.

    Attributes:
        uid: stable identifier, part of the address.
        title: as the list of dashboards shows it.
        description: what one finds there.
        tags: besides `aiwatch`.
        period: the time range that it opens with, such as `24h`.
        sources: the data sources that its panels ask.
        variables: what people can narrow the page down by.
        alerts: the series of `ALERTS` that are marked across its charts.
        links: title and address of pages beside it.
        sections: its content.
    """

    uid: str
    title: str
    description: str
    tags: tuple[str, ...]
    period: str
    sources: tuple[DataSource, ...]
    variables: tuple[dashboard.VariableModel, ...]
    alerts: str
    links: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]


def choice(name: str, label: str, description: str, metric: str) -> dashboard.VariableModel:
    """Return a variable that offers the values of the label ``name`` of ``metric``, all of them at first."""
    query = f"label_values({metric}, {name})"
    builder = builders.QueryVariable(name).label(label).description(description).datasource(PROMETHEUS.reference)
    builder.query({"qryType": 1, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"})
    builder.multi(True).include_all(True).all_value(".*")
    builder.current(dashboard.VariableOption(selected=True, text=["All"], value=["$__all"]))
    refresh, sort = dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED, dashboard.VariableSort.ALPHABETICAL_ASC
    return builder.refresh(refresh).sort(sort).build()


def neighbours(catalogue: Catalogue) -> tuple[tuple[str, str], ...]:
    """Return the pages that every page links to besides the other dashboards."""
    return (("Inbox of alerts", catalogue.framework.endpoints.inbox),)


def process_tags(process: Process) -> tuple[str, ...]:
    """Return the tags of a process's page: its kind and its business unit."""
    return (process.kind.name, process.file.business_unit)


def render(page: Page) -> Mapping[str, str]:
    """Return the page as a file for Grafana's provisioning: its path and its JSON."""
    builder = (
        builders.Dashboard(page.title)
        .uid(page.uid)
        .description(page.description)
        .tags([TAG, *page.tags])
        .time(f"now-{page.period}", "now")
        .timezone("browser")
        .refresh("30s")
        .readonly()
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
    )
    model = builder.build()
    model.templating = dashboard.DashboardDashboardTemplating(
        list_val=[*(source.variable() for source in page.sources), *page.variables]
    )
    model.links = list(_links(page))
    model.annotations = dashboard.AnnotationContainer(list_val=[_alerts(page.alerts)])
    model.panels = list(_place(page.sections))
    text = json.dumps(_tidy(json.loads(JSONEncoder().encode(model))), indent=2, sort_keys=True, ensure_ascii=False)
    return {f"{FOLDER}/{page.uid}.json": text + "\n"}


def _place(sections: Sequence[Section]) -> Iterator[dashboard.Panel | dashboard.RowPanel]:
    """Give every panel its number, its place, and its queries their letters."""
    number, top = 0, 0
    for section in sections:
        if section.title:
            number += 1
            place = dashboard.GridPos(x=0, y=top, w=GRID_WIDTH, h=1)
            yield dashboard.RowPanel(title=section.title, id_val=number, grid_pos=place)
            top += 1
        left, line = 0, 0
        for cell in section.cells:
            if left + cell.width > GRID_WIDTH:
                left, top, line = 0, top + line, 0
            number += 1
            cell.panel.id_val = number
            cell.panel.grid_pos = dashboard.GridPos(x=left, y=top, w=cell.width, h=cell.height)
            for index, target in enumerate(cell.panel.targets or []):
                target.ref_id = chr(ord("A") + index)  # type: ignore[attr-defined]  # both kinds of query have it
            yield cell.panel
            left, line = left + cell.width, max(line, cell.height)
        top += line


def _links(page: Page) -> Iterator[dashboard.DashboardLink]:
    if page.uid != OVERVIEW_UID:
        overview = builders.DashboardLink("Overview").type(dashboard.DashboardLinkType.LINK)
        yield overview.url(f"/d/{OVERVIEW_UID}").icon("dashboard").keep_time(True).build()
    pages = builders.DashboardLink("Processes").type(dashboard.DashboardLinkType.DASHBOARDS).tags([TAG])
    yield pages.as_dropdown(True).keep_time(True).icon("dashboard").build()
    for title, url in page.links:
        link = builders.DashboardLink(title).type(dashboard.DashboardLinkType.LINK).url(url)
        yield link.icon("bolt").target_blank(True).build()


def _alerts(series: str) -> dashboard.AnnotationQuery:
    target = over_time(series, "")
    target.ref_id, target.interval = "Anno", "60s"
    return dashboard.AnnotationQuery(
        name="Alerts",
        datasource=PROMETHEUS.reference,
        enable=True,
        icon_color="red",
        target=target,
        title_format="{{alertname}}",
        text_format="{{severity}} {{process}}",
        tag_keys="severity",
        use_value_for_time=False,
    )


def _tidy(page: dict[str, Any]) -> dict[str, Any]:
    """Take out what the SDK adds where it does not belong: places of links, settings of intervals."""
    for item in [*page["links"], *page["annotations"]["list"]]:
        del item["placement"]
    for variable in page["templating"]["list"]:
        for key in ("auto", "auto_min", "auto_count"):
            del variable[key]
    return page
