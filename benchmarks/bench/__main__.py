"""The site's speed, as ratios to its peers and to what its parts need alone: docs/performance.md.

    make bench
    make bench ARGS="--only site --rounds 5"

Everything is measured in turn in one run, so that other work on the machine slows all of it alike.
Prints tables, and writes them to var/bench/results.json, with a picture beside it.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.bench import subjects
from benchmarks.bench.load import Load, NoWrk, Subject, put_under_load
from benchmarks.bench.report import Table, draw, from_markdown, spread, write
from benchmarks.process_tree import memory, processes
from deploy.cassandra.node import missing
from serving.versions.bundled import install_bundled
from tests.harness import ROOT
from tests.harness.model_server import ModelServerProcess
from tests.harness.site import SiteProcess

CLIENTS = (1, 8, 32)
AT_STAGES = 8  # clients of the table of stages
WARM_UP_SECONDS = 3
RESULTS = ROOT / "var" / "bench"
ORIGINAL = "original demo's design"
COMMAND_SECONDS = 900


def python(*arguments: str | Path, **environment: str) -> str:
    """Run Python in this checkout and return what it prints.

    Raises:
        SystemExit: it failed.
    """
    finished = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
    )
    if finished.returncode:
        raise SystemExit(f"{arguments} failed:\n{finished.stdout}{finished.stderr}")
    return finished.stdout


def parts(what: str, *paths: Path, **environment: str) -> dict[str, float]:
    found: dict[str, float] = json.loads(
        python("-m", "benchmarks.bench.parts", what, *paths, **environment).splitlines()[-1]
    )
    return found


def site(options: argparse.Namespace) -> list[Table]:
    """Compare the site on both stores with the original demo's design, Gradio and the limit."""
    with ExitStack() as running, TemporaryDirectory(prefix="bench-") as folder:
        directory = Path(folder)
        drawings = subjects.write_drawings(directory / "drawings")
        from benchmarks.own_cassandra import own_cassandra

        node = running.enter_context(own_cassandra())
        server = ModelServerProcess(directory / "models")
        install_bundled(server.models_dir)
        running.callback(server.kill)
        server.start()
        sites: dict[str, SiteProcess] = {}
        measured: list[Subject] = []
        for name, used in (("site on SQLite", None), ("site on Cassandra", node)):
            subject, sites[name] = running.enter_context(
                subjects.site(
                    directory / name.split()[-1],
                    name=name,
                    server=server,
                    drawings=drawings,
                    node=used,
                )
            )
            measured.append(subject)
        measured.append(
            running.enter_context(subjects.original(directory / "original", drawings, node))
        )
        measured.append(running.enter_context(subjects.gradio(directory / "gradio", drawings)))
        at_rest = {subject.name: _memory(subject) for subject in measured[:2]}
        loads = _rounds(measured, options)
        under_load = {subject.name: _memory(subject) for subject in measured[:2]}
        bare = _http(directory, drawings, options)
        bare_ms = statistics.median(one.cpu["site"] for one in bare[subjects.OUR_WORKER])
        alone = {
            name: parts("site", drawings, **process.environment) for name, process in sites.items()
        }
        model = parts("model", subjects.NEWEST_MODEL)["model"]
        needed = {
            name: bare_ms + found["preprocessing"] + found["bare insert"] + model
            for name, found in alone.items()
        }
    limits = {name: 1000 * (os.cpu_count() or 1) / ms for name, ms in needed.items()}
    draw(_ratios(loads), ORIGINAL, RESULTS / "results.svg")
    return [
        _predictions(loads, limits),
        _stages(loads, alone, bare_ms, model, needed),
        _workers(bare),
        Table(
            "Memory",
            "MB of all processes of a part, their share of common pages included.",
            ["process", "at rest", f"after {max(CLIENTS)} clients"],
            [
                [f"{name}: {part}", f"{at_rest[name][part]:.0f}", f"{under_load[name][part]:.0f}"]
                for name in at_rest
                for part in at_rest[name]
            ],
        ),
    ]


def _http(directory: Path, drawings: Path, options: argparse.Namespace) -> dict[str, list[Load]]:
    """Put the site's class of worker and gunicorn's own under load, with nothing behind them."""
    found: dict[str, list[Load]] = defaultdict(list)
    with ExitStack() as running:
        workers = [
            running.enter_context(subjects.http_alone(directory / worker, drawings, worker))
            for worker in (subjects.OUR_WORKER, "gthread")
        ]
        for subject in workers:
            put_under_load(subject, clients=AT_STAGES, seconds=WARM_UP_SECONDS)
        for _ in range(options.rounds):
            for subject in workers:
                found[subject.name].append(
                    put_under_load(subject, clients=AT_STAGES, seconds=options.seconds)
                )
    return found


def _workers(bare: Mapping[str, Sequence[Load]]) -> Table:
    peers = bare["gthread"]
    rows = [
        [
            worker,
            spread([one.rate for one in found], 0),
            spread([one.rate / peer.rate for one, peer in zip(found, peers, strict=True)]),
            spread([one.cpu["site"] for one in found]),
        ]
        for worker, found in bare.items()
    ]
    return Table(
        "HTTP server",
        f"gunicorn with an application that does nothing, {AT_STAGES} clients who post drawings.",
        ["class of worker", "requests/s", "to gthread", "CPU ms"],
        rows,
    )


def _memory(subject: Subject) -> dict[str, float]:
    return {part: sum(map(memory, processes(pid))) / 1e6 for part, pid in subject.processes.items()}


Loads = Mapping[tuple[str, int], Sequence[Load]]


def _rounds(measured: Sequence[Subject], options: argparse.Namespace) -> Loads:
    """Put all under load in turn, in the opposite order in every other round."""
    found: dict[tuple[str, int], list[Load]] = defaultdict(list)
    for subject in measured:
        put_under_load(subject, clients=AT_STAGES, seconds=WARM_UP_SECONDS)
    for number in range(options.rounds):
        for clients in CLIENTS:
            for subject in measured if number % 2 else reversed(measured):
                load = put_under_load(subject, clients=clients, seconds=options.seconds)
                found[subject.name, clients].append(load)
    return found


def _ratios(loads: Loads) -> dict[str, dict[int, float]]:
    names = dict.fromkeys(name for name, _ in loads if name != ORIGINAL)
    return {
        name: {clients: statistics.median(_against(loads, name, clients)) for clients in CLIENTS}
        for name in names
    }


def _against(loads: Loads, name: str, clients: int) -> list[float]:
    """Return the ratio to the original demo's requests a second, of each round."""
    pairs = zip(loads[name, clients], loads[ORIGINAL, clients], strict=True)
    return [one.rate / max(peer.rate, 1e-9) for one, peer in pairs]


def _predictions(loads: Loads, limits: Mapping[str, float]) -> Table:
    rows = []
    for (name, clients), found in sorted(loads.items(), key=lambda item: item[0]):
        rate = statistics.median(one.rate for one in found)
        rows.append(
            [
                name,
                str(clients),
                spread([one.rate for one in found], 0),
                spread(_against(loads, name, clients), 1),
                f"{rate / limits[name]:.2f}" if name in limits else "–",
                spread([one.p50 for one in found], 0),
                spread([one.p99 for one in found], 0),
                f"{statistics.median(one.generator_cpu for one in found):.2f}",
                str(sum(one.failed for one in found)),
            ]
        )
    return Table(
        "Predictions",
        "Requests a second, and their ratio to the original demo's in the same round and to the "
        "limit: all cores divided by the CPU that HTTP, preprocessing, model and insert need "
        "alone. Gradio records nothing.",
        [
            *("server", "clients", "requests/s", "to the original", "of the limit", "p50 ms"),
            *("p99 ms", "load generator's CPU, ms", "failed"),
        ],
        rows,
    )


def _stages(
    loads: Loads,
    alone: Mapping[str, Mapping[str, float]],
    bare: float,
    model: float,
    needed: Mapping[str, float],
) -> Table:
    """Return the CPU time of a prediction, and what its parts need alone."""
    columns = {}
    for name, found in alone.items():
        load = loads[name, AT_STAGES]
        cpu = {part: statistics.median(one.cpu[part] for one in load) for part in load[0].cpu}
        own = [found[part] for part in ("preprocessing", "request to the model", "record")]
        columns[name] = [
            found["preprocessing"],
            found["request to the model"],
            found["record"],
            cpu["site"] - sum(own),
            cpu["site"],
            cpu["model server"],
            cpu.get("Cassandra"),
            bare,
            model,
            found["bare insert"],
            found["record"] / found["bare insert"],
            needed[name],
        ]
    names = (
        *("preprocessing", "request to the model", "record", "HTTP, framework, answer (the rest)"),
        *("**site**", "**model server**", "**Cassandra**"),
        *("alone: HTTP, nothing done", "alone: the model's signature", "alone: a bare insert"),
        *("record, as a multiple of a bare insert", "alone: all that is needed"),
    )
    return Table(
        "CPU of a prediction",
        f"Milliseconds with {AT_STAGES} clients. Cassandra's own work is not part of the limit.",
        ["part", *columns],
        [
            [name, *("–" if value is None else f"{value:.2f}" for value in values)]
            for name, *values in zip(names, *columns.values(), strict=True)
        ],
    )


def preprocessing(_options: argparse.Namespace) -> list[Table]:
    found = parts("pictures")
    rows = [
        [name, f"{found[name]:.2f}", f"{found[name] / found[f'{name}, Pillow']:.2f}"]
        for name in found
        if f"{name}, Pillow" in found
    ]
    note = "CPU milliseconds, and their ratio to decoding and shrinking the same picture by Pillow."
    return [Table("Preprocessing", note, ["picture", "ms", "to Pillow"], rows)]


def model_server(options: argparse.Namespace) -> list[Table]:
    text = python("benchmarks/model_server.py", "--rounds", "2", "--seconds", str(options.seconds))
    note = "Against a bare call of the model's signature, in turn."
    return [from_markdown("Model server", note, text)]


def pages(options: argparse.Namespace) -> list[Table]:
    tables = []
    for store in ("database", "cassandra"):
        text = python(
            *("benchmarks/records_pages.py", "--store", store, "--rounds", "10"),
            *("--records", str(options.records)),
        )
        note = "The same pages of a short and of a long history, in turn."
        tables.append(from_markdown(f"Pages of records, {store} store", note, text))
    return tables


def start(options: argparse.Namespace) -> list[Table]:
    """Measure a start of model server and site, until the first prediction, in turn with a peer."""
    import requests

    from tests.harness.drawings import SEVEN

    ours, theirs = [], []
    for _ in range(options.rounds):
        with TemporaryDirectory(prefix="bench-start-") as folder:
            server = ModelServerProcess(Path(folder) / "models")
            install_bundled(server.models_dir)
            running = SiteProcess(
                Path(folder), SERVING_URL=server.url, MODELS_DIR=str(server.models_dir)
            )
            began = time.monotonic()
            try:
                server.start()
                running.succeed("migrate", "--verbosity=0")
                running.succeed("collectstatic", "--verbosity=0", "--no-input")
                running.start()
                url = f"{running.url}/api/v1/predictions"
                requests.post(url, files={"image": SEVEN}, timeout=60).raise_for_status()
                ours.append(time.monotonic() - began)
            finally:
                running.stop()
                server.kill()
        began = time.monotonic()
        python("-c", "import tensorflow")
        theirs.append(time.monotonic() - began)
    ratios = [one / peer for one, peer in zip(ours, theirs, strict=True)]
    return [
        Table(
            "Start",
            "Seconds from nothing to the first prediction, new database included, and the ratio to "
            "importing TensorFlow.",
            ["what", "s", "to importing TensorFlow"],
            [["model server and site, one after the other", spread(ours, 1), spread(ratios, 1)]],
        )
    ]


def training(_options: argparse.Namespace) -> list[Table]:
    """Train the baseline and the quick network, which both reach 99.33 % of MNIST's test set."""
    rows = []
    with TemporaryDirectory(prefix="bench-training-") as folder:
        commands = {
            "baseline": ["training.baseline", "--output", folder],
            "quick": ["training.train", "--config", "quick"],  # stores nothing
        }
        for name, command in commands.items():
            began = os.times()
            text = python("-m", *command)
            used = os.times()
            cpu = used.children_user + used.children_system
            cpu -= began.children_user + began.children_system
            # "test accuracy 99.43%" of one, "mnist_test_accuracy 0.9939" of the other
            right = re.findall(r"(?:0\.9|9\d\.)\d+%?", text)[-1]
            rows.append((name, cpu, right))
    return [
        Table(
            "Training to 99.33 % of MNIST's test set",
            "CPU seconds of the whole command, and the ratio to the original demo's network.",
            ["training", "CPU s", "ratio", "reached"],
            [[name, f"{cpu:.0f}", f"{cpu / rows[0][1]:.2f}", right] for name, cpu, right in rows],
        )
    ]


SECTIONS: dict[str, Callable[[argparse.Namespace], list[Table]]] = {
    "site": site,
    "preprocessing": preprocessing,
    "model-server": model_server,
    "start": start,
    "training": training,
    "pages": pages,
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=SECTIONS, help="repeatable")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4, help="of each load")
    parser.add_argument("--records", type=int, default=100_000, help="of the long history")
    options = parser.parse_args(arguments)
    if needs := missing():
        print(f"Cassandra cannot be started here: {needs}", file=sys.stderr)
        return 2
    os.environ.setdefault("SECRET_KEY", "only-for-a-measurement-" + "x" * 40)
    RESULTS.mkdir(parents=True, exist_ok=True)
    began, tables = time.monotonic(), []
    try:
        for name in options.only or SECTIONS:
            for table in SECTIONS[name](options):
                print(table.markdown(), flush=True)
                tables.append(table)
    except NoWrk as problem:
        print(problem, file=sys.stderr)
        return 2
    conditions = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        "seconds": round(time.monotonic() - began),
    }
    write(tables, RESULTS, conditions)
    print(f"{conditions}\nWritten: {RESULTS}/results.json, {RESULTS}/results.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
