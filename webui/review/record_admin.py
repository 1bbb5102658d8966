"""Records in the admin with what reviewers decided: filters, a column, labels of downloads."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from webui.records.admin import RecordAdmin
from webui.records.admin.filters import RecordFilter, is_corrected
from webui.records.admin.record_admin import label_text
from webui.records.admin.record_query import InvalidParameter, RecordQuery
from webui.records.exports import Labels, label_of
from webui.records.models import Record
from webui.records.searching import Condition
from webui.records.selectors import predicted_label
from webui.review.models import REJECTED, Decision
from webui.review.selectors import agreed_label, decisions_on, needs_third


def _final(decisions: Sequence[Decision]) -> str | None:
    return agreed_label([decision.label for decision in decisions])


def _those(fits: Callable[[Record, Sequence[Decision]], bool]) -> Condition:
    """Returns a condition on records and their decisions, which are read with few queries."""

    def condition(records: Sequence[Record]) -> Sequence[Record]:
        decided = decisions_on(record.id for record in records)
        return [record for record in records if fits(record, decided.get(record.id, ()))]

    return condition


def is_wrong(record: Record, decisions: Sequence[Decision]) -> bool:
    """Return whether the prediction was wrong: as reviewers say, else as the correction says."""
    final = _final(decisions)
    if final is not None:
        return final not in (predicted_label(record), REJECTED)
    return is_corrected(record)


class ReviewedFilter(RecordFilter):
    """Records by what reviewers decided."""

    title = "review"
    parameter_name = "reviewed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("yes", "Reviewed"),
            ("no", "Not reviewed"),
            ("disputed", "Reviewers differ"),
            ("wrong", "Prediction wrong"),
        ]

    def narrow(self, query: RecordQuery, value: str) -> RecordQuery:
        match value:
            case "yes":
                return query.where(_those(lambda _, decisions: bool(decisions)))
            case "no":
                return query.where(_those(lambda _, decisions: not decisions))
            case "disputed":
                return query.where(_those(lambda _, decisions: needs_third(decisions)))
            case "wrong":
                return query.where(_those(is_wrong))
        raise InvalidParameter(
            self.parameter_name, f"“{value}” is not a choice; there are yes, no, disputed, wrong."
        )


admin.site.unregister(Record)


@admin.register(Record)
class ReviewedRecordAdmin(RecordAdmin):
    list_display = (*RecordAdmin.list_display, "reviewed")
    list_filter = (*RecordAdmin.list_filter, ReviewedFilter)  # type: ignore[assignment]

    @admin.display(description="Reviewed", empty_value="")
    def reviewed(self, record: Record) -> str | None:
        decisions: Sequence[Decision] = getattr(record, "decisions", ())
        if not decisions:
            return None
        final = _final(decisions)
        return "reviewers differ" if final is None else decided_text(final)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist: Any = super().get_changelist_instance(request)
        decided = decisions_on(record.id for record in changelist.result_list)
        for record in changelist.result_list:
            record.decisions = decided.get(record.id, ())
        return changelist

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        record: Record | None = kwargs.get("obj")
        if record is not None:
            context["decisions"] = decisions_on([record.id]).get(record.id, ())
        return super().render_change_form(request, context, *args, **kwargs)

    def export_labels(self, records: Sequence[Record]) -> Sequence[str | None]:
        """Returns what reviewers decided; else the correction, else the prediction."""
        decided = decisions_on(record.id for record in records)
        return [_export_label(record, decided.get(record.id, ())) for record in records]


def _export_label(record: Record, decisions: Sequence[Decision]) -> str | None:
    final = _final(decisions)
    if final is None:
        return label_of(record, Labels.CORRECTED)
    return None if final == REJECTED else final


def decided_text(label: str) -> str:
    """Returns a final label for people."""
    return "rejected" if label == REJECTED else label_text(label)
