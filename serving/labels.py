"""The version labels in use; TensorFlow Serving resolves them to versions."""

STABLE = "stable"  # answers visitors
CANARY = "canary"  # answers a share of them
SHADOW = "shadow"  # is asked too, and answers nobody
