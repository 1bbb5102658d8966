"""The dashboard in the admin."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from serving.input_statistics import FEATURES, LARGE, LEAST_SEEN, MODERATE
from webui.dashboard import statistics
from webui.dashboard.charts import Column, Line, bar_chart, line_chart
from webui.dashboard.models import Dashboard
from webui.dashboard.statistics import CONFIDENCE_BINS, Counts, Statistics
from webui.records.admin.record_admin import label_text
from webui.records.admin.unavailable import unavailable_as_503

if TYPE_CHECKING:
    DashboardAdminBase = admin.ModelAdmin[Dashboard]
else:
    DashboardAdminBase = admin.ModelAdmin  # not generic at run time


@admin.register(Dashboard)
class DashboardAdmin(DashboardAdminBase):
    """One page in place of a change list."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Dashboard | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Dashboard | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.changelist_view)
        return [path("", view, name="dashboard_dashboard_changelist")]

    @unavailable_as_503
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = statistics.latest.get()
        context = {
            **self.admin_site.each_context(request),
            "title": "Dashboard",
            "opts": self.opts,
            "found": found,
            "window": statistics.WINDOW,
            "minutes": round(statistics.KEPT_SECONDS / 60),
            "days": list(found.days.items()),
            "versions": list(found.versions.items()),
            "confidence": list(zip(_bin_names(), found.confidence, strict=True)),
            "confusion": _matrix(found),
            "drift": [(FEATURES[one.feature], one) for one in found.drift],
            "moderate": MODERATE,
            "large": LARGE,
            "least_seen": LEAST_SEEN,
            **_charts(found),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/dashboard/dashboard.html", context)


def _bin_names() -> list[str]:
    width = 100 // CONFIDENCE_BINS
    return [f"{place * width}–{(place + 1) * width} %" for place in range(CONFIDENCE_BINS)]


def _charts(found: Statistics) -> dict[str, Any]:
    days = [f"{day:%d %b}" for day in found.days]
    counts = list(found.days.values())
    return {
        "readings_chart": bar_chart(
            [
                Column(label=label, value=count.readings)
                for label, count in zip(days, counts, strict=True)
            ],
            description=f"Readings a day, {len(days)} days",
        ),
        "shares_chart": line_chart(
            days,
            [
                Line(name="corrected", values=[_percent(one, one.corrected) for one in counts]),
                Line(name="unsure", values=[_percent(one, one.unsure) for one in counts]),
            ],
            description="Share of corrected and of unsure readings a day, in percent",
            unit=" %",
        ),
        "confidence_chart": bar_chart(
            [
                Column(label=name.split("–")[0], value=count, text=f"{name}: {count}")
                for name, count in zip(_bin_names(), found.confidence, strict=True)
            ],
            description="Readings by confidence, in steps of ten percent",
        ),
    }


def _percent(counts: Counts, part: int) -> float | None:
    return 100 * part / counts.readings if counts.readings else None


def _matrix(found: Statistics) -> dict[str, Any]:
    """Returns the confusion matrix as rows, each cell with a step of its shade, 0 to 5."""
    labels = statistics.labels_seen(found.confusion)
    rows = []
    for truth in labels:
        counts = [found.confusion.get((truth, predicted), 0) for predicted in labels]
        total = sum(counts)
        cells = [
            {
                "count": count,
                "shade": 0 if not count else 1 + round(4 * count / total),
                "right": truth == predicted,
            }
            for predicted, count in zip(labels, counts, strict=True)
        ]
        rows.append({"label": label_text(truth), "cells": cells})
    return {"labels": [label_text(label) for label in labels], "rows": rows}
