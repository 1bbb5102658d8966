"""One run of the stack test: its project, what it reports, and what its steps share."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.harness.visitors import Visitors, longest_gap, outcomes
from tests.harness.waiting import wait_until
from tests.stack.compose import ComposeProject, StackError

VISITORS = 4
START_SECONDS = 240.0  # Cassandra's first start on two busy cores, and all that waits for it
RETURN_SECONDS = 120.0  # until a killed container is healthy again
REPLAY_SECONDS = 60.0  # until every record of the spool is in Cassandra
RECORD_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


def expect(condition: bool, otherwise: str) -> None:
    """Raises StackError with the text `otherwise` unless the condition holds."""
    if not condition:
        raise StackError(otherwise)


class Run:
    """The state that one step leaves to the next.

    Attributes:
        embedded: whether the embedded model server takes the place of TensorFlow Serving.
        directory: where commands are typed; the files that they write are removed with it.
        acknowledged: ids of all records that a visitor was given.
        drawn_id: the record of the digit that was drawn in the browser.
    """

    def __init__(self, project: ComposeProject, *, embedded: bool, directory: Path) -> None:
        self.project = project
        self.embedded = embedded
        self.directory = directory
        self.acknowledged: set[str] = set()
        self.drawn_id = ""
        self._times: list[tuple[str, float]] = []
        self._observed: list[str] = []
        self._missing = ""  # the last reason why `_all_recorded` was false

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Prints the title of a step and the seconds that it took."""
        print(f"== {title}", flush=True)
        start = time.monotonic()
        yield
        seconds = time.monotonic() - start
        self._times.append((title, seconds))
        self.print(f"{seconds:.1f} s")

    def print(self, text: str) -> None:
        """Prints a line below the step's title."""
        print(f"   {text}", flush=True)

    def report(self) -> None:
        """Prints what visitors saw, and the seconds of each step."""
        print(f"\nWhat visitors saw ({VISITORS} clients):")
        for text in self._observed:
            print(f"  {text}")
        print("\nSteps:")
        for title, seconds in self._times:
            print(f"  {seconds:6.1f} s  {title}")
        print(f"  {sum(seconds for _, seconds in self._times):6.1f} s  in all")

    def wait_started(self) -> None:
        """Returns when every service is healthy and the site is ready."""
        self.project.wait_healthy("cassandra", "serving", "web", "proxy", seconds=START_SECONDS)
        wait_until(
            lambda: requests.get(f"{self.project.url}/readyz", timeout=10).ok,
            message="/readyz answers 200",
            seconds=30,
            interval=0.25,
        )

    @contextmanager
    def visitors(self, title: str) -> Iterator[Visitors]:
        """Runs visitors during the block; what they saw is reported at its end."""
        with Visitors(self.project.url, count=VISITORS, pause=0.1) as visitors:
            visitors.wait_for(20, seconds=60)
            yield visitors
        visits = visitors.visits()
        self.acknowledged |= {visit.record_id for visit in visits if visit.predicted}
        gap = longest_gap(visits)
        text = f"{title}: {outcomes(visits)}; longest time without a prediction {gap:.1f} s"
        self._observed.append(text)
        self.print(text)

    def check_records(self) -> None:
        """Checks that every acknowledged record is in Cassandra once, when the spool is empty."""
        seconds = wait_until(
            self._all_recorded,
            message=f"all {len(self.acknowledged)} acknowledged records in Cassandra",
            seconds=REPLAY_SECONDS,
            details=lambda: f"({self._missing})",
            interval=0.25,
        )
        ids = self._recorded_ids()
        expect(len(ids) == len(set(ids)), f"{len(ids) - len(set(ids))} records are there twice")
        self.print(
            f"{len(self.acknowledged)} acknowledged, all in Cassandra, none twice "
            f"({seconds:.1f} s until the last)"
        )

    def _recorded_ids(self) -> list[str]:
        """Return the ids in Cassandra, read with cqlsh in its container."""
        query = "SELECT id FROM mnist_key.record_data"
        rows = self.project.execute("cassandra", "cqlsh", "--request-timeout=20", "-e", query)
        return RECORD_ID.findall(rows)

    def _all_recorded(self) -> bool:
        try:
            missing = self.acknowledged - set(self._recorded_ids())
        except StackError as problem:  # a node that has just started may refuse a first read
            self._missing = f"cqlsh: {problem}"
            return False
        self._missing = f"missing: {len(missing)}, like {sorted(missing)[:5]}"
        return not missing
