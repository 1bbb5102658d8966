"""URLs of the site; webui.operations.probes answers /healthz, /readyz and /metrics."""

from django.contrib import admin
from django.urls import path

from webui.collection.api import add_to
from webui.collection.views import collect
from webui.privacy.views import privacy
from webui.recognition.api import api
from webui.recognition.installation import manifest, service_worker
from webui.recognition.views import draw, favicon, to_reference
from webui.wall.views import latest_readings, wall

add_to(api)

urlpatterns = [
    path("", draw, name="draw"),
    path("collect", collect, name="collect"),
    path("wall", wall, name="wall"),
    path("wall/latest", latest_readings, name="wall-latest"),
    path("privacy", privacy, name="privacy"),
    path("manifest.webmanifest", manifest, name="manifest"),
    path("service-worker.js", service_worker, name="service-worker"),
    path("favicon.ico", favicon, name="favicon"),
    path("api/v1", to_reference),
    path("api/v1/", to_reference),
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
]

handler500 = "webui.operations.unavailable.server_error"
