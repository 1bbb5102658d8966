"""The documents about a model: status and metadata (`get_model_status_impl.cc`)."""

import json
from collections.abc import Mapping
from typing import Any

from google.protobuf.json_format import MessageToDict
from tensorflow.core.protobuf import meta_graph_pb2

from serving.server.status import not_found
from serving.server.versions.state_monitor import ServableState


def status_document(name: str, version: int | None, states: Mapping[int, ServableState]) -> bytes:
    """Return the states of all versions, highest first, or of one version.

    Args:
        name: the model.
        version: None for all versions.
        states: every version that this process has seen; empty for an unknown model.

    Raises:
        StatusError: NOT_FOUND; the model or the version is unknown.
    """
    if version is not None:
        if version not in states:
            raise not_found(f"Could not find version {version} of model {name}")
        states = {version: states[version]}
    if not states:
        raise not_found(f"Could not find any versions of model {name}")
    document = {
        "model_version_status": [
            {
                "version": str(number),
                "state": state.state.value,
                "status": {
                    "error_code": state.error.code.name if state.error else "OK",
                    "error_message": state.error.message if state.error else "",
                },
            }
            for number, state in states.items()
        ]
    }
    return _text(document)


def metadata_document(
    name: str, version: int, signature_defs: Mapping[str, meta_graph_pb2.SignatureDef]
) -> bytes:
    """Return a version's signatures; "signature_def" appears twice, as in TensorFlow Serving."""
    signatures: dict[str, Any] = {
        key: MessageToDict(
            definition, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        for key, definition in sorted(signature_defs.items())
    }
    document = {
        "model_spec": {"name": name, "signature_name": "", "version": str(version)},
        "metadata": {"signature_def": {"signature_def": signatures}},
    }
    return _text(document)


def _text(document: dict[str, Any]) -> bytes:
    text = json.dumps(document, indent=1, ensure_ascii=False)
    return text.encode("utf-8", "surrogateescape") + b"\n"
