"""The gate: refuses a challenger that is worse than the champion, before it is published.

    python -m training.gate --challenger var/exports/3             # against the stable version
    python -m training.gate --challenger 3 --champion 2            # two versions of --models
    python -m training.gate --challenger 3 --snapshot var/snapshots/a

Both read the same frozen tests (docs/evaluation.md#the-gate). The table and the verdict go into the
challenger's model card, where `manage.py models publish` looks for them. The exit status is 0 if
the challenger may follow, 1 if not, with the lines that block it, and 2 if a version or the data
cannot be read.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from serving.labels import STABLE
from serving.models_config import CONFIG_NAME, ConfigError, labelled_version
from serving.versions.bundled import BUNDLED_CONFIG
from serving.versions.card import CardError, checksums_of, read_card, record_verdict
from serving.versions.gate_verdict import GateLine, GateVerdict, files_digest
from training.data.mnist import MnistError
from training.data.snapshot import SnapshotError
from training.evaluation import candidates, comparison, frozen_tests
from training.parent import models_directory
from training.paths import DATA, MODELS


class GateError(ValueError):
    """A version cannot be found; the message says what would be right."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--challenger", required=True, help="a version of --models, or a SavedModel directory"
    )
    parser.add_argument("--champion", help="likewise; by default the version that is stable")
    parser.add_argument(
        "--models",
        type=Path,
        default=models_directory() / MODELS.name,
        help="folder of version directories (default: make run's, else the bundled ones)",
    )
    parser.add_argument("--data", type=Path, default=DATA, help="mnist/, pen-strokes/ and others")
    parser.add_argument("--snapshot", type=Path, help="adds the test part of a data set snapshot")
    parser.add_argument(
        "--quick", action="store_true", help="a part of the data, no timing; nothing is recorded"
    )
    options = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        challenger = version_dir(options.challenger, options.models)
        champion = (
            version_dir(options.champion, options.models)
            if options.champion
            else stable_dir(options.models)
        )
        verdict = decide(
            champion=champion,
            challenger=challenger,
            data=options.data if options.data.is_dir() else None,
            snapshot=options.snapshot,
            quick=options.quick,
        )
        if not options.quick:
            record_verdict(challenger, verdict)
    except (GateError, CardError, MnistError, SnapshotError, OSError) as error:
        print(f"gate: {error}", file=sys.stderr)
        return 2
    print(table(verdict.lines))
    print("\n".join(summary(verdict, challenger)))
    return 0 if verdict.passed else 1


def decide(
    *,
    champion: Path,
    challenger: Path,
    data: Path | None,
    snapshot: Path | None = None,
    quick: bool = False,
) -> GateVerdict:
    """Compare two version directories; nothing is written.

    Args:
        data: the data folder; None if there is none.
        snapshot: a data set snapshot, whose test part is one of the tests.
        quick: compare on a part of the data, and not the speed.

    Raises:
        OSError, CardError: a version is missing or differs from its card.
        MnistError, SnapshotError: of the data.
    """
    tests = frozen_tests.load(data, snapshot=snapshot, quick=quick)
    lines = comparison.compare(
        candidates.load_directory(champion), candidates.load_directory(challenger), tests
    )
    if not quick:
        lines += comparison.compare_speed(champion, challenger)
    return GateVerdict(
        passed=not any(line.blocks for line in lines),
        decided_at=datetime.now(UTC).isoformat(timespec="seconds"),
        champion_version=read_card(champion).version,
        champion_files=files_digest(checksums_of(champion)),
        challenger_files=files_digest(checksums_of(challenger)),
        rule=comparison.RULE,
        tests=frozen_tests.checksum(tests),
        snapshot=tests.snapshot,
        lines=tuple(lines),
        left_out=tuple(tests.left_out),
    )


def version_dir(named: str, models: Path) -> Path:
    """Return the directory of a version's number in `models`, or of a path.

    Raises:
        GateError: there is no such directory.
    """
    directory = models / named if named.isascii() and named.isdecimal() else Path(named)
    if not directory.is_dir():
        raise GateError(
            f"{directory} is no directory; name a version of {models} by its number, or the "
            "SavedModel directory of an export"
        )
    return directory


def stable_dir(models: Path) -> Path:
    """Return the directory of the version that `models.config` labels stable.

    Raises:
        GateError: there is none.
    """
    config = models.parent / CONFIG_NAME
    if models.resolve() == MODELS.resolve():
        config = BUNDLED_CONFIG
    try:
        stable = labelled_version(config, models.name, STABLE)
    except ConfigError as error:
        raise GateError(f"{error}, or name the version in use by --champion") from error
    return version_dir(str(stable), models)


def table(lines: Sequence[GateLine]) -> str:
    """Return the lines as a table for a terminal."""
    rows = [
        ("test", "measure", "drawings", "writers", "champion", "challenger", "p", "corrected", "")
    ]
    for line in lines:
        rows.append(
            (
                line.test,
                line.measure,
                str(line.drawings or ""),
                str(line.writers or ""),
                f"{line.champion:.5g}",
                f"{line.challenger:.5g}",
                "" if line.p is None else f"{line.p:.3g}",
                "" if line.adjusted_p is None else f"{line.adjusted_p:.3g}",
                "BLOCKS" if line.blocks else "",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def summary(verdict: GateVerdict, challenger: Path) -> list[str]:
    """Return what the table means, a sentence a line."""
    said = [f"left out, because the data are missing: {', '.join(verdict.left_out)}"]
    if not verdict.left_out:
        said = []
    if verdict.passed:
        return [*said, f"{challenger} may follow version {verdict.champion_version}"]
    return [
        *said,
        f"{challenger} may not follow version {verdict.champion_version}:",
        *(f"- {line}" for line in verdict.blocking),
    ]


if __name__ == "__main__":
    sys.exit(main())
