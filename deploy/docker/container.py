"""What a container of the site's image does: `models`, `prepare` or `serve`.

`models` and `prepare` run to their end at every `docker-compose up`, also the second one, and
leave what is there already. They are apart because the model server waits for the one and
Cassandra is waited for by the other. `serve` needs neither Cassandra nor a model server: a
site that is started again while they are down answers, and keeps records in its spool.
"""

import argparse
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if not (ROOT / "manage.py").exists():  # in the repository this file is one folder deeper
    ROOT = ROOT.parent
sys.path.insert(0, str(ROOT))  # started as a script: its own directory is on the path, not this

from webui.environment import Environment  # noqa: E402


class CannotStart(Exception):
    """What is wrong, and what would be right; printed without a traceback."""


def say(text: str) -> None:
    print(text, flush=True)


def fill_models(models_dir: Path) -> None:
    """Puts shipped versions and configuration into the volume; a moved label stays moved.

    The volume has to be mounted at the same path in the model server.

    Raises:
        CannotStart: if the volume cannot be written to.
    """
    from serving.models_config import CONFIG_NAME
    from serving.versions.bundled import install_bundled

    try:
        done = install_bundled(models_dir)
        # Not state but part of the release: every `up` puts this release's in place.
        for config in sorted((ROOT / "serving").glob("*.config")):
            if config.name != CONFIG_NAME:
                draft = models_dir / f".{config.name}.tmp"
                shutil.copyfile(config, draft)
                draft.replace(models_dir / config.name)
    except OSError as problem:
        raise CannotStart(f"the models volume {models_dir} cannot be filled: {problem}") from None
    for line in done or [f"{models_dir} holds every shipped version"]:
        say(line)


def make_key(path: Path) -> None:
    """Makes the key of this installation, once, readable by its owner alone.

    It does so only where nothing else names a key: `SECRET_KEY` is empty and
    `SECRET_KEY_FILE` is `path`. An operator's own file that is missing stays an error.

    Raises:
        CannotStart: if the file cannot be written.
    """
    environment = Environment(os.environ)
    named = environment.text("SECRET_KEY") or environment.text("SECRET_KEY_FILE") != str(path)
    if named or path.exists():
        return
    try:
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(secrets.token_urlsafe(50))
        draft.replace(path)
    except OSError as problem:
        raise CannotStart(f"no key can be kept in {path}: {problem}") from None
    say(f"made the key of this installation: {path}")


def manage(*arguments: str) -> None:
    """Runs a command of manage.py to its end.

    Raises:
        CannotStart: if it fails; it has printed why.
    """
    finished = subprocess.run([sys.executable, str(ROOT / "manage.py"), *arguments], cwd=ROOT)
    if finished.returncode:
        raise CannotStart(f"manage.py {' '.join(arguments)} failed; the reason stands above")


def check_settings() -> None:
    """Reads the settings once, so that a wrong one is one line and not a worker's traceback.

    Raises:
        CannotStart: naming the setting and what would be right.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webui.settings")
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    try:
        _ = settings.SECRET_KEY
    except ImproperlyConfigured as problem:
        raise CannotStart(str(problem)) from None


def prepare(key: Path | None) -> None:
    if key:
        make_key(key)
    check_settings()
    manage("migrate", "--no-input", "--verbosity", "1")
    if Environment(os.environ).text("CASSANDRA_HOSTS"):
        manage("sync_records")
    say("prepared")


def serve() -> None:
    """Becomes gunicorn, which then gets the container's signals itself."""
    check_settings()
    os.chdir(ROOT)
    command = ["gunicorn", "-c", "deploy/gunicorn.conf.py", "webui.wsgi"]
    os.execvp(command[0], command)  # noqa: S606 - this process is to be gunicorn


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("models", help="fill the models volume, at MODELS_DIR")
    prepared = commands.add_parser("prepare", help="key, migrations, keyspace, tables, indexes")
    prepared.add_argument("--make-key", type=Path, metavar="FILE", help="where to keep a new key")
    commands.add_parser("serve", help="the site, under gunicorn")
    arguments = parser.parse_args()
    try:
        if arguments.command == "models":
            fill_models(Environment(os.environ).directory("MODELS_DIR", default=Path("/models")))
        elif arguments.command == "prepare":
            prepare(arguments.make_key)
        else:
            serve()
    except CannotStart as problem:
        print(f"Cannot start: {problem}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
