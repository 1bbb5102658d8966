"""Installs Spark (by pip) and its Cassandra connector (by Maven) under var/spark, once.

python -m analytics.install
"""

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

from serving.atomic_files import replacing_directory

ROOT = Path(__file__).resolve().parent.parent
LOCK_FILE = ROOT / "requirements" / "spark.txt"
POM = ROOT / "analytics" / "pom.xml"
FOLDER = ROOT / "var" / "spark"
OF_SPARK_ITSELF = "scala-library,scala-reflect,slf4j-api"
SECONDS = 900  # 320 MB are downloaded


def packages() -> Path:
    """Return the folder for PYTHONPATH."""
    return _installed("packages", LOCK_FILE)


def jars() -> list[Path]:
    """Return the connector's jars, if they are installed."""
    return sorted(_installed("jars", POM).glob("*.jar"))


def _installed(kind: str, made_from: Path) -> Path:
    digest = hashlib.sha256(made_from.read_bytes()).hexdigest()[:12]
    return FOLDER / f"{kind}-{digest}"


def main() -> int:
    """Install what is missing."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several may start at once
        if not packages().exists():
            with replacing_directory(packages()) as draft:
                _run(
                    sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check",
                    "--require-hashes", "--target", str(draft), "-r", str(LOCK_FILE),
                )  # fmt: skip
        if not jars():
            with replacing_directory(_installed("jars", POM)) as draft:
                _run(
                    "mvn", "-B", "-q", "-f", str(POM), "dependency:copy-dependencies",
                    f"-DoutputDirectory={draft}", "-DincludeScope=runtime",
                    f"-DexcludeArtifactIds={OF_SPARK_ITSELF}",
                )  # fmt: skip
    return 0


def _run(*command: str) -> None:
    finished = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    if finished.returncode:
        sys.exit(f"{command[0]} failed:\n{finished.stdout[-2000:]}{finished.stderr[-2000:]}")


if __name__ == "__main__":
    sys.exit(main())
