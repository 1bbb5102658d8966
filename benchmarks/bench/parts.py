"""CPU time that the parts of a prediction need alone, in a process of its own.

    python -m benchmarks.bench.parts site FOLDER    # in the environment of a site that runs
    python -m benchmarks.bench.parts model MODEL    # TensorFlow on one core
    python -m benchmarks.bench.parts pictures

Prints milliseconds as JSON. CPU time, unlike elapsed time, hardly depends on what else runs.
"""

import json
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

ROUNDS = 5
CALLS = 128


def cpu_ms(call: Callable[[int], object], calls: int = CALLS) -> float:
    """Return the CPU milliseconds of a call: the median of several rounds, after one to warm up."""
    found = []
    for _ in range(ROUNDS + 1):
        started = time.process_time()
        for number in range(calls):
            call(number)
        found.append(1000 * (time.process_time() - started) / calls)
    return statistics.median(found[1:])


def of_site(drawings: Path) -> dict[str, float]:
    """Measure the parts of the site: with its own code, and as bare as they can be."""
    import django

    django.setup()
    from serving.preprocessing import decode_picture, to_instance
    from tests.webui.records.factory import make_record
    from webui.records.store import store
    from webui.rollout.serving import serving_client

    pictures = [(drawings / str(number)).read_bytes() for number in range(64)]
    instance = to_instance(decode_picture(pictures[0]))[None]
    found = {
        "preprocessing": cpu_ms(lambda n: to_instance(decode_picture(pictures[n % 64]))),
        "request to the model": cpu_ms(lambda _n: serving_client().predict(instance)),
        "record": cpu_ms(lambda n: store().append(make_record(picture=pictures[n % 64]))),
        "making the record": cpu_ms(lambda n: make_record(picture=pictures[n % 64])),
    }
    found["record"] -= found.pop("making the record")
    return found | {"bare insert": _bare_insert(pictures)}


def _bare_insert(pictures: list[bytes]) -> float:
    """Return what one row of the same size costs: a prepared statement, or SQLite itself."""
    from django.conf import settings

    rest = "x" * 900  # about what the other columns have
    if settings.CASSANDRA is None:
        with TemporaryDirectory() as folder:
            database = sqlite3.connect(Path(folder) / "bare.sqlite3", isolation_level=None)
            database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
            database.execute("CREATE TABLE record (picture BLOB, rest TEXT)")
            insert = "INSERT INTO record VALUES (?, ?)"
            return cpu_ms(lambda n: database.execute(insert, (pictures[n % 64], rest)))
    from uuid import uuid4

    from webui.records.store import store

    session = store().session.connect(timeout=60)  # type: ignore[attr-defined]
    session.set_keyspace(settings.CASSANDRA.keyspace)
    session.execute(
        "CREATE TABLE IF NOT EXISTS bare (id uuid PRIMARY KEY, picture blob, rest text)"
    )
    statement = session.prepare("INSERT INTO bare (id, picture, rest) VALUES (?, ?, ?)")
    return cpu_ms(lambda n: session.execute(statement, (uuid4(), pictures[n % 64], rest)))


def of_model(model: Path) -> dict[str, float]:
    """Measure a bare call of the signature, on one core."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    signature = tf.saved_model.load(str(model)).signatures["serving_default"]
    instance = tf.constant(np.zeros((1, 28, 28, 1), np.float32))
    return {"model": cpu_ms(lambda _n: signature(image=instance)["probabilities"].numpy())}


def of_pictures() -> dict[str, float]:
    """Measure preprocessing by size, and decoding and shrinking the same picture by Pillow."""
    from io import BytesIO

    from PIL import Image

    from serving.preprocessing import decode_picture, to_instance
    from tests.harness.drawings import draw_seven

    def with_pillow(picture: bytes) -> Image.Image:
        return Image.open(BytesIO(picture)).convert("L").resize((28, 28), Image.Resampling.BOX)

    found = {}
    for name, picture, calls in (
        ("PNG, 280x280", draw_seven(280), 128),
        ("PNG, 1024x1024", draw_seven(1024), 16),
        ("JPEG photograph, 12 megapixels", draw_seven(3464, format="JPEG"), 2),
    ):
        found[name] = cpu_ms(_call(lambda p: to_instance(decode_picture(p)), picture), calls)
        found[f"{name}, Pillow"] = cpu_ms(_call(with_pillow, picture), calls)
    return found


def _call(function: Callable[[bytes], object], picture: bytes) -> Callable[[int], object]:
    return lambda _number: function(picture)


def main(what: str, paths: Iterable[str]) -> None:
    measure: dict[str, Callable[..., dict[str, float]]] = {
        "site": of_site,
        "model": of_model,
        "pictures": of_pictures,
    }
    print(json.dumps(measure[what](*map(Path, paths))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
    sys.stdout.flush()
