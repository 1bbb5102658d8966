"""Changes of model versions, for the command line and the admin.

Each service holds the lease, makes one change through `serving.versions`, and adds its result to
the history. All take `by`, the operator, and `note`, the reason.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from serving.labels import STABLE
from serving.versions.manager import ChangeFailed, ChangeRefused, VersionManager
from webui.leases import Lease
from webui.rollout import gate, selectors
from webui.rollout.canary import SHARE_SECONDS, shares
from webui.rollout.models import Action, HistoryEntry, RolloutState
from webui.rollout.serving import serving_client


class Busy(Exception):
    """Another operator is changing the versions; the message says who, what and until when."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """A message for the operator, and the entry in the history."""

    message: str
    entry: HistoryEntry


Progress = Callable[[str], None]  # takes a sentence at the beginning of each step


def _silent(_step: str) -> None:
    pass


def publish(
    *,
    source: Path,
    by: str,
    note: str = "",
    version: int | None = None,
    progress: Progress = _silent,
    gate_override: str | None = None,
) -> Result:
    """Copy, test, number and load a SavedModel directory; it is not stable yet.

    Its model card must hold a verdict of the gate by which it may follow the stable version.

    Args:
        gate_override: why it is published all the same; kept in the history.

    Raises:
        Busy, ChangeRefused, ChangeFailed
    """
    if gate_override is not None and not gate_override.strip():
        raise ChangeRefused("overriding the gate needs a reason, which the history keeps")
    with (
        exclusive_access(by=by, what=f"publish {source}", progress=progress) as versions,
        _history(Action.PUBLISH, by, note) as entry,
    ):
        verdict = gate.verdict_on(source, stable=versions.deployment().stable)
        if gate_override is not None:
            entry.gate_override = gate_override.strip()
        elif verdict.refusal:
            raise ChangeRefused(
                f"{source} is not published: {verdict.refusal}. To publish it all the same, give "
                '--override-gate "the reason"'
            )
        published = versions.publish(
            source, version=version, used=selectors.used_versions(settings.MODEL_NAME)
        )
        entry.to_version = published.version
        entry.detail = f"{source}: {published.smoke_test.method}; {verdict}"
    return Result(
        message=(
            f"Version {published.version} is loaded ({published.smoke_test.method}). "
            f"`promote {published.version}` makes it stable."
        ),
        entry=entry,
    )


def promote(*, version: int, by: str, note: str = "", progress: Progress = _silent) -> Result:
    """Make a version the stable one.

    Raises:
        Busy, ChangeRefused, ChangeFailed
    """
    with exclusive_access(by=by, what=f"promote {version}", progress=progress) as versions:
        return _promote(versions, Action.PROMOTE, version, by, note)


def rollback(*, by: str, note: str = "", progress: Progress = _silent) -> Result:
    """Make the version stable that was stable before.

    Raises:
        Busy, ChangeRefused, ChangeFailed
    """
    with exclusive_access(by=by, what="roll back", progress=progress) as versions:
        version = selectors.stable_before(
            model_name=settings.MODEL_NAME, stable=versions.deployment().stable
        )
        if version is None:
            raise ChangeRefused(
                "the history knows no version that was stable before; `promote` one instead"
            )
        return _promote(versions, Action.ROLLBACK, version, by, note)


def start_canary(
    *, version: int, share: int, by: str, note: str = "", progress: Progress = _silent
) -> Result:
    """Let a version answer a share of the visitors, 1 to 100 %.

    Raises:
        Busy, ChangeRefused, ChangeFailed
    """
    if not 1 <= share <= 100:
        raise ChangeRefused(f"a share is 1 to 100 %, not {share}; `canary off` ends the canary")
    with (
        exclusive_access(
            by=by, what=f"canary {version} at {share} %", progress=progress
        ) as versions,
        _history(Action.CANARY, by, note) as entry,
    ):
        entry.to_version, entry.share = version, share
        before = versions.deployment()
        entry.from_version = before.canary
        with _share_back_on_failure() as old_share:
            if before.canary not in (None, version) and share < old_share:
                _set_share(share)  # the new canary never has more visitors than it should
            versions.start_canary(version)
            _set_share(share)
    return Result(message=f"Version {version} answers {share} % of the visitors.", entry=entry)


def withdraw_canary(*, by: str, note: str = "", version: int | None = None) -> Result:
    """End the canary: all visitors get the stable version.

    Args:
        version: the version that must be the canary; None: whichever it is.

    Raises:
        Busy, ChangeRefused, ChangeFailed
    """
    with exclusive_access(by=by, what="withdraw the canary") as versions:
        before = versions.deployment()
        if before.canary is None:
            raise ChangeRefused("there is no canary")
        if version not in (None, before.canary):
            raise ChangeRefused(f"version {before.canary} is the canary, and not {version}")
        with _history(Action.WITHDRAW, by, note) as entry:
            entry.from_version, entry.to_version = before.canary, before.stable
            with _share_back_on_failure() as old_share:
                if old_share:
                    # No process gives a visitor the label any more before it goes.
                    _set_share(0)
                    time.sleep(SHARE_SECONDS)
                versions.withdraw_canary()
    return Result(message=f"Version {before.canary} is no longer the canary.", entry=entry)


def start_shadow(
    *, version: int, share: int, by: str, note: str = "", progress: Progress = _silent
) -> Result:
    """Ask a version about a share of the recorded drawings, 1 to 100 %; it answers nobody.

    Raises:
        Busy, ChangeRefused, ChangeFailed
    """
    if not 1 <= share <= 100:
        raise ChangeRefused(f"a share is 1 to 100 %, not {share}; `shadow off` ends the shadow")
    with (
        exclusive_access(
            by=by, what=f"shadow {version} at {share} %", progress=progress
        ) as versions,
        _history(Action.SHADOW, by, note) as entry,
    ):
        entry.from_version = versions.deployment().shadow
        entry.to_version, entry.share = version, share
        versions.start_shadow(version)
        _set_shadow_share(share)
    return Result(
        message=f"Version {version} is asked about {share} % of the drawings.", entry=entry
    )


def withdraw_shadow(*, by: str, note: str = "") -> Result:
    """End the shadow; its answers so far are kept.

    Raises:
        Busy, ChangeRefused, ChangeFailed
    """
    with exclusive_access(by=by, what="end the shadow") as versions:
        before = versions.deployment()
        if before.shadow is None:
            raise ChangeRefused("there is no shadow")
        with _history(Action.END_SHADOW, by, note) as entry:
            entry.from_version = before.shadow
            _set_shadow_share(0)
            versions.withdraw_shadow()
    return Result(message=f"Version {before.shadow} is no longer the shadow.", entry=entry)


def retire(*, version: int, by: str, note: str = "", delete: bool = False) -> Result:
    """Unload a version that answers no visitor; with `delete`, remove its files.

    Raises:
        Busy, ChangeRefused, ChangeFailed
    """
    with (
        exclusive_access(by=by, what=f"retire {version}") as versions,
        _history(Action.RETIRE, by, note) as entry,
    ):
        entry.from_version = version
        versions.retire(version, delete=delete)
        entry.detail = "files deleted" if delete else ""
    kept = "deleted" if delete else f"kept; `promote {version}` loads it again"
    return Result(message=f"Version {version} is unloaded. Its files are {kept}.", entry=entry)


def _promote(versions: VersionManager, action: Action, version: int, by: str, note: str) -> Result:
    before = versions.deployment()
    with _history(action, by, note) as entry:
        entry.from_version, entry.to_version = before.stable, version
        versions.promote(version)
        if before.canary == version:
            # The label went with the promotion; whoever still asks for it gets stable.
            _set_share(0)
        if before.shadow == version:
            _set_shadow_share(0)
    was = f"; version {before.stable} was, and stays loaded" if before.stable else ""
    return Result(message=f"Version {version} is {STABLE}{was}.", entry=entry)


def _set_share(share: int) -> None:
    RolloutState.objects.update_or_create(pk=settings.MODEL_NAME, defaults={"canary_share": share})
    shares.forget()


def _set_shadow_share(share: int) -> None:
    RolloutState.objects.update_or_create(pk=settings.MODEL_NAME, defaults={"shadow_share": share})
    shares.forget()


@contextmanager
def _share_back_on_failure() -> Iterator[int]:
    """Yield the canary's share, and restore it if the block fails, as the labels are."""
    state = RolloutState.objects.get(pk=settings.MODEL_NAME)  # created by the lease
    try:
        yield state.canary_share
    except BaseException:
        _set_share(state.canary_share)
        raise


@contextmanager
def exclusive_access(
    *, by: str, what: str, progress: Progress = _silent
) -> Iterator[VersionManager]:
    """Keep other operators out for a block, and yield the manager of the versions.

    Raises:
        Busy: another operator is changing the versions.
    """
    model_name = settings.MODEL_NAME
    lease = Lease(RolloutState, model_name, holder_column="lock_token", until_column="locked_until")
    if not lease.acquire(locked_by=by, locked_for=what):
        state = RolloutState.objects.get(pk=model_name)
        raise Busy(
            f"{state.locked_by or 'another operator'} is changing the versions "
            f"({state.locked_for}); try again afterwards. A lease that is not renewed ends at "
            f"{state.locked_until or timezone.now():%H:%M:%S} UTC"
        )
    try:
        yield VersionManager(
            repository=selectors.repository(),
            client=serving_client(),
            heartbeat=lease.renew,
            progress=progress,
        )
    finally:
        lease.release()


@contextmanager
def _history(action: Action, by: str, note: str) -> Iterator[HistoryEntry]:
    """Yield an entry to fill in; it is saved after the block, also after a failure.

    A change that was refused before it began is not recorded.
    """
    entry = HistoryEntry(action=action, by=by, note=note, model_name=settings.MODEL_NAME)
    try:
        yield entry
    except ChangeRefused:
        raise
    except BaseException as problem:
        entry.succeeded = False
        entry.detail = "; ".join([str(problem), *getattr(problem, "__notes__", [])])
        if isinstance(problem, ChangeFailed) and problem.version is not None:
            entry.to_version = problem.version
        entry.save()
        raise
    entry.save()
