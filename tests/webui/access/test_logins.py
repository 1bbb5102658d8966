"""The admin's login slows guessing down, logs failures, and refuses weak passwords."""

import ipaddress
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from webui.access import logins
from webui.access.rate import Rate

pytestmark = pytest.mark.django_db

PASSWORD = "crisp-otter-70141"
WRONG = "wrong"
LOGIN = "/admin/login/"
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def keeper(settings: Any) -> User:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # in no time
    return User.objects.create_superuser("keeper", password=PASSWORD)


def log_in(name: str = "keeper", password: str = WRONG, **headers: str) -> Any:
    return Client().post(LOGIN, {"username": name, "password": password}, headers=headers)


def test_a_name_is_locked_for_the_address_after_five_failures() -> None:
    assert [log_in().status_code for _ in range(4)] == [200] * 4  # the form again
    locked = log_in()
    assert locked.status_code == 429
    assert locked["Content-Type"].startswith("text/plain")
    assert "15 minutes" in locked.content.decode()
    assert int(locked["Retry-After"]) == 900
    assert locked["Cache-Control"] == "no-store"
    assert log_in(password=PASSWORD).status_code == 429
    # Another name, and the name from another address, are not locked.
    assert log_in("another").status_code == 200
    assert Client(REMOTE_ADDR="192.0.2.7").post(
        LOGIN, {"username": "keeper", "password": PASSWORD}
    ).status_code == 302  # fmt: skip


def test_a_lock_ends_after_the_cool_off_and_trying_on_does_not_prolong_it(settings: Any) -> None:
    for _ in range(8):
        log_in()
    started = timezone.now() - settings.AXES_COOLOFF_TIME + timedelta(seconds=30)
    assert AccessAttempt.objects.update(attempt_time=started) == 1
    assert log_in(password=PASSWORD).status_code == 429
    AccessAttempt.objects.update(attempt_time=started - timedelta(seconds=60))
    assert log_in(password=PASSWORD).status_code == 302
    assert not AccessAttempt.objects.exists()  # with its address


def test_a_login_forgets_failures() -> None:
    for _ in range(3):
        assert [log_in().status_code for _ in range(4)] == [200] * 4
        assert log_in(password=PASSWORD).status_code == 302


def test_behind_the_proxy_the_clients_address_is_locked(settings: Any) -> None:
    settings.HTTPS = True
    settings.TRUSTED_PROXIES = (ipaddress.ip_network("127.0.0.1"),)

    def log_in_through_proxy(address: str, password: str) -> int:
        answer = log_in(password=password, **{"X-Forwarded-For": f"6.6.6.6, {address}"})
        return int(answer.status_code)

    statuses = [log_in_through_proxy("198.51.100.1:4000", WRONG) for _ in range(5)]
    assert statuses == [200] * 4 + [429]
    assert log_in_through_proxy("198.51.100.1:4001", PASSWORD) == 429
    assert log_in_through_proxy("198.51.100.2", PASSWORD) == 302
    # Every address of an IPv6 customer is one.
    for number in range(5):
        log_in_through_proxy(f"2001:db8::{number}", WRONG)
    assert log_in_through_proxy("2001:db8::ffff", PASSWORD) == 429
    assert log_in_through_proxy("2001:db8:0:1::1", PASSWORD) == 302


def test_an_address_may_send_so_many_logins_whatever_the_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logins, "LOGIN_RATE", Rate(count=3, seconds=60))
    assert [log_in(f"name{number}").status_code for number in range(3)] == [200] * 3
    refused = log_in("name4")
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 20
    assert Client().get(LOGIN).status_code == 200
    assert AccessAttempt.objects.count() == 3


def test_a_failed_login_is_logged_without_password_and_address(log_lines: Lines) -> None:
    for _ in range(5):
        log_in(password="hunter2-mistyped")
    log_in("my-password-in-the-wrong-field")
    failures = [line for line in log_lines() if line["event"] == "login_failed"]
    assert [(line["user"], line["locked"]) for line in failures] == [
        *[("keeper", False)] * 4, ("keeper", True), ("(nobody has this name)", False),
    ]  # fmt: skip
    for secret in ("hunter2", "wrong-field", "127.0.0.1"):
        assert secret not in str(log_lines())
    assert "hunter2" not in str(AccessAttempt.objects.values())


def test_staff_unlock_a_name_in_the_admin(client: Client, keeper: User) -> None:
    for _ in range(5):
        log_in()
    client.force_login(keeper)
    attempt = AccessAttempt.objects.get()
    assert "keeper" in client.get("/admin/axes/accessattempt/").content.decode()
    client.post(f"/admin/axes/accessattempt/{attempt.pk}/delete/", {"post": "yes"})
    assert log_in(password=PASSWORD).status_code == 302


@pytest.mark.parametrize("next_address", ["", "https://evil.example/", "//evil.example"])
def test_a_login_leads_to_the_admin(next_address: str) -> None:
    answer = Client().post(
        LOGIN, {"username": "keeper", "password": PASSWORD, "next": next_address}
    )
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("abc", "too short"), ("password12", "too common"), ("7301946582", "entirely numeric"),
        ("the-warden-1", "too similar to the username"),
    ],
)  # fmt: skip
def test_a_weak_password_is_refused_with_the_reason(
    password: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", password)
    with pytest.raises(CommandError, match=f"The password was refused: .*{reason}"):
        call_command("createsuperuser", interactive=False, username="the-warden", email="")
    assert not User.objects.filter(username="the-warden").exists()


def test_a_weak_password_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["abc", "abc", "crisp-otter-1", "crisp-otter-2", PASSWORD, PASSWORD])
    monkeypatch.setattr("getpass.getpass", lambda _prompt="": next(typed))
    names = iter(["keeper", "", "warden"])  # the first is taken, the default is "keeper2" or so
    monkeypatch.setattr("builtins.input", lambda _prompt: next(names) or "keeper")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    errors, output = StringIO(), StringIO()
    call_command("createsuperuser", email="", stdout=output, stderr=errors)
    assert "too short" in errors.getvalue()
    assert "differ" in errors.getvalue()
    assert "created" in output.getvalue()
    assert User.objects.get(username="warden").check_password(PASSWORD)


def test_the_admin_refuses_a_weak_password(client: Client, keeper: User) -> None:
    client.force_login(keeper)
    page = client.post(
        "/admin/auth/user/add/",
        {"username": "warden", "usable_password": "true", "password1": "abc", "password2": "abc"},
    )
    assert "too short" in page.content.decode()
    assert not User.objects.filter(username="warden").exists()
