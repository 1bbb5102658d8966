"""`manage.py models`: list, publish, promote, canary, roll back and retire model versions."""

import getpass
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from serving.versions.manager import VersionChangeError
from webui.leases import LeaseLost
from webui.rollout import selectors, services


class Command(BaseCommand):
    help = "Lists, publishes, promotes, tries on some visitors, rolls back, retires model versions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        common = ArgumentParser(add_help=False)
        common.add_argument("--note", default="", help="reason, for the history")
        common.add_argument("--by", default="", help="operator, for the history (default: you)")
        steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
        steps.add_parser("list", help="versions, their cards, their states, the labels")
        steps.add_parser("history", help="who did what, when and why")

        publish = steps.add_parser(
            "publish", parents=[common], help="test, copy, number and load a SavedModel directory"
        )
        publish.add_argument("path", type=Path, help="a SavedModel directory")
        publish.add_argument(
            "--version", dest="number", type=int, help="its number (default: the next)"
        )
        publish.add_argument(
            "--override-gate",
            metavar="REASON",
            help="publish it without a passed gate; the history keeps the reason",
        )

        promote = steps.add_parser(
            "promote", parents=[common], help="make a version the stable one"
        )
        promote.add_argument("number", type=int)

        canary = steps.add_parser(
            "canary", parents=[common], help="let a version answer a share of the visitors"
        )
        canary.add_argument("number", type=_number_or_off, help="a version, or `off`")
        canary.add_argument("--share", type=int, default=10, help="percent of visitors (10)")

        shadow = steps.add_parser(
            "shadow", parents=[common], help="ask a version about drawings; it answers nobody"
        )
        shadow.add_argument("number", type=_number_or_off, help="a version, or `off`")
        shadow.add_argument("--share", type=int, default=10, help="percent of drawings (10)")

        steps.add_parser(
            "rollback", parents=[common], help="make the version stable that was stable before"
        )
        retire = steps.add_parser("retire", parents=[common], help="unload a version")
        retire.add_argument("number", type=int)
        retire.add_argument("--delete", action="store_true", help="remove its files as well")

    def handle(self, *_args: Any, step: str, **options: Any) -> None:
        if step == "list":
            self._list()
            return
        if step == "history":
            self._history()
            return
        who = {"by": options["by"] or getpass.getuser(), "note": options["note"]}
        try:
            match step:
                case "publish":
                    done = services.publish(
                        source=options["path"],
                        version=options["number"],
                        progress=self._say,
                        gate_override=options["override_gate"],
                        **who,
                    )
                case "promote":
                    done = services.promote(version=options["number"], progress=self._say, **who)
                case "canary" if options["number"] is None:
                    done = services.withdraw_canary(**who)
                case "canary":
                    done = services.start_canary(
                        version=options["number"],
                        share=options["share"],
                        progress=self._say,
                        **who,
                    )
                case "shadow" if options["number"] is None:
                    done = services.withdraw_shadow(**who)
                case "shadow":
                    done = services.start_shadow(
                        version=options["number"],
                        share=options["share"],
                        progress=self._say,
                        **who,
                    )
                case "rollback":
                    done = services.rollback(progress=self._say, **who)
                case _:
                    done = services.retire(
                        version=options["number"], delete=options["delete"], **who
                    )
        except (VersionChangeError, services.Busy, LeaseLost) as problem:
            raise CommandError("\n".join([str(problem), *getattr(problem, "__notes__", [])])) from (
                problem
            )
        self.stdout.write(done.message)

    def _say(self, step: str) -> None:
        """Write a step at once, although the output may be a pipe."""
        self.stdout.write(step)
        self.stdout.flush()

    def _list(self) -> None:
        seen = selectors.overview()
        lines = [("version", "labels", "in the server", "accuracy", "made", "size", "title")]
        for row in seen.rows:
            card = row.card
            shares = {"canary": seen.share, "shadow": seen.shadow_share}
            labels = ", ".join(
                f"{label} {shares[label]} %" if label in shares else label for label in row.labels
            )
            lines.append(
                (
                    str(row.version),
                    labels or "-",
                    (row.state or "-") + (" (failed)" if row.error else ""),
                    f"{card.accuracy:.2%}" if card and card.accuracy is not None else "-",
                    f"{card.made_at_time:%Y-%m-%d %H:%M}" if card and card.made_at_time else "-",
                    f"{card.size_bytes / 1e6:.1f} MB" if card and card.size_bytes else "-",
                    (card.title if card else "no card") if row.on_disk else "not on disk",
                )
            )
        widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
        for line in lines:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self.stdout.write("  ".join(cells).rstrip())
        for row in seen.rows:
            if row.error:
                self.stdout.write(f"version {row.version}: {row.error}")
        if seen.in_progress:
            self.stdout.write(f"in progress: {seen.in_progress.what} by {seen.in_progress.by}")
        for problem in seen.problems:
            self.stderr.write(problem)

    def _history(self) -> None:
        model_name = selectors.repository().model_name
        for entry in selectors.history(model_name)[:50]:
            outcome = "" if entry.succeeded else f" FAILED: {entry.detail}"
            why = f" ({entry.note})" if entry.note else ""
            if entry.gate_override:
                why += f" (gate overridden: {entry.gate_override})"
            self.stdout.write(
                f"{entry.at:%Y-%m-%d %H:%M:%S} {entry.by} {entry.get_action_display()} "
                f"{entry.from_version or '-'} -> {entry.to_version or '-'}{why}{outcome}"
            )


def _number_or_off(text: str) -> int | None:
    return None if text == "off" else int(text)
