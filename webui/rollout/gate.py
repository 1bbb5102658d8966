"""Asks whether a version that is to be published has passed the gate.

The gate itself needs TensorFlow and the test data; `training.gate` leaves its verdict in the model
card. Here the verdict is compared with the files and with the version that is stable now.
"""

from dataclasses import dataclass
from pathlib import Path

from serving.versions.card import CardError, checksums_of, read_card
from serving.versions.gate_verdict import GateNotPassed, files_digest, require_passed
from serving.versions.repository import InvalidSource, check_layout
from webui.rollout import selectors


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The gate's word on a version: why it may not be published, or "" and why it may."""

    refusal: str = ""
    reason: str = ""

    def __str__(self) -> str:
        return f"gate: {self.refusal or self.reason}"


def verdict_on(source: Path, *, stable: int | None) -> Verdict:
    """Return the verdict on a directory that is to be published.

    Nothing is refused while no version is stable, since there is nothing to compare with. A
    directory that is no SavedModel is left to the checks of publishing, which name its fault.
    """
    if stable is None:
        return Verdict(reason="no version is stable, so there is no champion")
    try:
        check_layout(source)
    except InvalidSource:
        return Verdict(reason="not asked")
    champion_dir = selectors.repository().version_dir(stable)
    try:
        verdict = require_passed(
            read_card(source).gate,
            files=files_digest(checksums_of(source)),
            champion=stable,
            champion_files=files_digest(checksums_of(champion_dir)),
        )
    except (GateNotPassed, CardError) as problem:
        return Verdict(refusal=str(problem))
    except OSError as problem:
        return Verdict(refusal=f"it has no model card with a verdict of the gate ({problem})")
    return Verdict(reason=f"passed against version {stable} at {verdict.decided_at}")
