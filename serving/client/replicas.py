"""Several model servers with the same models: requests are spread, a failed one is repeated.

The servers share the models directory and its `models.config`, so that each follows a promotion
by itself.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from serving.client.client import RESTART_SECONDS, ServingClient, VersionStatus
from serving.client.errors import (
    ConnectionFailed,
    InstanceRefused,
    LabelBehind,
    ServingError,
    ServingUnavailable,
    VersionNotLoaded,
)
from serving.client.predictions import Answer
from serving.client.restart import RestartPatience
from serving.labels import STABLE

log = logging.getLogger(__name__)

# How long a server that failed is left out; doubled while it fails.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 16.0
# An answer takes milliseconds, and another server can be asked.
READ_SECONDS = 2.0

T = TypeVar("T")


class ReplicatedClient:
    """Asks one model of several servers; has the methods of `ServingClient` that the site uses.

    Predictions take turns. A server that does not answer, or not with probabilities, is left out
    for a second, and longer while it fails; then one request tries it. The prediction itself is
    repeated on another server, so a visitor waits at most `READ_SECONDS` for each that is silent.
    While every server refuses connections, it is waited for as `ServingClient` does.

    Args:
        clients: one for each server, with `restart_seconds=0`.
        restart_seconds: as for `ServingClient`, when no server listens.
    """

    def __init__(
        self, clients: Sequence[ServingClient], *, restart_seconds: float = RESTART_SECONDS
    ) -> None:
        self._replicas = [_Replica(client) for client in clients]
        self._turns = itertools.count()
        self._patience = RestartPatience(restart_seconds)
        self.base_url = ", ".join(client.base_url for client in clients)
        self.model_name = clients[0].model_name

    def predict(
        self,
        instances: NDArray[np.floating[Any]],
        *,
        label: str = STABLE,
        or_stable: bool = True,
    ) -> Answer:
        """As `ServingClient.predict`; a server that has not followed a moved label is asked last.

        Raises:
            As `ServingClient.predict`: the last server's error.
        """

        def ask(client: ServingClient, must_be_current: bool) -> Answer:
            return client.predict(
                instances, label=label, or_stable=or_stable, must_be_current=must_be_current
            )

        return self._patience.ask(lambda: self._first_answer(ask))

    def predict_by_version(self, instances: NDArray[np.floating[Any]], *, version: int) -> Answer:
        """As `ServingClient.predict_by_version`."""

        def ask(client: ServingClient, _must_be_current: bool) -> Answer:
            return client.predict_by_version(instances, version=version)

        return self._patience.ask(lambda: self._first_answer(ask))

    def resolve(self, label: str) -> int:
        """Returns the version that the label names, as the first server that answers says.

        Raises:
            LabelUnknown, ServingUnavailable, ServingError: the last server's error.
        """
        return self._first_answer(lambda client, _must_be_current: client.resolve(label))

    def named_by(self, label: str) -> set[int | None]:
        """Returns the versions that the label names on the servers that listen.

        Raises:
            ServingError: one that listens does not answer, or none listens.
        """
        return set().union(*self._of_all(lambda client: client.named_by(label)))

    def versions(self) -> list[VersionStatus]:
        """Returns the versions that the servers have seen, newest first.

        A version is available when all servers that listen have loaded it, and failed when one
        of them could not load it.

        Raises:
            ServingError: one that listens does not answer, or none listens.
        """
        of_each = [
            {status.version: status for status in statuses}
            for statuses in self._of_all(lambda client: client.versions())
        ]
        numbers = sorted(set().union(*of_each), reverse=True)
        return [_merged([one.get(number) for one in of_each]) for number in numbers]

    def _of_all(self, ask: Callable[[ServingClient], T]) -> list[T]:
        """Asks every server. One that does not listen reads `models.config` when it starts."""
        answers: list[T] = []
        refused: ConnectionFailed | None = None
        for replica in self._replicas:
            try:
                answers.append(ask(replica.client))
            except ConnectionFailed as problem:
                refused = problem
        if refused and not answers:
            raise refused
        return answers

    def _first_answer(self, ask: Callable[[ServingClient, bool], T]) -> T:
        problem: ServingError | None = None
        behind: list[_Replica] = []
        for replica in self._in_order():
            try:
                answer = ask(replica.client, True)
            except InstanceRefused:
                raise
            except LabelBehind:
                behind.append(replica)
            except VersionNotLoaded as error:  # it answers
                problem = error
            except ServingError as error:
                replica.failed(error)
                if problem is None or not isinstance(error, ConnectionFailed):
                    problem = error
            else:
                replica.answered()
                return answer
        for replica in behind:  # the label is moving at this moment
            return ask(replica.client, False)
        raise problem or ServingUnavailable("no model server is named")

    def _in_order(self) -> list["_Replica"]:
        """Returns those to be tried again, then those in use in turn, then the ones left out."""
        turn = next(self._turns) % len(self._replicas)
        turned = self._replicas[turn:] + self._replicas[:turn]
        rank = {replica: replica.rank() for replica in turned}
        return sorted(turned, key=lambda replica: rank[replica])


class _Replica:
    """One server: in use, or left out until it is tried again; safe for threads."""

    def __init__(self, client: ServingClient) -> None:
        self.client = client
        self._lock = threading.Lock()
        self._pause = 0.0  # 0: in use
        self._try_at = 0.0
        self._trying = False

    def rank(self) -> int:
        """Returns 0 if this caller is the one to try it again, 1 in use, 2 left out."""
        if not self._pause:
            return 1
        with self._lock:
            if time.monotonic() < self._try_at:
                return 2
            self._try_at = time.monotonic() + self._pause  # one request at a time tries it
            self._trying = True
            return 0

    def failed(self, problem: ServingError) -> None:
        with self._lock:
            if not self._pause:
                log.warning("a model server is left out for a while: %s", problem)
                self._pause = FIRST_PAUSE_SECONDS
            elif self._trying:
                self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
            else:
                return  # a request that was sent before it was left out, or when all are
            self._try_at = time.monotonic() + self._pause
            self._trying = False

    def answered(self) -> None:
        if self._pause:
            with self._lock:
                self._pause, self._trying = 0.0, False
            log.warning("the model server at %s answers again", self.client.base_url)


def _merged(statuses: Sequence[VersionStatus | None]) -> VersionStatus:
    """Returns one status for a version; None stands for a server that has not seen it."""
    seen = [status for status in statuses if status is not None]
    for status in seen:
        if status.failed:
            return status
    loaded = [status for status in seen if status.available]
    if not loaded:
        return next((status for status in seen if status.state != "END"), seen[0])
    if len(loaded) == len(statuses):
        return loaded[0]
    state = f"AVAILABLE on {len(loaded)} of {len(statuses)}"
    return VersionStatus(version=loaded[0].version, state=state)
