"""Secrets from files: `SECRET_KEY_FILE` names a file that holds what `SECRET_KEY` would.

Docker, Podman and Kubernetes mount secrets as files, since an environment is shown by
`docker inspect` and inherited by every child. A value in the environment comes first.
"""

from collections.abc import MutableMapping
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

SECRETS = ("SECRET_KEY", "DATABASE_URL", "CASSANDRA_PASSWORD")


def read_secret_files(environment: MutableMapping[str, str]) -> None:
    """Sets every secret that has a file and no value; the blank space around it is dropped.

    Raises:
        ImproperlyConfigured: if a file that is named cannot be read, or is empty.
    """
    for name in SECRETS:
        path = environment.get(f"{name}_FILE", "")
        if not path or environment.get(name):
            continue
        try:
            text = Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError) as problem:
            raise ImproperlyConfigured(
                f"{name}_FILE is {path!r}, which cannot be read: {problem}; name a file that "
                f"holds the value, or set {name} itself"
            ) from problem
        if not text:
            raise ImproperlyConfigured(f"{name}_FILE is {path!r}, and that file is empty")
        environment[name] = text
