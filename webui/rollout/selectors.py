"""Reads a model's versions from disk, model server, `models.config` and history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from serving.client import ServingError, VersionStatus
from serving.labels import CANARY, SHADOW, STABLE
from serving.models_config import ConfigError
from serving.versions.card import ModelCard, read_card_leniently
from serving.versions.repository import Repository
from webui.database.statements import in_parts
from webui.records.selectors import VersionStatistics, version_statistics
from webui.records.store import StoreError
from webui.rollout.models import Action, CanaryWatch, HistoryEntry, RolloutState, ShadowAnswer
from webui.rollout.serving import serving_client


@dataclass(frozen=True, kw_only=True)
class VersionRow:
    """A version that is on disk, in `models.config` or in the model server."""

    version: int
    on_disk: bool
    served: bool  # named by models.config
    labels: tuple[str, ...]
    state: str  # as the server reports it; "" if it knows no such version or does not answer
    error: str  # why the server does not serve it
    card: ModelCard | None

    @property
    def accuracy_percent(self) -> float | None:
        accuracy = self.card.accuracy if self.card else None
        return None if accuracy is None else accuracy * 100


@dataclass(frozen=True, kw_only=True)
class InProgress:
    """A change of the versions that an operator is making now."""

    by: str
    what: str


@dataclass(frozen=True, kw_only=True)
class Overview:
    """The state of all versions; `problems` names what could not be read."""

    model_name: str
    rows: tuple[VersionRow, ...]  # newest version first
    stable: int | None
    canary: int | None
    share: int
    shadow: int | None
    shadow_share: int
    before: int | None  # what a rollback would make stable
    server_answers: bool
    server_stable: int | None  # what the server itself says that the label names
    problems: tuple[str, ...]
    in_progress: InProgress | None


def repository() -> Repository:
    """The files of the site's model."""
    return Repository(models_dir=settings.MODELS_DIR, model_name=settings.MODEL_NAME)


def overview() -> Overview:
    """Return versions, labels, share and change in progress; works without the model server too."""
    files = repository()
    problems = []
    served: tuple[int, ...] = ()
    labels: Mapping[str, int] = {}
    try:
        config = files.config()
        served, labels = config.versions or (), config.labels
    except ConfigError as problem:
        problems.append(str(problem))
    statuses: dict[int, VersionStatus] = {}
    server_answers, server_stable = False, None
    client = serving_client()
    try:
        statuses = {status.version: status for status in client.versions()}
        server_answers = True
        server_stable = client.resolve(STABLE)
    except ServingError as problem:
        problems.append(str(problem))
    on_disk = files.versions()
    rows = tuple(
        VersionRow(
            version=version,
            on_disk=version in on_disk,
            served=version in served,
            labels=tuple(sorted(name for name, named in labels.items() if named == version)),
            state=statuses[version].state if version in statuses else "",
            error=statuses[version].error if version in statuses else "",
            card=read_card_leniently(files.version_dir(version)),
        )
        for version in sorted({*on_disk, *served, *statuses}, reverse=True)
    )
    state = RolloutState.objects.filter(pk=settings.MODEL_NAME).first()
    stable = labels.get(STABLE)
    return Overview(
        model_name=settings.MODEL_NAME,
        rows=rows,
        stable=stable,
        canary=labels.get(CANARY),
        share=state.canary_share if state else 0,
        shadow=labels.get(SHADOW),
        shadow_share=state.shadow_share if state else 0,
        before=stable_before(model_name=settings.MODEL_NAME, stable=stable),
        server_answers=server_answers,
        server_stable=server_stable,
        problems=tuple(problems),
        in_progress=_in_progress(state),
    )


def _in_progress(state: RolloutState | None) -> InProgress | None:
    if state is None or state.locked_until is None or state.locked_until < timezone.now():
        return None
    return InProgress(by=state.locked_by, what=state.locked_for)


def statistics_of(version: int) -> VersionStatistics | None:
    """Return statistics of a version's records; None if the record store does not answer."""
    try:
        return version_statistics(version)
    except StoreError:
        return None


def watch_of(seen: Overview) -> CanaryWatch | None:
    """Return what has been counted of the present canary; None if nothing has."""
    watch = CanaryWatch.objects.filter(pk=seen.model_name).first()
    if watch is None or seen.canary is None:
        return None
    if (watch.stable, watch.canary) != (seen.stable, seen.canary) or not watch.canary_drawings:
        return None
    return watch


def disagreeing(record_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Return those of the records that a shadow has read otherwise than the visitor was told."""
    answers = ShadowAnswer.objects.filter(agrees=False)
    return frozenset(
        record_id
        for some in in_parts(record_ids)
        for record_id in answers.filter(record_id__in=some).values_list("record_id", flat=True)
    )


@dataclass(frozen=True, kw_only=True)
class ShadowStatistics:
    """The number of drawings that a shadow has read otherwise."""

    version: int
    asked: int
    disagreed: int

    @property
    def disagreed_percent(self) -> float:
        return 100 * self.disagreed / self.asked


def shadow_statistics() -> list[ShadowStatistics]:
    """Return statistics of every version that was a shadow, newest version first."""
    counted = ShadowAnswer.objects.values("version").annotate(
        asked=Count("id"), disagreed=Count("id", filter=Q(agrees=False))
    )
    return [ShadowStatistics(**row) for row in counted.order_by("-version")]


def history(model_name: str) -> QuerySet[HistoryEntry]:
    """Return the model's history, newest first."""
    return HistoryEntry.objects.filter(model_name=model_name)


def used_versions(model_name: str) -> frozenset[int]:
    """Return the numbers ever published, also in vain; none of them is used again."""
    numbers = HistoryEntry.objects.filter(
        model_name=model_name, action=Action.PUBLISH, to_version__isnull=False
    ).values_list("to_version", flat=True)
    return frozenset(number for number in numbers if number is not None)


def stable_before(*, model_name: str, stable: int | None) -> int | None:
    """Return the version that was stable before `stable`, by the history; None if there is none.

    Each rollback goes one promotion back, so two in a row do not return to the start.
    """
    moves = HistoryEntry.objects.filter(
        model_name=model_name, action__in=(Action.PROMOTE, Action.ROLLBACK), succeeded=True
    ).order_by("id")
    been: list[int] = []  # stable versions, each on top of the one it replaced
    for action, came_from, led_to in moves.values_list("action", "from_version", "to_version"):
        if came_from is not None and (not been or been[-1] != came_from):
            been.append(came_from)  # the label was moved without this site
        if action == Action.ROLLBACK and led_to in been:
            while been[-1] != led_to:
                been.pop()
        elif led_to is not None:
            been.append(led_to)
    if stable is None:
        return None
    if stable not in been:
        return been[-1] if been else None
    while been and been[-1] != stable:
        been.pop()
    return been[-2] if len(been) > 1 else None
