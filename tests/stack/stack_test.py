"""`make stack-test`: the stack of docker-compose.yml, built, used, broken and taken down.

It says each step as it goes, with its time, and what visitors saw while parts were away. With
a registry it runs `tensorflow/serving` itself; where none is reached, or on a processor for
which that image does not exist, the embedded server's image takes its place. Nothing that it
makes is left behind, whether it passes, fails or is broken off; images stay with `--keep-images`.
"""

import argparse
import os
import platform
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import requests

from tests.harness import ROOT
from tests.harness.drawings import draw_seven
from tests.harness.ports import free_port
from tests.harness.visitors import Visitors, longest_gap, outcomes, predict
from tests.harness.waiting import TimedOut, wait_until
from tests.stack.instructions import Command, NoInstructions, commands, section
from tests.stack.stack import (
    BUILD_SECONDS,
    SERVING_IMAGE,
    Stack,
    StackError,
    docker,
    have_image,
)
from tests.stack.terminal import Terminal, TerminalError

PROJECT = "digits-stack-test"
MODEL = "digits"
COPY = "/tmp/copy"
VISITORS = 4
START_SECONDS = 240.0  # Cassandra's first start on two busy cores, and all that waits for it
RETURN_SECONDS = 120.0  # a killed container, until it is healthy again
MOVE_SECONDS = 60.0  # what waits in the spool, until it is in Cassandra
RECORD_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

FAILURES = (StackError, TimedOut, NoInstructions, TerminalError, requests.RequestException)


def say(text: str) -> None:
    print(text, flush=True)


def expect(true: bool, otherwise: str) -> None:
    """Raises StackError with `otherwise` unless it is true."""
    if not true:
        raise StackError(otherwise)


class StackTest:
    """The steps, in order; each leaves the stack whole for the next."""

    def __init__(self, stack: Stack, *, embedded: bool, directory: Path) -> None:
        self.stack = stack
        self.directory = directory  # where commands are typed; what they write goes with it
        self.embedded = embedded
        self.acknowledged: set[str] = set()  # every record id that a visitor was given
        self.times: list[tuple[str, float]] = []
        self.observed: list[str] = []
        self.last_look = ""  # at the records in Cassandra

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        say(f"== {title}")
        start = time.monotonic()
        yield
        seconds = time.monotonic() - start
        self.times.append((title, seconds))
        say(f"   {seconds:.1f} s")

    def note(self, text: str) -> None:
        say(f"   {text}")

    # --- what the steps ask -----------------------------------------------------------------
    def recorded_ids(self) -> list[str]:
        """Ids in Cassandra, asked with cqlsh inside its container, as often as they are there."""
        asked = "SELECT id FROM mnist_key.record_data"
        shown = self.stack.execute("cassandra", "cqlsh", "--request-timeout=20", "-e", asked)
        return RECORD_ID.findall(shown)

    def all_recorded(self) -> bool:
        try:
            missing = self.acknowledged - set(self.recorded_ids())
        except StackError as problem:  # a node that has just come up may refuse a first read
            self.last_look = f"cqlsh: {problem}"
            return False
        self.last_look = f"missing: {len(missing)}, like {sorted(missing)[:5]}"
        return not missing

    def check_records(self) -> None:
        """Every acknowledged record is in Cassandra, once; what waits in the spool has time."""
        seconds = wait_until(
            self.all_recorded,
            message=f"all {len(self.acknowledged)} acknowledged records in Cassandra",
            seconds=MOVE_SECONDS,
            details=lambda: f"({self.last_look})",
            interval=0.25,
        )
        ids = self.recorded_ids()
        expect(len(ids) == len(set(ids)), f"{len(ids) - len(set(ids))} records are there twice")
        self.note(
            f"{len(self.acknowledged)} acknowledged, all in Cassandra, none twice "
            f"({seconds:.1f} s until the last)"
        )

    @contextmanager
    def visitors(self, what: str) -> Iterator[Visitors]:
        """Four of them at work; what they saw is noted at the end."""
        with Visitors(self.stack.url, count=VISITORS, pause=0.1) as at_work:
            at_work.wait_for(20, seconds=60)
            yield at_work
        seen = at_work.visits()
        self.acknowledged |= {one.record_id for one in seen if one.predicted}
        text = f"{what}: {outcomes(seen)}; longest time without a reading {longest_gap(seen):.1f} s"
        self.observed.append(text)
        self.note(text)

    # --- the steps ------------------------------------------------------------------------
    def build(self) -> None:
        self.stack.build(*["models", "prepare", "web", *(["serving"] if self.embedded else [])])

    def refuses_without_a_key(self) -> None:
        """The image by itself; compose gives every installation a key of its own."""
        finished = subprocess.run(
            ["docker", "run", "--rm", f"{self.image('web')}"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        said = (finished.stdout + finished.stderr).strip()
        expect(finished.returncode != 0, "the site starts without a SECRET_KEY")
        helps = "SECRET_KEY is not set" in said and "secrets.token_urlsafe" in said
        expect(helps, f"without a SECRET_KEY the site does not say how to make one, but: {said}")
        expect("Traceback" not in said, f"a traceback instead of a sentence: {said}")
        self.note(said)

    def image(self, service: str) -> str:
        """The image that was built for a service: `project_web` or `project-web`."""
        names = docker("images", "--format", "{{.Repository}}").split()
        found = {f"{PROJECT}_{service}", f"{PROJECT}-{service}"} & set(names)
        expect(len(found) == 1, f"no image was built for {service}")
        return found.pop()

    def start(self) -> None:
        self.stack.up()
        self.stack.wait_healthy("cassandra", "serving", "web", seconds=START_SECONDS)
        wait_until(
            lambda: requests.get(f"{self.stack.url}/readyz", timeout=10).ok,
            message="/readyz answers 200",
            seconds=30,
            interval=0.25,
        )

    def is_locked(self) -> None:
        for service in ("web", "serving"):
            found = self.stack.inspect(service)
            host = found["HostConfig"]
            expect(found["Config"]["User"] not in ("", "0", "root"), f"{service} runs as root")
            expect(host["ReadonlyRootfs"], f"{service} can write to its root file system")
            expect(host["CapDrop"] == ["ALL"], f"{service} keeps capabilities: {host['CapDrop']}")
            expect(
                "no-new-privileges:true" in host["SecurityOpt"], f"{service} can gain privileges"
            )
            expect(host["Memory"] > 0, f"{service} has no memory limit")
        refused = "the web container could be written to"
        for tried in ("touch /site/x", "python -c 'import tensorflow'", "python -m pip --version"):
            try:
                self.stack.execute("web", "sh", "-c", tried)
            except StackError:
                continue
            raise StackError(f"{refused}: {tried!r} succeeded")
        published = [
            (service, inside)
            for service in ("web", "serving", "cassandra")
            for inside, outside in self.stack.inspect(service)["NetworkSettings"]["Ports"].items()
            if outside
        ]
        expect(published == [("web", "8000/tcp")], f"published ports: {published}")
        self.note("not root, read-only, no capability, nothing published but 8000")

    def draw_in_the_browser(self) -> None:
        from playwright.sync_api import sync_playwright

        found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
        if found is None:
            raise StackError("no Chromium to draw with; on Debian: apt-get install chromium")
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=found, args=options)
            try:
                page = browser.new_page()
                page.goto(self.stack.url, timeout=30_000)
                box = page.locator("canvas").first.bounding_box()
                if box is None:
                    raise StackError("the page shows no canvas")
                left, top, side = box["x"], box["y"], min(box["width"], box["height"])
                seven = [(0.3, 0.25), (0.7, 0.25), (0.45, 0.78)]
                page.mouse.move(left + seven[0][0] * side, top + seven[0][1] * side)
                page.mouse.down()
                for x, y in seven[1:]:
                    page.mouse.move(left + x * side, top + y * side, steps=12)
                page.mouse.up()
                with page.expect_response("**/api/v1/predictions", timeout=30_000) as waited:
                    page.get_by_role("button", name="predict it").click()
                answer = waited.value
                expect(answer.status == 201, f"predict it: {answer.status} {answer.text()}")
                body = answer.json()
            finally:
                browser.close()
        self.acknowledged.add(body["id"])
        self.drawn_id = body["id"]
        expect(body["digit"] == 7, f"a 7 was drawn and read as {body['digit']} ({body['verdict']})")
        self.note(
            f"a drawn 7 is read as {body['digit']} by version {body['model']['version']}, "
            f"confidence {body['confidence']:.3f}, {body['recorded']}"
        )

    def find_with_cqlsh(self) -> None:
        """As the README says it."""
        shown = self.stack.execute(
            "cassandra", "cqlsh", "-e", "USE mnist_key; select * from record_data;"
        )
        expect(self.drawn_id in shown, f"record {self.drawn_id} is not in:\n{shown}")
        self.note(f"record {self.drawn_id} is there")

    def swap_versions(self) -> None:
        """Publishes a version, promotes it, rolls back, all under load: nothing fails."""
        labelled = predict(self.stack.url, draw_seven())
        expect(labelled.predicted, f"no reading before the swap: {labelled.outcome}")
        before = labelled.version
        self.acknowledged.add(labelled.record_id)
        with self.visitors("swap of versions") as at_work:
            new = self.publish_a_copy()
            for command, expected in ((f"promote {new}", new), ("rollback", before)):
                self.stack.execute("web", "python", "manage.py", "models", *command.split())
                answered = at_work.wait_for(20, seconds=RETURN_SECONDS)
                versions = {one.version for one in answered if one.predicted}
                expect(
                    versions == {expected},
                    f"after models {command} version {expected} should answer, not {versions}",
                )
                self.note(f"models {command}: version {expected} answers")
            failed = [one for one in at_work.visits() if not one.predicted]
            expect(not failed, f"predictions failed during the swap: {outcomes(failed)}")

    def publish_a_copy(self) -> int:
        """Publishes version 1 once more, under a number of its own, and returns that."""
        self.stack.execute("web", "cp", "-r", f"/models/{MODEL}/1", COPY)
        self.stack.execute(
            "web", "python", "manage.py", "models", "publish", COPY, "--note", "stack test"
        )
        return max(int(n) for n in self.stack.execute("web", "ls", f"/models/{MODEL}").split())

    def without_cassandra(self) -> None:
        """Stopped and started again in the middle of a load: readings go on, records wait."""
        with self.visitors("Cassandra stopped and started") as at_work:
            self.stack.compose("stop", "cassandra")
            answered = at_work.wait_for(40, seconds=RETURN_SECONDS)
            spooled = [one for one in answered if one.outcome == "spooled"]
            expect(bool(spooled), "no record says that it waits in the spool")
            self.stack.compose("start", "cassandra")
            self.stack.wait_healthy("cassandra", seconds=RETURN_SECONDS)
            wait_until(
                lambda: any(one.outcome == "stored" for one in at_work.visits()[-VISITORS:]),
                message="records stored again",
                seconds=MOVE_SECONDS,
            )
            failed = [one for one in at_work.visits() if not one.predicted]
            expect(not failed, f"readings failed without Cassandra: {outcomes(failed)}")
        self.check_records()

    def kill(self, service: str) -> None:
        """SIGKILL to a container's first process under load: the engine starts it again."""
        with self.visitors(f"{service} killed") as at_work:
            starts = self.stack.starts(service)
            self.stack.kill_process(service)
            back = wait_until(
                lambda: self.stack.starts(service) > starts,
                message=f"{service} started again",
                seconds=RETURN_SECONDS,
                interval=0.25,
            )
            back += self.stack.wait_healthy(service, seconds=RETURN_SECONDS)
            self.note(f"{service} healthy again after {back:.1f} s, by itself")
            at_work.wait_for(20, seconds=RETURN_SECONDS)
            unkind = [one for one in at_work.visits() if "WITHOUT" in one.outcome]
            expect(not unkind, f"visitors were told nothing useful: {outcomes(unkind)}")
        self.check_records()

    def follow(self, name: str, **environment: str) -> None:
        """Types the commands of a section of docs/operations.md."""
        for command in commands(section(ROOT / "docs" / "operations.md", name)):
            self.note(f"$ {command.line}")
            self.type(command, **environment)

    def upgrade(self) -> None:
        """Another image of the site takes the place of the running one, under load."""
        before = self.stack.container("web")
        with self.visitors("upgrade of the site") as at_work:
            self.follow("upgrade", RELEASE="stack-test")
            self.stack.wait_healthy("web", seconds=RETURN_SECONDS)
            at_work.wait_for(20, seconds=RETURN_SECONDS)
        release = self.stack.inspect("web")["Config"]["Labels"]["org.opencontainers.image.version"]
        expect(self.stack.container("web") != before, "web was not exchanged")
        expect(release == "stack-test", f"the site's release is {release!r} after the upgrade")
        self.check_records()

    def backup_and_restore(self) -> None:
        """Every volume is lost in between; records, accounts, versions and the key come back."""
        account = "from django.contrib.auth.models import User; User.objects.create(username='{}')"
        self.stack.execute("web", "python", "manage.py", "shell", "-c", account.format("keeper"))
        key = self.stack.execute("web", "cat", "/data/secret_key")
        versions = self.stack.execute("web", "python", "manage.py", "models", "list")
        self.follow("backup")
        self.stack.compose("down", "--volumes")
        self.follow("restore")
        self.stack.wait_healthy("cassandra", "serving", "web", seconds=START_SECONDS)
        self.check_records()
        asked = "from django.contrib.auth.models import User; print(User.objects.get().username)"
        found = self.stack.execute("web", "python", "manage.py", "shell", "-v0", "-c", asked)
        expect(found.split()[-1:] == ["keeper"], f"the account did not come back: {found!r}")
        expect(self.stack.execute("web", "cat", "/data/secret_key") == key, "another key is back")
        again = self.stack.execute("web", "python", "manage.py", "models", "list")
        expect(again == versions, f"model versions before:\n{versions}\nand after:\n{again}")

    def follow_the_readme(self) -> None:
        """From no container to the records of before, as the README's Docker section says it.

        A second start on volumes that are there needs no hand, and loses nothing.
        """
        self.stack.compose("down")
        expect(not self.stack.containers(), "containers are left after `down`")
        for command in commands(section(ROOT / "README.md", "docker")):
            self.note(f"$ {command.line}")
            if command.line.startswith("docker-compose down"):
                after = predict(self.stack.url, draw_seven())
                expect(after.outcome == "stored", f"a prediction after a restart: {after.outcome}")
            self.type(command)
            if command.line.startswith("docker-compose up"):
                self.stack.wait_healthy("cassandra", "serving", "web", seconds=START_SECONDS)
                self.check_records()
        expect(not self.stack.containers(), "containers are left after the README's last command")

    def type(self, command: Command, **environment: str) -> None:
        """Types a command as it stands; cqlsh's pages are turned until the drawing went by."""
        line = command.line
        if shutil.which("docker-compose") is None:
            line = line.replace("docker-compose", "docker compose")
        with Terminal(
            line,
            directory=self.directory,
            environment={**self.stack.shell_environment(), **environment},
            seconds=BUILD_SECONDS,
        ) as terminal:
            if "createsuperuser" in line:
                password = secrets.token_urlsafe(16)
                terminal.answer("[Uu]sername", "owner")
                terminal.answer("[Ee]mail", "")
                terminal.answer("Password:", password)
                terminal.answer(r"Password \(again\):", password)
            if line.endswith("cqlsh"):
                for text in command.typed:
                    terminal.answer("cqlsh.*> ", text)
                shown = terminal.turn_pages("---MORE---", until=r"\(\d+ rows\)")
                expect(self.drawn_id in shown, f"{self.drawn_id} is not in:\n{shown[-2000:]}")
                terminal.answer("cqlsh.*> ", "exit")

    # --- all of it ------------------------------------------------------------------------
    def run(self) -> None:
        steps: list[tuple[str, Callable[[], None]]] = [
            ("build the images", self.build),
            ("the site refuses to start without a key", self.refuses_without_a_key),
            ("start the stack", self.start),
            ("the containers are locked down", self.is_locked),
            ("draw through the page in a browser", self.draw_in_the_browser),
            ("find the record with cqlsh inside the cassandra container", self.find_with_cqlsh),
            ("swap versions under load", self.swap_versions),
            ("stop and start Cassandra in the middle of a load", self.without_cassandra),
            ("kill web under load", lambda: self.kill("web")),
            ("kill serving under load", lambda: self.kill("serving")),
            ("kill cassandra under load", lambda: self.kill("cassandra")),
            ("upgrade the site under load", self.upgrade),
            ("back up, lose every volume, restore", self.backup_and_restore),
            ("restart everything by the README and find all records", self.follow_the_readme),
        ]
        for title, action in steps:
            with self.step(title):
                action()

    def report(self) -> None:
        say("\nWhat visitors saw (4 clients):")
        for text in self.observed:
            say(f"  {text}")
        say("\nSteps:")
        for title, seconds in self.times:
            say(f"  {seconds:6.1f} s  {title}")
        say(f"  {sum(seconds for _, seconds in self.times):6.1f} s  in all")


def stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--embedded",
        action="store_true",
        help="the embedded server's image, also where the real one can be had",
    )
    parser.add_argument("--keep-images", action="store_true", help="for a quicker next time")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, stop)
    amd64 = platform.machine() in ("x86_64", "AMD64")
    embedded = arguments.embedded or not amd64 or not have_image(SERVING_IMAGE)
    files = ["docker-compose.yml", *(["docker-compose.embedded.yml"] if embedded else [])]
    say(f"compose files: {', '.join(files)}")
    with tempfile.TemporaryDirectory() as directory:
        env_file = Path(directory) / "none.env"
        env_file.touch()
        stack = Stack(
            project=PROJECT,
            files=files,
            port=int(os.environ.get("STACK_TEST_PORT", "0")) or free_port(),
            environment={"RATE_LIMIT": "off", "SERVING_IMAGE": f"{PROJECT}-serving"},
            env_file=env_file,
        )
        test = StackTest(stack, embedded=embedded, directory=Path(directory))
        started = time.monotonic()
        try:
            stack.take_down(images=False)  # what a test that was killed has left
            test.run()
        except FAILURES as problem:
            say(f"\nFAILED after {time.monotonic() - started:.0f} s: {problem}\n")
            say(stack.logs())
            return 1
        except KeyboardInterrupt:
            say("\nbroken off")
            return 130
        finally:
            say("== take everything down")
            stack.take_down(images=not arguments.keep_images)
            if embedded and not arguments.keep_images:
                with suppress(StackError):  # a build that failed has left none
                    docker("image", "rm", "--force", f"{PROJECT}-serving")
        test.report()
    return 0


if __name__ == "__main__":
    sys.exit(main())
