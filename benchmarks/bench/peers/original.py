"""The design of the original demo, on today's libraries, to compare the site with.

Flask's own server, Keras in its process, one file for everybody's picture, and a new connection to
Cassandra for each insert.

    python benchmarks/bench/peers/original.py PORT CASSANDRA_HOST CASSANDRA_PORT
"""

import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp

import keras
import numpy as np
from cassandra.cluster import Cluster
from flask import Flask, request
from PIL import Image

from training.trained_network import BASELINE, files_of

port, host, cassandra_port = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
KEYSPACE = "original_demo"
PICTURE = Path(mkdtemp(prefix="original-demo-")) / "output.png"

files = files_of(BASELINE)
model = keras.models.model_from_json(files.architecture.read_text())
model.load_weights(files.weights)
app = Flask(__name__)


def predict() -> str:
    PICTURE.write_bytes(request.get_data())
    pixels = 1 - np.asarray(Image.open(PICTURE).convert("L").resize((28, 28)), np.float32) / 255
    digit = int(model.predict(pixels[None, :, :, None], verbose=0).argmax())
    cluster = Cluster([host], port=cassandra_port)
    cluster.connect(KEYSPACE).execute(
        "INSERT INTO record_data (id, predicted_at, digit) VALUES (%s, %s, %s)",
        (uuid.uuid4(), datetime.now(UTC), digit),
    )
    cluster.shutdown()
    return str(digit)


def main() -> None:
    cluster = Cluster([host], port=cassandra_port)
    session = cluster.connect()
    session.execute(
        f"CREATE KEYSPACE IF NOT EXISTS {KEYSPACE} WITH replication = "
        "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    )
    session.execute(
        f"CREATE TABLE IF NOT EXISTS {KEYSPACE}.record_data "
        "(id uuid PRIMARY KEY, predicted_at timestamp, digit int)"
    )
    cluster.shutdown()
    app.add_url_rule("/predict", view_func=predict, methods=["POST"])
    app.run(host="127.0.0.1", port=port)


main()
