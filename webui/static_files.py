"""Static files, compressed, with a checksum in their names so that browsers cache them for ever."""

from typing import Any

from whitenoise.storage import (  # type: ignore[import-untyped]
    CompressedManifestStaticFilesStorage,
)


class StaticFiles(CompressedManifestStaticFilesStorage):
    """Also replaces names in `import … from "./module.js"`, because the page uses ES modules."""

    support_js_module_import_aggregation = True

    def stored_name(self, name: str) -> Any:
        """Return the name with its checksum, or the plain name before `collectstatic` has run."""
        if not self.hashed_files:
            return name
        return super().stored_name(name)
