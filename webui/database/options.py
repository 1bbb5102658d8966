"""Django's options of the default database.

`webui.settings` imports this module, so it must not need configured settings.
"""

from typing import Any

WAIT_SECONDS = 5  # for a lock; then the request is answered with 503
CONNECT_SECONDS = 2  # to PostgreSQL, libpq's least
SILENCE_MS = 10_000  # of a PostgreSQL server that does not even acknowledge what it was sent


def with_options(database: dict[str, Any]) -> dict[str, Any]:
    """Returns an entry of DATABASES with our options, which options in its URL override."""
    sqlite = database["ENGINE"].endswith("sqlite3")
    ours = _sqlite() if sqlite else _postgres()
    completed = {
        **database,
        "CONN_MAX_AGE": 60,
        "OPTIONS": {**ours, **database.get("OPTIONS", {})},
    }
    completed["ENGINE"] = f"webui.database.{'sqlite3' if sqlite else 'postgresql'}"
    return completed


def _sqlite() -> dict[str, Any]:
    """Several processes write.

    With a write-ahead log readers do not wait for a writer, and with the write lock taken at
    BEGIN a second writer waits instead of failing in its transaction. `synchronous=FULL`: an
    acknowledged record survives a power failure. `secure_delete`: what is deleted is overwritten
    with zeros, or a deleted drawing could still be read in the file.
    """
    return {
        "transaction_mode": "IMMEDIATE",
        "timeout": WAIT_SECONDS,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;"
        ),
    }


def _postgres() -> dict[str, Any]:
    """libpq's options; without them a server that is silent is waited for without end.

    `webui.database.postgresql` bounds the wait for an answer of a server that is frozen.
    """
    return {
        "connect_timeout": CONNECT_SECONDS,
        "tcp_user_timeout": SILENCE_MS,
        "options": f"-c lock_timeout={WAIT_SECONDS}s",
    }
