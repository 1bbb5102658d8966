"""An operator who publishes, promotes and rolls back versions beside a running site."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.harness import ROOT


class Operator:
    """Calls `webui.rollout.services` in one process, which spares the start of `manage.py`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self, action: str, **arguments: Any) -> dict[str, str]:
        """Return the service's `message`, with an `error` if it raised one."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"action": action, **arguments}) + "\n")
        self._process.stdin.flush()
        result: dict[str, str] = json.loads(self._process.stdout.readline())
        return result

    def succeed(self, action: str, **arguments: Any) -> None:
        """Calls a service that must not raise an error."""
        result = self(action, **arguments)
        assert "error" not in result, result


@contextmanager
def operator(environment: Mapping[str, str]) -> Iterator[Operator]:
    """Starts the process, with the environment of the site."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.rollout.operator"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Operator(process)


def main() -> None:
    """Performs an action for each line of standard input, and prints its result."""
    import django

    django.setup()
    from serving.versions import smoke_test
    from webui.rollout import services

    for line in sys.stdin:
        arguments = json.loads(line)
        action = getattr(services, arguments.pop("action"))
        if arguments.pop("without_tensorflow", False):
            smoke_test.tensorflow_is_available = lambda: False
        if "source" in arguments:
            arguments["source"] = Path(arguments["source"])
        try:
            result = {"message": action(by="tests", **arguments).message}
        except Exception as problem:
            result = {"error": type(problem).__name__, "message": str(problem)}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
