"""Small drawings: text in, SVG out. No script, no style of their own; colours come from the page's classes."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from aiwatch.report.document import Distribution
from aiwatch.report.numbers import percent, short

WIDTH, HEIGHT = 560, 170
_AXIS = 24  # pixels below the bars
_ROW = 22  # pixels of a category


def distribution(name: str, shown: Distribution) -> str:
    """Return then and now over each other."""
    return _numbers(name, shown) if shown.edges else _categories(name, shown)


def _numbers(name: str, shown: Distribution) -> str:
    """Return bars of the training period, and the outline of what is now."""
    count, ground = len(shown.was), HEIGHT - _AXIS
    top = max(*shown.was, *shown.now, 1e-9)
    step = WIDTH / count
    heights = [[share / top * (ground - 8) for share in shares] for shares in (shown.was, shown.now)]
    bars = "".join(
        f'<rect class="was" x="{place * step + 0.5:.1f}" y="{ground - height:.1f}" width="{step - 1:.1f}" '
        f'height="{height:.1f}"/>'
        for place, height in enumerate(heights[0])
    )
    points = [f"M0,{ground}"]
    for place, height in enumerate(heights[1]):
        points.append(f"V{ground - height:.1f}H{(place + 1) * step:.1f}")
    points.append(f"V{ground}")
    marks = "".join(
        f'<text class="mark" x="{place * step:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{short(edge)}</text>'
        for place, edge in enumerate(shown.edges, 1)
        if place % 5 == 1 or count <= 8
    )
    scale = " (logarithmic scale)" if shown.logarithmic else ""
    far = max(range(count), key=lambda place: abs(shown.now[place] - shown.was[place]))
    said = f"most changed {_range(shown, far)}: {percent(shown.now[far])}, was {percent(shown.was[far])}"
    body = f'{bars}<path class="now" d="{"".join(points)}"/><path class="axis" d="M0,{ground}H{WIDTH}"/>{marks}'
    return _drawing(HEIGHT, f"Distribution of {name}{scale}", said, body)


def _categories(name: str, shown: Distribution) -> str:
    """Return two bars for each category, one over the other."""
    left, height = 170, _ROW * len(shown.labels) + 4
    top = max(*shown.was, *shown.now, 1e-9)
    rows = []
    for place, (label, was, now) in enumerate(zip(shown.labels, shown.was, shown.now, strict=True)):
        y, room = place * _ROW + 3, WIDTH - left - 110
        cut = label if len(label) <= 24 else f"{label[:23]}…"
        rows.append(
            f'<text class="label" x="{left - 8}" y="{y + 13}" text-anchor="end">{escape(cut)}</text>'
            f'<rect class="was" x="{left}" y="{y}" width="{was / top * room:.1f}" height="8"/>'
            f'<rect class="bar" x="{left}" y="{y + 9}" width="{now / top * room:.1f}" height="8"/>'
            f'<text class="mark" x="{left + max(was, now) / top * room + 8:.1f}" y="{y + 13}">'
            f"{percent(now)}, was {percent(was)}</text>"
        )
    return _drawing(height, f"Shares of {name}", "", "".join(rows))


def course(name: str, values: Sequence[float], begun: int | None) -> str:
    """Return a line over time, with a mark where the change began."""
    height, top = 56, max(*values, 0.3)
    step = WIDTH / max(1, len(values) - 1)
    points = " ".join(
        f"{place * step:.1f},{height - 6 - value / top * (height - 12):.1f}" for place, value in enumerate(values)
    )
    mark = "" if begun is None else f'<path class="begun" d="M{begun * step:.1f},0V{height}"/>'
    said = f"from {values[0]:.2f} to {values[-1]:.2f} standard deviations"
    body = f'{mark}<polyline class="line" points="{points}"/><path class="axis" d="M0,{height - 6}H{WIDTH}"/>'
    return _drawing(height, f"Course of {name}", said, body)


def heatmap(rows: Sequence[tuple[str, Sequence[float]]]) -> str:
    """Return how far each feature moved in each window, the darker the farther."""
    left, size = 170, 16
    columns = max(len(values) for _, values in rows)
    step = (WIDTH - left) / max(columns, 1)
    cells = "".join(
        f'<text class="label" x="{left - 8}" y="{place * size + 12}" text-anchor="end">{escape(name[:24])}</text>'
        + "".join(
            f'<rect class="heat" x="{left + at * step:.1f}" y="{place * size + 1}" width="{step + 0.3:.1f}" '
            f'height="{size - 2}" fill-opacity="{min(1.0, value):.2f}"/>'
            for at, value in enumerate(values)
            if value > 0.02
        )
        for place, (name, values) in enumerate(rows)
    )
    return _drawing(size * len(rows) + 2, "How far features moved, by time", "", cells)


def meter(share: float, what: str) -> str:
    """Return a bar that is filled by a share."""
    track = '<rect class="track" width="100" height="8"/>'
    filled = f'<rect class="bar" width="{100 * min(1.0, share):.0f}" height="8"/>'
    said = escape(what)
    size = 'viewBox="0 0 100 8" preserveAspectRatio="none"'
    return f'<svg class="meter" {size} role="img" aria-label="{said}">{track}{filled}</svg>'


def _range(shown: Distribution, place: int) -> str:
    if place == 0:
        return f"up to {short(shown.edges[0])}"
    if place == len(shown.edges):
        return f"above {short(shown.edges[-1])}"
    return f"between {short(shown.edges[place - 1])} and {short(shown.edges[place])}"


def _drawing(height: int, title: str, description: str, body: str) -> str:
    said = escape(f"{title}: {description}" if description else title)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{said}">{body}</svg>'
