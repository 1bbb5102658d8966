"""SavedModels of a few kilobytes, valid and invalid ones.

Model "digit-D" predicts digit D for every picture, so that an answer shows which version gave it.
They are built in a process of their own, since TensorFlow is imported for that.
"""

import subprocess
import sys
from pathlib import Path

from serving.versions import card
from serving.versions.gate_verdict import GateLine, GateVerdict, files_digest
from tests.harness import ROOT

GOOD = ("digit-1", "digit-2", "digit-3")


def build_tiny_models(directory: Path) -> None:
    """Writes the SavedModels, each into a directory of its name."""
    subprocess.run(
        [sys.executable, "-m", "tests.harness.tiny_models", str(directory)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=500,
    )


def write_card(version_dir: Path, *, version: int = 1, title: str = "A test's model") -> None:
    """Writes the model card that the exporter would, with the checksums of the files."""
    files = card.checksums_of(version_dir)
    card.write_card(
        version_dir,
        card.ModelCard(
            name="digits",
            version=version,
            title=title,
            made_at="2026-01-02T03:04:05+00:00",
            parameters=11,
            classes=11,
            size_bytes=sum((version_dir / name).stat().st_size for name in files),
            temperature=1.0,
            metrics={card.ACCURACY: 0.098},
            files=files,
        ),
    )


def write_verdict(
    version_dir: Path, *, champion_dir: Path, champion: int = 1, blocks: bool = False
) -> None:
    """Writes a verdict of the gate into the card, as `training.gate` does."""
    line = GateLine(
        test="MNIST test set",
        measure="accuracy",
        drawings=10_000,
        writers=None,
        champion=0.995,
        challenger=0.9 if blocks else 0.995,
        p=1e-9 if blocks else 0.5,
        adjusted_p=1e-9 if blocks else 1.0,
        blocks=blocks,
    )
    verdict = GateVerdict(
        passed=not blocks,
        decided_at="2026-01-02T03:04:05+00:00",
        champion_version=champion,
        champion_files=files_digest(card.checksums_of(champion_dir)),
        challenger_files=files_digest(card.checksums_of(version_dir)),
        rule="a test's",
        tests="sha256:0",
        lines=(line,),
    )
    card.record_verdict(version_dir, verdict)


def name_unknown_operation(version_dir: Path) -> None:
    """Changes an operation in the graph, which only shows when TensorFlow loads it."""
    graph = version_dir / "saved_model.pb"
    graph.write_bytes(graph.read_bytes().replace(b"Softmax", b"Softmix"))


def _build(directory: Path) -> None:
    import numpy as np
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    class Model(tf.Module):
        def __init__(self, logits: list[float]) -> None:
            super().__init__()
            self.logits = tf.Variable([logits])

    def save(
        name: str,
        logits: list[float],
        *,
        input_name: str = "image",
        output_name: str = "probabilities",
        after: object = tf.nn.softmax,
        warm_up_shape: tuple[int, ...] = (1, 28, 28, 1),
    ) -> None:
        model = Model(logits)

        def answer(image: tf.Tensor) -> dict[str, tf.Tensor]:
            blank = tf.reduce_sum(image, axis=[1, 2, 3])[:, tf.newaxis] * 0.0  # (B, 1)
            return {output_name: after(blank + model.logits)}  # type: ignore[operator]

        signature = tf.function(
            answer, input_signature=[tf.TensorSpec((None, 28, 28, 1), tf.float32, name=input_name)]
        )
        version_dir = directory / name
        tf.saved_model.save(model, str(version_dir), signatures={"serving_default": signature})
        extra = version_dir / "assets.extra"
        extra.mkdir()
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "digits"
        request.inputs[input_name].CopyFrom(tf.make_tensor_proto(np.zeros(warm_up_shape, "f")))
        log = prediction_log_pb2.PredictionLog(
            predict_log=prediction_log_pb2.PredictLog(request=request)
        )
        with tf.io.TFRecordWriter(str(extra / "tf_serving_warmup_requests")) as writer:
            writer.write(log.SerializeToString())

    def logits_of(digit: int, *, width: int = 11) -> list[float]:
        return [5.0 if place == digit else 0.0 for place in range(width)]

    for name in GOOD:
        save(name, logits_of(int(name[-1])))
    save("ten-wide", logits_of(1, width=10))
    save("nan", [float("nan")] * 11)
    save("wide", logits_of(1, width=12))
    save("unnormalised", logits_of(1), after=tf.identity)
    save("misnamed-input", logits_of(1), input_name="picture")
    save("misnamed-output", logits_of(1), output_name="scores")
    save("bad-warm-up", logits_of(1), warm_up_shape=(1, 28))
    tf.saved_model.save(Model(logits_of(1)), str(directory / "no-signature"))


if __name__ == "__main__":
    _build(Path(sys.argv[1]))
