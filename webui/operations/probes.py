"""/healthz, /readyz and /metrics, for orchestrators and Prometheus.

They are answered before the host is checked, a session is read or a request is logged, because
orchestrators use IP addresses and ask every few seconds. They say nothing about visitors or
drawings. Anybody may read the first two; /metrics needs a token.
"""

from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from serving.client import ServingClient, ServingError
from serving.labels import STABLE
from webui.errors import RETRY_SECONDS
from webui.operations import metrics_access
from webui.operations.metrics import CONTENT_TYPE_LATEST, exposition
from webui.operations.unavailable import reason_of
from webui.records.store import StoreError, store
from webui.rollout.serving import probe_clients

logger = structlog.get_logger(__name__)


def healthz(_request: HttpRequest) -> HttpResponse:
    """Answer at once, without asking other services, so that only a hung process is restarted."""
    return JsonResponse({"status": "alive"})


def readyz(_request: HttpRequest) -> HttpResponse:
    """Answer 200 if a prediction could be made and recorded now, else 503; name each part."""
    parts = {"model": model_part(), "store": store_part()}
    ready = all(part["ready"] for part in parts.values())
    response = JsonResponse({"ready": ready, **parts}, status=200 if ready else 503)
    if not ready:
        response["Retry-After"] = str(RETRY_SECONDS)
    return response


def model_part() -> dict[str, object]:
    """Return the state of the first model server that is ready, or of the last."""
    part: dict[str, object] = {}
    for client in probe_clients():
        part = _part_of_server(client)
        if part["ready"]:
            break
    return part


def _part_of_server(client: ServingClient) -> dict[str, object]:
    try:
        version = client.resolve(STABLE)
        states = {status.version: status.state for status in client.versions()}
    except ServingError as problem:
        logger.warning("model_not_ready", problem=str(problem))
        return {"ready": False, "detail": "the model server does not answer with a loaded version"}
    state = states.get(version, "UNKNOWN")
    return {"ready": state == "AVAILABLE", "version": version, "detail": f"{STABLE} is {state}"}


def store_part() -> dict[str, object]:
    try:
        store().check()
        waiting = store().pending()
    except StoreError as problem:
        logger.warning("store_not_ready", problem=str(problem))
        detail = f"neither the store nor the spool can be written: {reason_of(problem)}"
        return {"ready": False, "detail": detail}
    return {"ready": True, "waiting": waiting, "detail": "writable"}


def metrics(request: HttpRequest) -> HttpResponse:
    if refused := metrics_access.refusal(request):
        return refused
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)


PROBES: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "/healthz": healthz,
    "/readyz": readyz,
    "/metrics": metrics,
}


class ProbesMiddleware:
    """Answers the three URLs and passes on every other request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        probe = PROBES.get(request.path_info)
        if probe is None:
            return self.get_response(request)
        if request.method not in {"GET", "HEAD"}:
            return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
        response = probe(request)
        response["Cache-Control"] = "no-store"
        return response
