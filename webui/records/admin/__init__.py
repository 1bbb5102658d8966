"""The pages of records in Django's admin."""

from webui.records.admin.record_admin import RecordAdmin

__all__ = ["RecordAdmin"]
