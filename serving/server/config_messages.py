"""The messages of two text files whose generated code tensorflow-serving-api leaves out.

`MonitoringConfig` (config/monitoring_config.proto) and `BatchingParameters`
(servables/tensorflow/session_bundle_config.proto): their fields, so that the same files work
here as with tensorflow_model_server.
"""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2
from google.protobuf.message import Message

_FILE = "serving/server/config_messages.proto"
_PACKAGE = "serving.server"
_Field = descriptor_pb2.FieldDescriptorProto
_WRAPPED = {
    "Int64Value": ".google.protobuf.Int64Value",
    "StringValue": ".google.protobuf.StringValue",
    "BoolValue": ".google.protobuf.BoolValue",
}
_PLAIN = {"bool": _Field.TYPE_BOOL, "string": _Field.TYPE_STRING, "int64": _Field.TYPE_INT64}

# message -> (field, number, type); a type of ours begins with a dot, a repeated one with []
_MESSAGES: dict[str, list[tuple[str, int, str]]] = {
    "PrometheusConfig": [("enable", 1, "bool"), ("path", 2, "string")],
    "MonitoringConfig": [("prometheus_config", 1, ".PrometheusConfig")],
    "BatchingParameters": [
        ("max_batch_size", 1, "Int64Value"),
        ("batch_timeout_micros", 2, "Int64Value"),
        ("max_enqueued_batches", 3, "Int64Value"),
        ("num_batch_threads", 4, "Int64Value"),
        ("thread_pool_name", 5, "StringValue"),
        ("allowed_batch_sizes", 6, "[]int64"),
        ("pad_variable_length_inputs", 7, "bool"),
        ("enable_large_batch_splitting", 8, "BoolValue"),
        ("max_execution_batch_size", 9, "Int64Value"),
    ],
}


def _field(message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: str) -> None:
    added = message.field.add(name=name, number=number, label=_Field.LABEL_OPTIONAL)
    if kind.startswith("[]"):
        added.label = _Field.LABEL_REPEATED
        kind = kind[2:]
    if kind in _PLAIN:
        added.type = _PLAIN[kind]
    else:
        added.type = _Field.TYPE_MESSAGE
        added.type_name = _WRAPPED.get(kind) or f".{_PACKAGE}{kind}"


def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(
        name=_FILE, package=_PACKAGE, syntax="proto3", dependency=[wrappers_pb2.DESCRIPTOR.name]
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field in fields:
            _field(message, *field)
    pool = descriptor_pool.Default()
    pool.Add(file)
    return pool


def _message_class(name: str) -> type[Message]:
    made: type[Message] = message_factory.GetMessageClass(
        _POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}")
    )
    return made


_POOL = _pool()
MonitoringConfig = _message_class("MonitoringConfig")
BatchingParameters = _message_class("BatchingParameters")
