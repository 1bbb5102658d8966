"""The order of loading and unloading (`core/availability_preserving_policy.cc`).

A new version is loaded before an old one is unloaded, so that the model stays available.
"""

from serving.server.versions.loader_harness import HarnessState, LoaderHarness


def next_action(versions: list[LoaderHarness]) -> LoaderHarness | None:
    """Return the version to act upon next: to load if it is aspired, else to unload."""
    aspired = [each for each in versions if each.is_aspired]
    leaving = [
        each for each in versions if not each.is_aspired and each.state is HarnessState.READY
    ]
    if leaving and (not aspired or any(each.state is HarnessState.READY for each in aspired)):
        return min(leaving, key=lambda each: each.id)
    new = [each for each in aspired if each.state is HarnessState.NEW]
    return max(new, key=lambda each: each.id) if new else None
