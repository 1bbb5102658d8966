"""Which address leads to which room. /healthz, /readyz and /metrics: recognition/probes.py."""

from django.contrib import admin
from django.urls import path

from webui.recognition.views import draw

urlpatterns = [
    path("", draw, name="draw"),
    path("admin/", admin.site.urls),
]
