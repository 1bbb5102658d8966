"""The commands of a container of the site's image: `models`, `prepare`, `serve` and `rotate-key`.

`models` and `prepare` run to their end at every `docker-compose up` and keep what an earlier run
made. They are two commands because the model server waits for the first, and the second waits for
Cassandra. `serve` needs neither Cassandra nor a model server: a site that is started again while
they are down answers, and keeps records in its spool.
"""

import argparse
import os
import secrets
import subprocess
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from serving.atomic_files import write_bytes, write_text
from serving.models_config import CONFIG_NAME
from serving.versions.bundled import install_bundled
from webui.access.secret_keys import refuse_weak_keys
from webui.environment import Environment

ROOT = Path(__file__).resolve().parents[2]


class CannotStart(Exception):
    """The reason, and what would be right; printed without a traceback."""


def say(text: str) -> None:
    print(text, flush=True)


def fill_models(models_dir: Path, server_settings: Path) -> None:
    """Install the bundled versions and the configuration; a moved label stays moved.

    Args:
        models_dir: a volume that the model server has mounted at the same path.
        server_settings: a volume that only the model server has mounted as well. It gets the
            configuration that belongs to the release, which a site must not be able to write.

    Raises:
        CannotStart: if a volume cannot be written to.
    """
    try:
        installed = install_bundled(models_dir)
    except OSError as problem:
        raise CannotStart(f"the models volume {models_dir} cannot be filled: {problem}") from None
    try:
        # These are part of the release and hold no state, so every `up` replaces them.
        for config in sorted((ROOT / "serving").glob("*.config")):
            if config.name != CONFIG_NAME:
                write_bytes(server_settings / config.name, config.read_bytes())
                (models_dir / config.name).unlink(missing_ok=True)  # there until release 1.0
    except OSError as problem:
        raise CannotStart(
            f"the model server's settings {server_settings} cannot be filled: {problem}"
        ) from None
    for line in installed or [f"{models_dir} holds every bundled version"]:
        say(line)


def make_key(path: Path) -> None:
    """Make the secret key of this installation, once, readable by its owner only.

    Without effect where another key is named: `SECRET_KEY` is set, or `SECRET_KEY_FILE` is not
    `path`. An operator's own file that is missing stays an error. The file of the earlier keys is
    made as well, empty, if it is named and in the same directory.

    Raises:
        CannotStart: if a file cannot be written.
    """
    environment = Environment(os.environ)
    fallbacks = Path(environment.text("SECRET_KEY_FALLBACKS_FILE"))
    named = environment.text("SECRET_KEY") or environment.text("SECRET_KEY_FILE") != str(path)
    try:
        if fallbacks.parent == path.parent and not fallbacks.exists():
            write_text(fallbacks, "", mode=0o600)
        if named or path.exists():
            return
        write_text(path, secrets.token_urlsafe(50), mode=0o600)
    except OSError as problem:
        raise CannotStart(f"no key can be kept in {path}: {problem}") from None
    say(f"made the key of this installation: {path}")


def rotate_key() -> None:
    """Make a new secret key, and keep the present one as the first of the earlier keys.

    The file of earlier keys is written first: whenever this ends, no key is lost.

    Raises:
        CannotStart: if the keys are not in files, or a file cannot be written.
    """
    environment = Environment(os.environ)
    files = [environment.text(f"{name}_FILE") for name in ("SECRET_KEY", "SECRET_KEY_FALLBACKS")]
    if not all(files) or any(map(environment.text, ("SECRET_KEY", "SECRET_KEY_FALLBACKS"))):
        raise CannotStart(
            "the keys are not in files that SECRET_KEY_FILE and SECRET_KEY_FALLBACKS_FILE name; "
            "set a new SECRET_KEY yourself, and put the present one first in SECRET_KEY_FALLBACKS"
        )
    try:
        earlier = [environment.secret("SECRET_KEY"), *environment.secrets("SECRET_KEY_FALLBACKS")]
        write_text(Path(files[1]), "".join(f"{key}\n" for key in earlier), mode=0o600)
        write_text(Path(files[0]), secrets.token_urlsafe(50), mode=0o600)
    except (OSError, ImproperlyConfigured) as problem:
        raise CannotStart(f"the key cannot be changed: {problem}") from None
    say(f"made a new key; {files[1]} holds {len(earlier)} earlier. Restart the site now")


def manage(*arguments: str) -> None:
    """Run a command of manage.py to its end.

    Raises:
        CannotStart: if it fails; it has printed why.
    """
    finished = subprocess.run([sys.executable, str(ROOT / "manage.py"), *arguments], cwd=ROOT)
    if finished.returncode:
        raise CannotStart(f"manage.py {' '.join(arguments)} failed; see above")


def check_settings() -> None:
    """Read the settings once, so that a wrong one is one line and not a worker's traceback.

    Raises:
        CannotStart: naming the setting and what would be right.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webui.settings")
    from django.conf import settings

    try:
        refuse_weak_keys(settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS)
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
    """Replace this process by gunicorn, which then receives the container's signals itself."""
    check_settings()
    os.chdir(ROOT)
    command = ["gunicorn", "-c", "deploy/gunicorn.conf.py", "webui.wsgi"]
    os.execvp(command[0], command)  # noqa: S606 - this process is to be gunicorn


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    models = commands.add_parser("models", help="fill the models volume, at MODELS_DIR")
    models.add_argument(
        "--server-settings",
        type=Path,
        metavar="DIR",
        required=True,
        help="where the model server reads its batching and monitoring configuration",
    )
    prepared = commands.add_parser("prepare", help="key, migrations, keyspace, tables, indexes")
    prepared.add_argument("--make-key", type=Path, metavar="FILE", help="where to keep a new key")
    commands.add_parser("serve", help="the site, under gunicorn")
    commands.add_parser("rotate-key", help="a new secret key; the present one stays accepted")
    arguments = parser.parse_args()
    try:
        if arguments.command == "models":
            fill_models(
                Environment(os.environ).directory("MODELS_DIR", default=Path("/models")),
                arguments.server_settings,
            )
        elif arguments.command == "prepare":
            prepare(arguments.make_key)
        elif arguments.command == "rotate-key":
            rotate_key()
        else:
            serve()
    except CannotStart as problem:
        print(f"Cannot start: {problem}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
