"""The generated messages are those of the .proto file, and describe TensorFlow Serving's files."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from google.protobuf.message import Message

from serving.protos import saved_model_pb2, serving_config_pb2
from serving.protos.serving_config_pb2 import (
    BatchingParameters,
    ModelServerConfig,
    MonitoringConfig,
)
from tests.harness import ROOT

PROTOS = sorted(path.relative_to(ROOT) for path in (ROOT / "serving/protos").glob("*.proto"))


@pytest.mark.parametrize("proto", PROTOS, ids=lambda path: path.stem)
def test_the_committed_code_is_what_protoc_generates(tmp_path: Path, proto: Path) -> None:
    subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc", "-I.", str(proto)),
            *(f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"),
        ],
        cwd=ROOT,
        check=True,
        timeout=60,
    )
    for suffix in ("_pb2.py", "_pb2.pyi"):
        generated = tmp_path / proto.with_name(proto.stem + suffix)
        committed = ROOT / proto.with_name(proto.stem + suffix)
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


def test_saved_model_has_tensorflows_fields() -> None:
    """A subset: what is there has TensorFlow's number and type; `Unread` stands for any message."""
    tensorflow = pytest.importorskip("tensorflow.core.protobuf.saved_model_pb2")
    logs = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    _check_subset(saved_model_pb2.SavedModel.DESCRIPTOR, tensorflow.SavedModel.DESCRIPTOR)
    _check_subset(saved_model_pb2.PredictionLog.DESCRIPTOR, logs.PredictionLog.DESCRIPTOR)


def _check_subset(ours: Any, theirs: Any) -> None:
    for field in ours.fields:
        other = theirs.fields_by_name[field.name]
        assert (field.number, field.type, field.is_repeated) == (
            other.number,
            other.type,
            other.is_repeated,
        ), field.full_name
        if field.message_type and field.message_type.name != "Unread":
            _check_subset(field.message_type, other.message_type)
        if field.enum_type:
            names = other.enum_type.values_by_name
            for value in field.enum_type.values:
                assert names[value.name].number == value.number
