from collections.abc import Iterator
from pathlib import Path

import pytest
import tensorflow as tf

from tests.harness.model_server import config_text, model_server_thread
from tests.harness.rest_client import Client
from tests.serving.server import models

DTYPES = (
    "float", "double", "int8", "int16", "int32", "int64", "uint8", "uint32", "uint64", "bool",
    "string", "half", "bfloat16",
)  # fmt: skip
SIGNATURES = {
    "half_plus_two": models.half_plus_two,
    "matrix": models.matrix,
    "two": models.sum_and_difference,
    "strings": models.strings,
    "scalar_output": models.scalar_output,
    "uneven": models.uneven_outputs,
    "doubled": models.doubled_rows,
    "reshaped": models.reshaped,
    "counting": models.counting,
} | {f"echo_{dtype}": models.echo(tf.as_dtype(dtype)) for dtype in DTYPES}


@pytest.fixture(scope="session")
def several_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    """Write many models; return the base path of each, as `config_text` takes it."""
    base = tmp_path_factory.mktemp("models")
    for name, make in SIGNATURES.items():
        models.write_model(base / name / "3", {"serving_default": make})
    models.write_model(
        base / "examples" / "1",
        {
            "serving_default": models.classified,
            "scores": models.scores_only,
            "regress": models.regressed,
            "plain": models.half_plus_two,
        },
    )
    models.write_model(
        base / "signatures" / "5",
        {"serving_default": models.half_plus_two, "other": models.constant(7)},
    )
    models.write_model(base / "table" / "1", {"serving_default": models.looked_up}, init=True)
    models.write_model(
        base / "cast" / "1",
        {
            "half": lambda: _cast(tf.float16),
            "uint16": lambda: _cast(tf.uint16),
            "serving_default": lambda: _cast(tf.float64),
        },
    )
    return {path.name: (path, "") for path in sorted(base.iterdir())}


def _cast(dtype: tf.DType) -> models.Ends:
    x = models.placeholder(tf.float32, [None])
    return {"x": x}, {"y": tf.cast(x, dtype)}


@pytest.fixture(scope="session")
def client(
    several_models: dict[str, tuple[Path, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """Run one server with all models, for tests that need no special flags."""
    directory = tmp_path_factory.mktemp("config")
    config = directory / "models.config"
    config.write_text(config_text(several_models))
    monitoring = directory / "monitoring.config"
    monitoring.write_text("prometheus_config { enable: true }")
    with model_server_thread(
        model_config_file=str(config), monitoring_config_file=str(monitoring)
    ) as client:
        yield client
