"""The proxy in front of the site: slow clients, large bodies, visitors' addresses."""

import time

import requests

from tests.harness.drawings import draw_seven
from tests.harness.slow_clients import BODIES, HEADERS, SlowClients
from tests.harness.visitors import predict
from tests.harness.waiting import wait_until
from tests.stack.compose import docker
from tests.stack.run import Run, expect

SLOW_CLIENTS = 200
GOOD_REQUESTS = 20
TOO_LARGE = 8 * 1024 * 1024 + 1
PRINT_ADDRESSES = (
    "from axes.models import AccessAttempt; "
    "print(*AccessAttempt.objects.values_list('ip_address', flat=True))"
)


def check(run: Run) -> None:
    _bear_slow_clients(run)
    _refuse_large_bodies(run)
    _pass_addresses_on(run)


def _bear_slow_clients(run: Run) -> None:
    """200 slow clients at the proxy; good requests are answered meanwhile."""
    took = []
    with SlowClients(run.project.port, count=SLOW_CLIENTS, kinds=(HEADERS, BODIES)) as slow:
        wait_until(lambda: slow.connected == SLOW_CLIENTS, seconds=30, message="all are connected")
        for _ in range(GOOD_REQUESTS):
            started = time.monotonic()
            answer = requests.get(run.project.url, timeout=10)
            took.append(time.monotonic() - started)
            expect(answer.ok, f"a good request among slow clients: {answer.status_code}")
        visit = predict(run.project.url, draw_seven())
        expect(visit.predicted, f"a prediction among slow clients: {visit.outcome}")
        run.acknowledged.add(visit.record_id)
    run.print(
        f"{SLOW_CLIENTS} slow clients: {GOOD_REQUESTS} good requests answered, "
        f"median {sorted(took)[GOOD_REQUESTS // 2]:.3f} s, longest {max(took):.3f} s"
    )


def _refuse_large_bodies(run: Run) -> None:
    answer = requests.post(
        f"{run.project.url}/api/v1/predictions", data=bytes(TOO_LARGE), timeout=30
    )
    code = answer.json()["error"]["code"]
    found = f"{answer.status_code} {code}"
    expect(found == "413 too_large", f"a body of more than 8 MB: {found}")


def _pass_addresses_on(run: Run) -> None:
    """A failed login counts for the address that the proxy saw, whatever the client states."""
    session = requests.Session()
    login = f"{run.project.url}/admin/login/"
    session.get(login, timeout=10)
    form = {
        "username": "nobody",
        "password": "wrong",
        "csrfmiddlewaretoken": session.cookies["csrftoken"],
    }
    session.post(login, data=form, headers={"X-Forwarded-For": "192.0.2.99"}, timeout=10)
    network = f"{run.project.project}_public"
    gateway = docker(
        "network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", network
    ).strip()
    counted = run.project.manage("shell", "-v0", "-c", PRINT_ADDRESSES).split()
    expect(counted == [gateway], f"a failed login of {gateway} counts for {counted}")
    run.print(f"a failed login counts for {gateway}, the address of this machine to the proxy")
