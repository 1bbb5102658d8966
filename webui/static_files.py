"""Static files under names that hold their checksum, compressed; browsers keep them for ever."""

from typing import Any

from whitenoise.storage import (  # type: ignore[import-untyped]
    CompressedManifestStaticFilesStorage,
)


class StaticFiles(CompressedManifestStaticFilesStorage):
    """Also renames inside `import … from "./module.js"`, since the page is plain ES modules."""

    support_js_module_import_aggregation = True

    def stored_name(self, name: str) -> Any:
        """The name with its checksum, or as it is before `collectstatic` has ever run."""
        if not self.hashed_files:
            return name
        return super().stored_name(name)
