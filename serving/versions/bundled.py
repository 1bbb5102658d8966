"""Puts the model versions that ship into a models directory that a site may write to.

A checkout or an image is never written to: published versions, labels and the configuration
live in the models directory (`var/models` for `make run`, a volume for Docker). What ships is
copied there once; what is there already, a moved label say, is left as it is.
"""

import argparse
import re
import shutil
import sys
import tempfile
from pathlib import Path

from serving.models_config import CONFIG_NAME

BUNDLED_DIR = Path(__file__).resolve().parents[1] / "models"
BUNDLED_CONFIG = Path(__file__).resolve().parents[1] / "models.config"


def install_bundled(models_dir: Path, *, base_path: str | None = None) -> list[str]:
    """Copies versions and configuration that are missing; returns what it did, in words.

    Args:
        models_dir: gets `NAME/VERSION/` directories, each by rename, and `models.config`.
        base_path: the directory of the models as the model server sees it, when that is not
            `models_dir` itself (another container, another mount).
    """
    done = []
    models_dir.mkdir(parents=True, exist_ok=True)
    for version_dir in sorted(BUNDLED_DIR.glob("*/[0-9]*")):
        name, version = version_dir.parent.name, version_dir.name
        target = models_dir / name / version
        if target.exists():
            continue
        target.parent.mkdir(exist_ok=True)
        # A hidden directory beside the target: same file system, and no version number,
        # so a model server that polls this directory does not see half a copy.
        draft = Path(tempfile.mkdtemp(prefix=f".{version}-", dir=target.parent))
        try:
            shutil.copytree(version_dir, draft / version)
            (draft / version).rename(target)
        finally:
            shutil.rmtree(draft)
        done.append(f"model {name} version {version} copied to {target}")
    config = models_dir / CONFIG_NAME
    if not config.exists():
        seen_by_server = base_path or str(models_dir.resolve())
        text = re.sub(
            r'base_path: "[^"]*/([^/"]+)"',
            lambda found: f'base_path: "{seen_by_server}/{found[1]}"',
            BUNDLED_CONFIG.read_text(),
        )
        draft_config = config.with_name(f".{CONFIG_NAME}.tmp")
        draft_config.write_text(text)
        draft_config.rename(config)
        done.append(f"{config} written")
    return done


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models_dir", type=Path)
    parser.add_argument("--base-path", help="the models directory as the model server sees it")
    arguments = parser.parse_args()
    for line in install_bundled(arguments.models_dir, base_path=arguments.base_path):
        sys.stdout.write(line + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
