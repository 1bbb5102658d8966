"""The Makefile: what the first start says, and arguments of `make models`."""

import re
import subprocess

from tests.harness import ROOT

PIP = """\
{collecting}
Collecting tensorflow==2.20.0 (from -r requirements.txt (line 3219))
  Downloading tensorflow-2.20.0-cp311.whl (620.6 MB)
Collecting requests==2.32.5 (from -r requirements.txt (line 2410))
  Downloading requests-2.32.5-py3-none-any.whl (64 kB)
  Using cached django-5.2.19-py3-none-any.whl (8.3 MB)
Installing collected packages: requests, tensorflow
Successfully installed requests-2.32.5 tensorflow-2.20.0
"""


def output_of(*command: str, given: str = "") -> str:
    return subprocess.run(
        command, cwd=ROOT, input=given, capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_the_first_start_says_what_takes_long() -> None:
    collecting = "\n".join(f"Collecting package{number}" for number in range(24))
    said = output_of(
        "awk", "-v", "total=150", "-f", "deploy/setup_progress.awk",
        given=PIP.format(collecting=collecting),
    ).splitlines()  # fmt: skip
    assert said == [
        "  25 of 150 packages downloaded",
        "  Downloading tensorflow-2.20.0-cp311.whl (620.6 MB)",
        "  installing them: about a minute, without a word of pip",
    ]


def test_a_failed_installation_fails_make() -> None:
    recipe = (ROOT / "Makefile").read_text()
    assert re.search(r"set -o pipefail; \$\(PY\) -m pip install [^|]*\| awk", recipe)


def test_models_passes_its_arguments_on_and_lists_without() -> None:
    # Within a make, such as `make test`, GNU make prints the directory that it leaves.
    dry = ("make", "--no-print-directory", "--dry-run", "--assume-old=.venv/.locked", "models")
    assert (
        output_of(*dry, 'ARGS=promote 3 --note "why"')
        .splitlines()[-1]
        .endswith('manage.py models promote 3 --note "why"')
    )
    assert output_of(*dry).splitlines()[-1].endswith("manage.py models list")
