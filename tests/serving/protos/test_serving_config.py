"""The generated messages are those of the .proto file, and describe TensorFlow Serving's files."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from google.protobuf.message import Message

from serving.protos import serving_config_pb2
from serving.protos.serving_config_pb2 import (
    BatchingParameters,
    ModelServerConfig,
    MonitoringConfig,
)

ROOT = Path(__file__).resolve().parents[3]
PROTO = Path("serving/protos/serving_config.proto")


def test_the_committed_code_is_what_protoc_generates(tmp_path: Path) -> None:
    subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc", "-I.", str(PROTO)),
            *(f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"),
        ],
        cwd=ROOT,
        check=True,
        timeout=60,
    )
    for name in ("serving_config_pb2.py", "serving_config_pb2.pyi"):
        generated = tmp_path / PROTO.with_name(name)
        committed = ROOT / PROTO.with_name(name)
        assert committed.read_text() == generated.read_text(), "run `make protos`"


def fields(message: Any) -> dict[str, Any]:
    """Names, numbers and types of a message's fields, messages within messages included."""
    return {
        field.name: (
            field.number,
            field.type,
            field.is_repeated,
            fields(field.message_type) if field.message_type else None,
        )
        for field in message.fields
    }


def test_models_config_has_tensorflow_servings_fields() -> None:
    theirs = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
    assert fields(ModelServerConfig.DESCRIPTOR) == fields(theirs.ModelServerConfig.DESCRIPTOR)
    assert dict(serving_config_pb2.ModelType.items()) == dict(theirs.ModelType.items())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("models.config", ModelServerConfig()),
        ("monitoring.config", MonitoringConfig()),
        ("batching.config", BatchingParameters()),
    ],
)
def test_the_bundled_files_are_read(name: str, message: Message) -> None:
    text_format.Parse((ROOT / "serving" / name).read_text(), message)
    assert message.ListFields()
