"""The database backend; Django imports it by the name of this module."""

from pathlib import Path
from typing import Any

from django.db.backends.sqlite3 import base

from webui.database.private_files import (
    make_private_directory,
    make_private_file,
    restrict_file,
)


class DatabaseWrapper(base.DatabaseWrapper):
    """Connections to an SQLite file with permissions 0600.

    SQLite creates a file that everybody may read where the umask allows it. It gives its log
    (`-wal`) and the log's index (`-shm`) the permissions of the database.
    """

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        name = str(self.settings_dict["NAME"])
        if not self.is_in_memory_db() and not name.startswith("file:"):
            file = Path(name)
            if not file.parent.exists():
                make_private_directory(file.parent)
            make_private_file(file)
            for suffix in ("-wal", "-shm"):  # of an earlier release
                restrict_file(file.with_name(file.name + suffix))
        return super().get_new_connection(conn_params)
