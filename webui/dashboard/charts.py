"""Charts as SVG, without a library and without a script.

Colours are classes of the style sheet, so that they fit the admin's themes. Each chart has a
description for those who do not see it, and the page has its figures as a table.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH, HEIGHT = 480, 180
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 12, 24  # margins, with room for the labels of the axes
MOST_LABELS = 8  # under the horizontal axis, so that they do not touch


@dataclass(frozen=True, kw_only=True)
class Column:
    """A value over a place of the horizontal axis."""

    label: str
    value: float
    text: str = ""  # what a pointer over it says


@dataclass(frozen=True, kw_only=True)
class Line:
    """A series of values, one for each place; its name is in the legend of the page."""

    name: str
    values: Sequence[float | None]  # None interrupts it


def bar_chart(columns: Sequence[Column], *, description: str) -> SafeString:
    """Returns columns from zero to their values."""
    top = _ceiling(max((column.value for column in columns), default=0))
    step = _step(len(columns))
    bars = format_html_join(
        "",
        '<rect class="chart-bar" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        (
            (
                _n(LEFT + place * step + step * 0.1),
                _n(_y(column.value, top)),
                _n(step * 0.8),
                _n(_y(0, top) - _y(column.value, top)),
                column.text or f"{column.label}: {column.value:g}",
            )
            for place, column in enumerate(columns)
        ),
    )
    labels = [column.label for column in columns]
    return _chart(_axes(labels, top) + bars, description)


def line_chart(
    labels: Sequence[str], lines: Sequence[Line], *, description: str, unit: str = ""
) -> SafeString:
    """Returns lines over the same places, on one axis from zero."""
    known = [value for line in lines for value in line.values if value is not None]
    top = _ceiling(max(known, default=0))
    step = _step(len(labels))
    drawn = []
    for number, line in enumerate(lines, start=1):
        for part in _parts(line.values):
            points = " ".join(
                f"{_n(LEFT + (place + 0.5) * step)},{_n(_y(value, top))}" for place, value in part
            )
            drawn.append((number, points if len(part) > 1 else f"{points} {points}"))
    paths = format_html_join("", '<polyline class="chart-line chart-line-{}" points="{}"/>', drawn)
    return _chart(_axes(labels, top, unit) + paths, description)


def _parts(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """Returns the runs of values between the gaps, with their places."""
    parts: list[list[tuple[int, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            parts.append([])
        else:
            parts[-1].append((place, value))
    return [part for part in parts if part]


def _chart(content: SafeString, description: str) -> SafeString:
    return format_html(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
        WIDTH,
        HEIGHT,
        description,
        content,
    )


def _axes(labels: Sequence[str], top: float, unit: str = "") -> SafeString:
    ticks = format_html_join(
        "",
        '<line class="chart-grid" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<text class="chart-text" x="{}" y="{}" text-anchor="end">{}</text>',
        (
            (
                LEFT,
                WIDTH - RIGHT,
                _n(_y(value, top)),
                _n(_y(value, top)),
                LEFT - 6,
                _n(_y(value, top) + 4),
                f"{value:g}{unit}",
            )
            for value in (0, top / 2, top)
        ),
    )
    step = _step(len(labels))
    every = -(-len(labels) // MOST_LABELS) or 1
    names = format_html_join(
        "",
        '<text class="chart-text" x="{}" y="{}" text-anchor="middle">{}</text>',
        (
            (_n(LEFT + (place + 0.5) * step), HEIGHT - 6, label)
            for place, label in enumerate(labels)
            if place % every == 0
        ),
    )
    return ticks + names


def _step(places: int) -> float:
    return (WIDTH - LEFT - RIGHT) / max(places, 1)


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top


def _n(value: float) -> str:
    return f"{value:.1f}"


def _ceiling(value: float) -> float:
    """Returns the end of an axis: 1, 2 or 5 times a power of ten, no less than the value."""
    power = 1.0
    while power < value:
        power *= 10
    while power > 1 and power / 10 >= value:
        power /= 10
    return next((power * part for part in (0.2, 0.5) if power > 1 and power * part >= value), power)
