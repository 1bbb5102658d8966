"""The instructions of the README and docs/operations.md, run as they are written."""

import secrets
import shutil

from tests.harness import ROOT
from tests.harness.drawings import draw_seven
from tests.harness.visitors import predict
from tests.stack.compose import BUILD_SECONDS
from tests.stack.instructions import Command, commands, section
from tests.stack.run import RETURN_SECONDS, Run, expect
from tests.stack.terminal import Terminal

RELEASE = "stack-test"
RELEASE_LABEL = "org.opencontainers.image.version"
CREATE_USER = "from django.contrib.auth.models import User; User.objects.create(username='keeper')"
PRINT_USER = "from django.contrib.auth.models import User; print(User.objects.get().username)"


def upgrade(run: Run) -> None:
    """Replaces the site's image under load."""
    before = run.project.container("web")
    with run.visitors("upgrade of the site") as visitors:
        _follow(run, "upgrade", RELEASE=RELEASE)
        run.project.wait_healthy("web", seconds=RETURN_SECONDS)
        visitors.wait_for(20, seconds=RETURN_SECONDS)
    release = run.project.inspect("web")["Config"]["Labels"][RELEASE_LABEL]
    expect(run.project.container("web") != before, "web was not replaced")
    expect(release == RELEASE, f"the site's release is {release!r} after the upgrade")
    run.check_records()


def back_up_and_restore(run: Run) -> None:
    """Deletes every volume between the two; records, accounts, versions and key come back."""
    run.project.manage("shell", "-c", CREATE_USER)
    key = run.project.execute("web", "cat", "/data/secret_key")
    versions = run.project.manage("models", "list")
    _follow(run, "backup")
    run.project.compose("down", "--volumes")
    _follow(run, "restore")
    run.wait_started()
    run.check_records()
    user = run.project.manage("shell", "-v0", "-c", PRINT_USER)
    expect(user.split()[-1:] == ["keeper"], f"the account did not come back: {user!r}")
    expect(run.project.execute("web", "cat", "/data/secret_key") == key, "another key is back")
    again = run.project.manage("models", "list")
    expect(again == versions, f"model versions before:\n{versions}\nand after:\n{again}")


def follow_readme(run: Run) -> None:
    """Starts on the existing volumes, by the README's Docker section; no record is lost."""
    run.project.compose("down")
    expect(not run.project.containers(), "containers are left after `down`")
    for command in commands(section(ROOT / "README.md", "docker")):
        if command.line.startswith("docker-compose down"):
            visit = predict(run.project.url, draw_seven())
            expect(visit.outcome == "stored", f"a prediction after a restart: {visit.outcome}")
        _type(run, command)
        if command.line.startswith("docker-compose up"):
            run.wait_started()
            run.check_records()
    expect(not run.project.containers(), "containers are left after the README's last command")


def _follow(run: Run, name: str, **environment: str) -> None:
    """Types the commands of a section of docs/operations.md."""
    for command in commands(section(ROOT / "docs" / "operations.md", name)):
        _type(run, command, **environment)


def _type(run: Run, command: Command, **environment: str) -> None:
    """Types a command, its input, and what its prompts ask for."""
    run.print(f"$ {command.line}")
    line = command.line
    if shutil.which("docker-compose") is None:
        line = line.replace("docker-compose", "docker compose")
    with Terminal(
        line,
        directory=run.directory,
        environment={**run.project.shell_environment(), **environment},
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
            expect(run.drawn_id in shown, f"{run.drawn_id} is not in:\n{shown[-2000:]}")
            terminal.answer("cqlsh.*> ", "exit")
