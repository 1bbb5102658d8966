"""Tables of a benchmark: printed as Markdown, written as JSON, and one of them drawn."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from serving.atomic_files import write_text


@dataclass(frozen=True)
class Table:
    """One part of the result.

    Attributes:
        note: what the figures are, and what is compared with what.
        columns: their titles; the first is that of the rows' names.
    """

    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        lines = [
            f"## {self.title}",
            f"{self.note}\n",
            _line(self.columns),
            _line(["---", *["---:"] * (len(self.columns) - 1)]),
            *map(_line, self.rows),
        ]
        return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def from_markdown(title: str, note: str, text: str) -> Table:
    """Return the table that a benchmark of its own printed."""
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    return Table(title, note, rows[0], rows[2:])


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return the median, with the least and the greatest where they differ."""
    middle, least, most = (
        f"{value:.{digits}f}" for value in (statistics.median(values), min(values), max(values))
    )
    return middle if least == most else f"{middle} ({least} to {most})"


def write(tables: Sequence[Table], folder: Path, conditions: Mapping[str, object]) -> None:
    """Write results.json."""
    found = {
        "conditions": dict(conditions),
        "tables": [
            {"title": one.title, "note": one.note, "columns": one.columns, "rows": one.rows}
            for one in tables
        ],
    }
    write_text(folder / "results.json", json.dumps(found, indent=1) + "\n")


def draw(ratios: Mapping[str, Mapping[int, float]], peer: str, path: Path) -> None:
    """Draw requests a second by the number of clients, as multiples of a peer's."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3.2))
    width = 0.8 / len(ratios)
    for place, (name, by_clients) in enumerate(ratios.items()):
        at = [number + place * width for number in range(len(by_clients))]
        bars = axes.bar(at, list(by_clients.values()), width, label=name)
        axes.bar_label(bars, fmt="%.1f", fontsize=8)
    clients = next(iter(ratios.values()))
    middles = [number + 0.4 - width / 2 for number in range(len(clients))]
    axes.set_xticks(middles, [f"{count} client{'s' * (count > 1)}" for count in clients])
    axes.set_ylabel(f"requests a second,\n{peer} = 1")
    axes.legend(fontsize=8, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, bbox_inches="tight")
