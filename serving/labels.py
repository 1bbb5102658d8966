"""Version labels that this project uses: TensorFlow Serving's names for roles of a version."""

STABLE = "stable"  # answers the visitors
CANARY = "canary"  # answers a share of them
