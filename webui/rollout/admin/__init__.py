"""The pages of model versions, their history and the shadow in Django's admin."""

from webui.rollout.admin.shadow import ShadowAnswerAdmin
from webui.rollout.admin.versions import HistoryEntryAdmin, ModelVersionAdmin

__all__ = ["HistoryEntryAdmin", "ModelVersionAdmin", "ShadowAnswerAdmin"]
