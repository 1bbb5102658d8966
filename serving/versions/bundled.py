"""Copies the bundled model versions into a models directory that the site may write to.

Published versions, labels and the configuration live in the models directory (`var/models` for
`make run`, a volume for Docker), never in the checkout or the image. Bundled versions are copied
there once; whatever the directory holds already, such as a moved label, is kept.
"""

import shutil
from pathlib import Path

from serving.atomic_files import creating_directory, write_text
from serving.models_config import CONFIG_NAME, with_models_dir

BUNDLED_DIR = Path(__file__).resolve().parents[1] / "models"
BUNDLED_CONFIG = Path(__file__).resolve().parents[1] / CONFIG_NAME


def install_bundled(models_dir: Path, *, base_path: str | None = None) -> list[str]:
    """Copies versions and configuration that are missing; returns a line for each.

    Args:
        models_dir: receives `NAME/VERSION/` directories and `models.config`, each by rename, so
            that a model server that polls it never sees half a copy.
        base_path: the directory of the models as the model server sees it, if that is not
            `models_dir` itself (another container, another mount).

    Raises:
        OSError: the models directory cannot be written to.
    """
    done = []
    models_dir.mkdir(parents=True, exist_ok=True)
    for version_dir in sorted(BUNDLED_DIR.glob("*/[0-9]*")):
        name, version = version_dir.parent.name, version_dir.name
        target = models_dir / name / version
        if target.exists():
            continue
        target.parent.mkdir(exist_ok=True)
        with creating_directory(target) as draft:
            shutil.copytree(version_dir, draft, dirs_exist_ok=True)
        done.append(f"model {name} version {version} copied to {target}")
    config = models_dir / CONFIG_NAME
    if not config.exists():
        text = BUNDLED_CONFIG.read_text(encoding="utf-8")
        seen_by_server = base_path or str(models_dir.resolve())
        write_text(config, with_models_dir(text, seen_by_server))
        done.append(f"{config} written")
    return done
