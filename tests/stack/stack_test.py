"""`make stack-test`: builds, uses, breaks and removes the stack of docker-compose.yml.

It prints each step with its time, and what visitors saw meanwhile. It runs `tensorflow/serving`
where that image can be pulled for this processor, and otherwise the embedded server's image.
Whether it passes, fails or is interrupted, everything that it made is removed; images stay with
`--keep-images`.
"""

import argparse
import functools
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

import requests

from tests.harness.ports import free_port
from tests.harness.waiting import TimedOut
from tests.stack.compose import (
    NGINX_IMAGE,
    SERVING_IMAGE,
    ComposeProject,
    StackError,
    docker,
    have_image,
    make_nginx_image,
)
from tests.stack.instructions import NoInstructions
from tests.stack.run import Run
from tests.stack.steps import faults, maintain, proxy, start, use
from tests.stack.terminal import TerminalError

PROJECT = "digits-stack-test"
PROXY_NETWORK = "172.30.138.0/29"  # not that of a stack in use
FAILURES = (StackError, TimedOut, NoInstructions, TerminalError, requests.RequestException)
STEPS: list[tuple[str, Callable[[Run], None]]] = [
    ("build the images", start.build),
    ("the site refuses to start without a key", start.refuse_without_key),
    ("start the stack", start.start),
    ("the containers are restricted", start.check_restrictions),
    ("the proxy refuses and hands on", proxy.check),
    ("draw through the page in a browser", use.draw_in_browser),
    ("find the record with cqlsh inside the cassandra container", use.find_with_cqlsh),
    ("swap versions under load", faults.swap_versions),
    ("stop and start Cassandra in the middle of a load", faults.restart_cassandra),
    ("kill web under load", functools.partial(faults.kill, service="web")),
    ("kill serving under load", functools.partial(faults.kill, service="serving")),
    ("kill cassandra under load", functools.partial(faults.kill, service="cassandra")),
    ("upgrade the site under load", maintain.upgrade),
    ("back up, delete every volume, restore", maintain.back_up_and_restore),
    ("restart everything by the README and find all records", maintain.follow_readme),
]


def interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--embedded",
        action="store_true",
        help="use the embedded server's image even if TensorFlow Serving's is available",
    )
    parser.add_argument("--keep-images", action="store_true", help="makes the next run quicker")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupt)
    amd64 = platform.machine() in ("x86_64", "AMD64")
    embedded = arguments.embedded or not amd64 or not have_image(SERVING_IMAGE)
    nginx = NGINX_IMAGE if have_image(NGINX_IMAGE) else make_nginx_image(f"{PROJECT}-nginx")
    files = ["docker-compose.yml", *(["docker-compose.embedded.yml"] if embedded else [])]
    print(f"compose files: {', '.join(files)}", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        env_file = Path(directory) / "none.env"
        env_file.touch()
        project = ComposeProject(
            project=PROJECT,
            files=files,
            port=int(os.environ.get("STACK_TEST_PORT", "0")) or free_port(),
            environment={
                "RATE_LIMIT": "off",
                "SERVING_IMAGE": f"{PROJECT}-serving",
                "PROXY_NETWORK": PROXY_NETWORK,
                "NGINX_IMAGE": nginx,
            },
            env_file=env_file,
        )
        run = Run(project, embedded=embedded, directory=Path(directory))
        started = time.monotonic()
        try:
            project.take_down(images=False)  # left by a run that was killed
            for title, step in STEPS:
                with run.step(title):
                    step(run)
        except FAILURES as problem:
            seconds = time.monotonic() - started
            print(f"\nFAILED after {seconds:.0f} s: {problem}\n\n{project.logs()}", flush=True)
            return 1
        except KeyboardInterrupt:
            print("\ninterrupted", flush=True)
            return 130
        finally:
            print("== remove everything", flush=True)
            project.take_down(images=not arguments.keep_images)
            if not arguments.keep_images:
                for name in (f"{PROJECT}-serving", f"{PROJECT}-nginx"):
                    with suppress(StackError):  # none is left by a build that failed
                        docker("image", "rm", "--force", name)
        run.report()
    return 0


if __name__ == "__main__":
    sys.exit(main())
