"""The whole loop on this machine: visitors draw, and a better version follows from their drawings.

    make loop-demo
    python -m benchmarks.loop_demo --small    # hardly any training, to test the steps

A small network is trained on MNIST and a few hundred pen strokes, none of them of the UJI pen
characters. Half of that collection's people visit a site that it answers: they draw on the page and
correct some answers, or take part in prompted collection. Their drawings are reviewed, a snapshot
is written twice, a second network is trained like the first, with the snapshot among its data, and
is compared by the gate, published as a canary and promoted. The other half of the people took no
part: the site reads their drawings before and after.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from benchmarks.loop_demo.people import COLLECTION, Person, people, write_view
from benchmarks.loop_demo.visitors import (
    AT_ONCE,
    SESSION,
    Kept,
    Visitor,
    read_as_strangers,
)
from serving.models_config import CONFIG_NAME, with_model, with_models_dir
from serving.versions.bundled import BUNDLED_CONFIG
from tests.harness.model_server import ModelServerProcess
from tests.harness.site import SiteProcess
from training import trained_network
from training.evaluation.metrics import Share
from training.paths import DATA, ROOT, SCRATCH

# The key of a site that lives for minutes and listens on this machine alone: fixed, so that the
# visitors, and with them the snapshot, are the same in every run.
SECRET_KEY = hashlib.sha256(b"the site of the loop demonstration").hexdigest()

PROMPTED_EVERY = 3  # of three people one takes part in prompted collection, two use the page
CANARY_SHARE = 50  # percent of the visitors
COMMAND_SECONDS = 3600
# Of the base data's pen digits every so many: a site that begins has MNIST and few drawings of its
# own. With all of them the first version reads the strangers as well as the second.
BASE_EVERY = 300
SMALL_EVERY = 20  # of all digits and letters in the small form
SMALL_PEOPLE = (4, 2)  # participants and strangers


class Demo:
    """One run, in a directory of its own."""

    def __init__(self, directory: Path, data: Path, *, small: bool) -> None:
        self.directory = directory
        self.small = small
        self.started = time.monotonic()
        everybody = people(data)
        half = len(everybody) // 2
        counts = SMALL_PEOPLE if small else (half, len(everybody) - half)
        self.participants = everybody[:half][: counts[0]]
        self.strangers = everybody[half:][: counts[1]]
        self.models = directory / "models"
        strange = {person.name for person in everybody[half:]}
        self.base_data, self.gate_data = directory / "base-data", directory / "gate-data"
        every = SMALL_EVERY if small else 1
        write_view(
            *(data, self.base_data),
            keep=lambda _writer: False,
            digits_every=SMALL_EVERY if small else BASE_EVERY,
            letters_every=every,
        )
        write_view(
            *(data, self.gate_data),
            keep=lambda writer: writer in strange,
            digits_every=every,
            letters_every=every,
        )

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.started:4.0f} s] {text}", flush=True)

    def run(
        self, *command: str | Path, accepted: Sequence[int] = (0,)
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of this checkout; any other status ends the demonstration."""
        finished = subprocess.run(
            [sys.executable, *map(str, command)],
            cwd=ROOT,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        if finished.returncode not in accepted:
            raise SystemExit(f"{command} failed:\n{finished.stdout}{finished.stderr}")
        return finished

    def train_base(self) -> None:
        """Train the first version, without the collection, and export it as version 1."""
        recipe = ROOT / "training" / "configs" / "demo.toml"
        if self.small:
            text = recipe.read_text().replace("steps = 1200", "steps = 60")
            text = text.replace("negatives = 3000", "negatives = 200")
            (self.directory / "demo.toml").write_text(text)
            recipe = self.directory / "demo.toml"
        self.recipe = recipe
        artifacts = self.directory / "artifacts"
        self.run(
            *("-m", "training.train", "--config", recipe, "--data", self.base_data),
            *("--output", artifacts),
        )
        files = trained_network.files_of(trained_network.DIGITS, artifacts)
        self.run(
            *("export_savedmodel.py", "--version", "1", "--architecture", files.architecture),
            *("--output", self.models / "digits"),
        )
        text = with_models_dir(BUNDLED_CONFIG.read_text(), str(self.models.resolve()))
        text = with_model(text, "digits", versions=[1], labels={"stable": 1})
        (self.models / CONFIG_NAME).write_text(text)

    @contextmanager
    def site(self) -> Iterator[SiteProcess]:
        """A site with its model server and an empty database."""
        server = ModelServerProcess(self.models)
        site = SiteProcess(
            self.directory,
            SERVING_URL=server.url,
            MODELS_DIR=str(self.models),
            SECRET_KEY=SECRET_KEY,
        )
        try:
            server.start()
            site.succeed("migrate", "--verbosity=0")
            site.succeed("collectstatic", "--verbosity=0", "--no-input")
            site.start()
            yield site
        finally:
            site.stop()
            server.kill()

    def visit(self, site: SiteProcess) -> tuple[list[Kept], int]:
        """Let the participants draw; return what they drew on the page, and the prompted count."""
        from webui.collection.consent import CURRENT
        from webui.collection.models import CollectionSession

        CollectionSession.objects.create(code=SESSION, title="Loop demo", drawings_each=20)

        def visit_one(numbered: tuple[int, Person]) -> tuple[list[Kept], int]:
            number, person = numbered
            visitor = Visitor(site.url, f"visitor {person.name}", secret_key=SECRET_KEY)
            if number % PROMPTED_EVERY == 0:
                return [], visitor.take_part(person.drawings, consent=CURRENT.version)
            return visitor.draw(person.drawings), 0

        with ThreadPoolExecutor(AT_ONCE) as pool:
            visits = list(pool.map(visit_one, enumerate(self.participants)))
        return [kept for drawn, _ in visits for kept in drawn], sum(count for _, count in visits)

    def retrain(self, snapshot: Path) -> Path:
        """Train as before, with the snapshot among the data; return the export.

        The recipe and the number of steps are those of the first version, so that only the drawings
        make a difference.
        """
        retrained = self.run(
            *("-m", "training.retrain", "--snapshot", snapshot, "--config", self.recipe),
            *("--data", self.base_data, "--models", self.models, "--anew"),
            *("--artifacts", self.directory / "artifacts"),
            *("--output", self.directory / "artifacts" / "retrained"),
            *("--exports", self.directory / "exports"),
        )
        (export,) = (self.directory / "exports").glob("*/digits/*")
        self.say("\n".join(["retrained:", *retrained.stdout.splitlines()[-3:]]))
        return export

    def gate(self, export: Path, snapshot: Path) -> bool:
        """Compare the export with the stable version; return whether it may follow."""
        compared = self.run(
            *("-m", "training.gate", "--challenger", export, "--models", self.models / "digits"),
            *("--data", self.gate_data, "--snapshot", snapshot),
            accepted=(0, 1),
        )
        self.say(f"gate:\n{compared.stdout.rstrip()}")
        return compared.returncode == 0


def review(kept: list[Kept]) -> None:
    """Decide on every drawing from the page, as a reviewer who sees what it is."""
    from uuid import UUID

    from webui.review.services import decide

    for each in kept:
        decide(UUID(each.record_id), label=each.truth, reviewer="loop-demo")


def percent(share: Share) -> str:
    low, high = share.interval
    return f"{share.value:.2%} ({share.count} of {share.of}; 95 %: {low:.2%} to {high:.2%})"


def report(before: list[bool], after: list[bool]) -> str:
    """Return the accuracy before and after, and the exact test of their difference."""
    from scipy.stats import binomtest

    better = sum(new and not old for old, new in zip(before, after, strict=True))
    worse = sum(old and not new for old, new in zip(before, after, strict=True))
    p = binomtest(better, better + worse, 0.5).pvalue if better + worse else 1.0
    return "\n".join(
        [
            "Accuracy on people who took no part:",
            f"  before {percent(Share(sum(before), len(before)))}",
            f"  after  {percent(Share(sum(after), len(after)))}",
            f"  {better} drawings are right now and were wrong, {worse} the other way round "
            f"(exact McNemar test: p = {p:.2g})",
        ]
    )


def play(demo: Demo) -> int:
    demo.say(f"Training a small network without {COLLECTION}")
    demo.train_base()
    with demo.site() as site:
        os.environ.update(site.environment)
        import django

        django.setup()
        demo.say(f"The site is on {site.url}; {len(demo.strangers)} strangers draw")
        before = read_as_strangers(site.url, demo.strangers, secret_key=SECRET_KEY)
        kept, prompted = demo.visit(site)
        demo.say(
            f"{len(demo.participants)} people drew {len(kept)} digits on the page, "
            f"{sum(not each.right for each in kept)} read wrongly and "
            f"{sum(each.corrected for each in kept)} corrected, and {prompted} by prompts"
        )
        review(kept)
        demo.say(f"{len(kept)} drawings reviewed")
        first, second = (demo.directory / name for name in ("snapshot", "snapshot-again"))
        hashes = [
            site.succeed("snapshot_dataset", f"--output={path}").split()[-1]
            for path in (first, second)
        ]
        demo.say(f"Snapshot {hashes[0]}, written again: {hashes[1]}")
        if hashes[0] != hashes[1]:
            demo.say("The same records gave another hash.")
            return 1
        export = demo.retrain(first)
        passed = demo.gate(export, first)
        override = ["--override-gate=small form, hardly trained"] if demo.small else []
        if not passed and not override:
            demo.say("The gate blocks the new version, so it is not published.")
            return 1
        note = "--note=loop demo"
        site.succeed("models", "publish", str(export), note, *([] if passed else override))
        site.succeed("models", "canary", "2", f"--share={CANARY_SHARE}", note)
        both = read_as_strangers(site.url, demo.strangers, secret_key=SECRET_KEY)
        demo.say(
            f"Canary for {CANARY_SHARE} % of the visitors: {percent(Share(sum(both), len(both)))}"
        )
        site.succeed("models", "promote", "2", note)
        demo.say("Promoted")
        after = read_as_strangers(site.url, demo.strangers, secret_key=SECRET_KEY)
    demo.say(report(before, after))
    return 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA, help=f"with mnist/ and {COLLECTION}/")
    parser.add_argument(
        "--directory", type=Path, default=SCRATCH / "loop-demo", help="is emptied first"
    )
    parser.add_argument("--small", action="store_true", help="few people, hardly any training")
    options = parser.parse_args(arguments)
    if not (options.data / COLLECTION).is_dir():
        print(
            f"{options.data / COLLECTION} is missing; --data must name its folder", file=sys.stderr
        )
        return 2
    os.environ["SECRET_KEY"] = SECRET_KEY
    if options.directory.exists():
        shutil.rmtree(options.directory)
    options.directory.mkdir(parents=True)
    return play(Demo(options.directory.resolve(), options.data, small=options.small))


if __name__ == "__main__":
    sys.exit(main())
