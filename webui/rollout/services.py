"""What is done to model versions, from the command line and the admin alike."""

from webui.rollout.canary import label_for

__all__ = ["label_for"]
