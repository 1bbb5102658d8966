"""Watches a canary: counts corrections of its drawings and the stable version's, and withdraws it.

What is counted is each visitor's first drawing since the two versions answer side by side, and
whether that visitor said within `MATURITY` that it was read wrongly. One drawing each, since the
drawings of one person resemble one another and a person keeps their version, so more of them would
not be independent. Corrections by staff do not count: reviewers may look at one version more
closely. Drawings by programs count like a visitor's: the first one of each API key.

Drawings are counted in blocks, oldest first, and never again. A block ends after `BLOCK` of them,
once both versions are among them; its size does not depend on corrections, as the test needs it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import structlog
from django.conf import settings

from serving.labels import CANARY, STABLE
from serving.models_config import ConfigError
from serving.versions.manager import ChangeRefused
from webui.access.visitors import is_caller_name
from webui.leases import Lease
from webui.records.models import Record
from webui.records.selectors import predicted_label
from webui.records.store import Filters, store
from webui.rollout import selectors, services
from webui.rollout.models import Action, CanaryWatch
from webui.rollout.sequential_test import ALPHA, Evidence

BY = "automatic rollback"  # the operator in the history
BLOCK = 100  # first drawings; smaller blocks find a much worse canary a little sooner
# A visitor corrects within moments or never: the page asks beside the answer.
MATURITY = timedelta(minutes=10)
SPAN = timedelta(minutes=10)  # of records read at once, which bounds the memory
MOST_RECORDS = 20_000  # in one look; the next one goes on

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Look:
    """The state of the comparison with the canary after a look."""

    watch: CanaryWatch
    withdrawn: bool = False

    @property
    def is_worse(self) -> bool:
        return self.watch.p <= ALPHA

    def __str__(self) -> str:
        watch = self.watch
        shares = (
            f"version {number}, {name}, was corrected in {corrected} of {drawings} first drawings"
            + (f" ({corrected / drawings:.1%})" if drawings else "")
            for name, number, corrected, drawings in (
                ("the canary", watch.canary, watch.canary_corrected, watch.canary_drawings),
                (STABLE, watch.stable, watch.stable_corrected, watch.stable_drawings),
            )
        )
        return f"{'; '.join(shares)}; p {watch.p:.2g} at any time"


@dataclass
class _Block:
    """Drawings that are not counted yet."""

    drawings: dict[str, int] = field(default_factory=lambda: {STABLE: 0, CANARY: 0})
    corrected: dict[str, int] = field(default_factory=lambda: {STABLE: 0, CANARY: 0})

    @property
    def complete(self) -> bool:
        return sum(self.drawings.values()) >= BLOCK and all(self.drawings.values())


def look(*, withdraw: bool) -> Look | None:
    """Count what has come since the last look; withdraw a canary that is found worse.

    Returns:
        What is known; None if there is no canary, or another process is looking.

    Raises:
        StoreUnavailable, LeaseLost: what was counted stays counted.
        Busy, ChangeRefused, ChangeFailed: it was found worse, but could not be withdrawn now; the
            next look tries it again.
    """
    lease = Lease(CanaryWatch, settings.MODEL_NAME)
    if not lease.acquire():
        return None
    try:
        watch = _current(CanaryWatch.objects.get(pk=settings.MODEL_NAME))
        if watch is None:
            return None
        found = Look(watch=watch)
        if not found.is_worse:
            _count(watch, lease)
    finally:
        lease.release()
    if not (withdraw and found.is_worse):
        return found
    logger.warning("canary_found_worse", canary=watch.canary, stable=watch.stable, why=str(found))
    services.withdraw_canary(by=BY, note=f"It is worse: {found}.", version=watch.canary)
    return Look(watch=watch, withdrawn=True)


def _current(watch: CanaryWatch) -> CanaryWatch | None:
    """Return the row, emptied if it is about other versions than now; None without a canary."""
    try:
        labels = selectors.repository().config().labels
    except ConfigError as problem:
        raise ChangeRefused(str(problem)) from problem
    stable, canary = labels.get(STABLE), labels.get(CANARY)
    if stable is None or canary is None:
        return None
    began_at = _began_at()
    same = (watch.stable, watch.canary) == (stable, canary)
    if same and (began_at is None or began_at == watch.began_at):
        return watch
    evidence = Evidence()
    watch.stable, watch.canary = stable, canary
    watch.began_at = watch.counted_until = began_at or datetime.now(UTC)
    watch.stable_drawings = watch.stable_corrected = 0
    watch.canary_drawings = watch.canary_corrected = 0
    watch.log_products, watch.largest = evidence.log_products.tolist(), 0.0
    _save(watch)
    return watch


def _began_at() -> datetime | None:
    """Return when the canary, or the stable version beside it, was changed last, by the history."""
    changes = selectors.history(settings.MODEL_NAME).filter(
        succeeded=True,
        action__in=(Action.CANARY, Action.PROMOTE, Action.ROLLBACK, Action.WITHDRAW),
    )
    for entry in changes.iterator():
        # A changed share leaves the versions as they are.
        if not (entry.action == Action.CANARY and entry.from_version == entry.to_version):
            return entry.at
    return None


def _count(watch: CanaryWatch, lease: Lease) -> None:
    evidence = _evidence(watch)
    block = _Block()
    for record in _first_drawings(watch, lease):
        block.drawings[record.model_label] += 1
        block.corrected[record.model_label] += _is_corrected(record)
        if not block.complete:
            continue
        evidence.add(
            stable=block.drawings[STABLE],
            stable_corrected=block.corrected[STABLE],
            canary=block.drawings[CANARY],
            canary_corrected=block.corrected[CANARY],
        )
        watch.stable_drawings += block.drawings[STABLE]
        watch.stable_corrected += block.corrected[STABLE]
        watch.canary_drawings += block.drawings[CANARY]
        watch.canary_corrected += block.corrected[CANARY]
        watch.log_products = evidence.log_products.tolist()
        watch.largest = float(evidence.largest)
        watch.counted_until = record.predicted_at + timedelta(microseconds=1)
        _save(watch)
        block = _Block()
        if evidence.is_worse:
            return


def _first_drawings(watch: CanaryWatch, lease: Lease) -> Iterator[Record]:
    """Yield each visitor's first drawing of one of the two versions, oldest first."""
    if watch.began_at is None or watch.counted_until is None:
        return
    versions = {(STABLE, watch.stable), (CANARY, watch.canary)}
    seen: set[str] = set()
    since, last = watch.counted_until, datetime.now(UTC) - MATURITY
    read = 0
    while since < last and read < MOST_RECORDS:
        until = min(since + SPAN, last)
        records = list(store().scan(Filters(since=since, until=until), pictures=False))
        for record in reversed(records):
            lease.renew()
            if (record.model_label, record.model_version) not in versions:
                continue
            # An unknown visitor is always answered by the stable version.
            if not record.visitor or record.visitor in seen:
                continue
            seen.add(record.visitor)
            if _is_first(record, since=watch.began_at):
                yield record
        read += len(records)
        since = until


def _is_first(record: Record, *, since: datetime) -> bool:
    earlier = Filters(visitor=record.visitor, since=since, until=record.predicted_at)
    return not store().page(earlier, size=1).records


def _is_corrected(record: Record) -> bool:
    """Return whether a visitor or a program said in time that the drawing was read wrongly."""
    return (
        record.corrected_label not in ("", predicted_label(record))
        and is_caller_name(record.corrected_by)
        and record.corrected_at is not None
        and record.corrected_at - record.predicted_at <= MATURITY
    )


def _evidence(watch: CanaryWatch) -> Evidence:
    evidence = Evidence()
    evidence.log_products = np.array(watch.log_products, np.float64)
    evidence.drawings = np.array(watch.stable_drawings, np.int64)
    evidence.corrected = np.array(watch.stable_corrected, np.int64)
    evidence.largest = np.array(watch.largest)
    return evidence


def _save(watch: CanaryWatch) -> None:
    """Save what was counted, and leave the lease's columns alone."""
    watch.save(
        update_fields=[
            field.name
            for field in CanaryWatch._meta.concrete_fields
            if field.name not in ("model_name", "holder", "until")
        ]
    )
