"""Signatures and warm-up records are checked without TensorFlow."""

import struct
from pathlib import Path
from typing import Any

import pytest

from serving.protos.saved_model_pb2 import DataType, PredictionLog, SavedModel
from serving.versions import declared_tensors
from serving.versions.declared_tensors import (
    MAX_BATCH,
    WARM_UP,
    InvalidModel,
    check_declared_tensors,
)
from tests.harness import ROOT

BUNDLED = sorted((ROOT / "serving/models/digits").iterdir())


def record(
    shape: tuple[int, ...] = (1, 28, 28, 1),
    *,
    dtype: DataType = DataType.DT_FLOAT,
    name: str = "image",
    signature: str = "",
    content: int | None = None,
) -> bytes:
    """A warm-up record as TensorFlow Serving logs it, of zeros."""
    log = PredictionLog()
    request = log.predict_log.request
    request.model_spec.signature_name = signature
    tensor = request.inputs[name]
    tensor.dtype = dtype
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)
    if content is None:
        tensor.float_val.append(0.0)
    else:
        tensor.tensor_content = bytes(content)
    return log.SerializeToString()


def framed(*records: bytes) -> bytes:
    return b"".join(struct.pack("<QI", len(each), 0) + each + bytes(4) for each in records)


def write_version(version_dir: Path, warm_up: bytes, **signature: Any) -> Path:
    """A version that declares the tensors that the site uses, unless told otherwise."""
    saved = SavedModel()
    graph = saved.meta_graphs.add()
    graph.meta_info_def.tags.append(signature.get("tag", "serve"))
    definition = graph.signature_def[signature.get("key", "serving_default")]
    image = definition.inputs[signature.get("input", "image")]
    image.dtype = signature.get("dtype", DataType.DT_FLOAT)
    for size in signature.get("shape", (-1, 28, 28, 1)):
        image.tensor_shape.dim.add(size=size)
    definition.outputs[signature.get("output", "probabilities")].dtype = DataType.DT_FLOAT
    (version_dir / WARM_UP).parent.mkdir(parents=True)
    (version_dir / WARM_UP).write_bytes(warm_up)
    (version_dir / "saved_model.pb").write_bytes(saved.SerializeToString())
    return version_dir


@pytest.mark.parametrize("version_dir", BUNDLED, ids=lambda path: path.name)
def test_the_bundled_versions_pass(version_dir: Path) -> None:
    assert check_declared_tensors(version_dir) == 7


def test_records_that_fit_pass(tmp_path: Path) -> None:
    records = [record(), record((64, 28, 28, 1)), record(content=28 * 28 * 4)]
    assert check_declared_tensors(write_version(tmp_path, framed(*records))) == 3


def test_a_version_without_warm_up_passes(tmp_path: Path) -> None:
    version_dir = write_version(tmp_path, b"")
    (version_dir / WARM_UP).unlink()
    assert check_declared_tensors(version_dir) == 0


@pytest.mark.parametrize(
    ("warm_up", "reason"),
    [
        (framed(record(), record((1, 28, 28))), r"record 2 .* is float \[1, 28, 28\], which does"),
        (framed(record((1, 784))), r"\[1, 784\], which does not fit float \[-1, 28, 28, 1\]"),
        (framed(record((1, 28, 28, 3))), "does not fit"),
        (framed(record(dtype=DataType.DT_DOUBLE)), "is double"),
        (framed(record((MAX_BATCH + 1, 28, 28, 1))), "holds 65 instances; .* takes 1 to 64"),
        (framed(record((-1, 28, 28, 1))), "holds -1 instances"),
        (framed(record((0, 28, 28, 1))), "holds 0 instances"),
        (framed(record(content=8)), "does not hold 784 values"),
        (framed(record(name="picture")), r"for \['picture'\]; it must ask"),
        (framed(record(signature="other")), "asks 'other'"),
        (framed(b""), "record of another kind"),
        (framed(b"\x12\x00"), "is a classify_log, not a predict_log"),
        (framed(b"\xff\xff"), "is damaged: it is not a PredictionLog"),
        (framed(record())[:-1], "ends within a record"),
        (framed(record()) + b"\x01", "ends within a record"),
        (struct.pack("<QI", 2**63, 0), "ends within a record"),
        (framed(*[record()] * 1001), "more than 1000 records"),
    ],
)
def test_records_that_do_not_fit_are_refused(tmp_path: Path, warm_up: bytes, reason: str) -> None:
    with pytest.raises(InvalidModel, match=reason):
        check_declared_tensors(write_version(tmp_path, warm_up))


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        ({"tag": "train"}, "no graph with the tag 'serve'"),
        ({"key": "other"}, r"no signature 'serving_default', only \['other'\]"),
        ({"input": "picture"}, r"inputs are \['picture'\]; the one input must be 'image'"),
        ({"output": "scores"}, r"outputs are \['scores'\]"),
        ({"dtype": DataType.DT_INT32}, "is int32"),
        ({"dtype": 23}, "of type 23"),
        ({"shape": (-1, 784)}, r"is float \[-1, 784\]; it must be float"),
        ({"shape": (1, 28, 28, 1)}, r"is float \[1, 28, 28, 1\]"),
    ],
)
def test_other_signatures_are_refused(
    tmp_path: Path, signature: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidModel, match=reason):
        check_declared_tensors(write_version(tmp_path, b"", **signature))


def test_a_graph_that_is_not_one_is_refused(tmp_path: Path) -> None:
    version_dir = write_version(tmp_path, b"")
    (version_dir / "saved_model.pb").write_bytes(b"\xff" * 100)
    with pytest.raises(InvalidModel, match=r"saved_model\.pb is damaged"):
        check_declared_tensors(version_dir)


def test_files_beyond_the_limits_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version_dir = write_version(tmp_path, bytes((1 << 20) + 1))
    monkeypatch.setattr(declared_tensors, "MAX_WARM_UP_BYTES", 1 << 20)
    with pytest.raises(InvalidModel, match="larger than 1 MiB"):
        check_declared_tensors(version_dir)
