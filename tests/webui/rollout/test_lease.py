"""One operator at a time; a crash does not leave the lease for ever."""

from datetime import timedelta

import pytest
from django.utils import timezone

from webui.rollout import lease as leases
from webui.rollout.lease import Busy, Lease, LeaseLost, lease
from webui.rollout.models import RolloutState

pytestmark = pytest.mark.django_db


def test_the_second_is_told_who_is_at_work() -> None:
    with (
        lease(by="ada", what="promote 2"),
        pytest.raises(Busy, match=r"ada is at work \(promote 2\); wait"),
        lease(by="grace", what="promote 3"),
    ):
        pass


def test_it_is_given_back_also_after_a_failure() -> None:
    with pytest.raises(ZeroDivisionError), lease(by="ada", what="promote 2"):
        raise ZeroDivisionError
    with lease(by="grace", what="promote 3"):
        assert RolloutState.objects.get().locked_by == "grace"
    assert RolloutState.objects.get().locked_until is None


def test_after_a_crash_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.0)
    crashed = Lease("digits")
    crashed.take(by="ada", what="promote 2")
    RolloutState.objects.update(locked_until=timezone.now() - timedelta(seconds=1))
    other = Lease("digits")
    other.take(by="grace", what="promote 3")
    with pytest.raises(LeaseLost):
        crashed.renew()
    crashed.give_back()  # not its own any more
    assert RolloutState.objects.get().locked_by == "grace"
    other.renew()


def test_renewing_moves_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Lease("digits")
    held.take(by="ada", what="publish")
    soon = timezone.now() + timedelta(seconds=1)
    RolloutState.objects.update(locked_until=soon)
    held.renew()  # too early to ask the database again
    assert RolloutState.objects.get().locked_until == soon
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.0)
    held.renew()
    renewed = RolloutState.objects.get().locked_until
    assert renewed is not None
    assert renewed > soon
