"""Parts of the OpenAPI document that no type describes: bodies, responses, who may call."""

from typing import Any

from webui.recognition import schemas
from webui.recognition.idempotency import HEADER, MAX_LENGTH
from webui.recognition.submission import PICTURE_TYPES
from webui.request_limits import MAX_BATCH, MAX_COORDINATE, MAX_STROKES

ERROR = schemas.Error
# Of every operation, and of those besides that change something or count for a rate.
UNCOUNTED: dict[int, Any] = {400: ERROR, 401: ERROR, 500: ERROR, 503: ERROR}
COMMON: dict[int, Any] = {**UNCOUNTED, 403: ERROR, 429: ERROR}
EITHER: list[dict[str, list[str]]] = [{"visitor": []}, {"apiKey": []}]
ANYONE: list[dict[str, list[str]]] = [{}, *EITHER]
EXAMPLE_IMAGE = "data:image/png;base64,iVBORw0KGgo…"
BINARY = {"type": "string", "format": "binary"}
DRAWING: dict[str, Any] = {
    "type": "object",
    "required": ["image"],
    "properties": {
        "image": {"type": "string", "description": "data:image/png;base64,…"},
        "ink": {
            "type": ["array", "null"],
            "maxItems": MAX_STROKES,
            "items": {
                "type": "array",
                "items": {
                    "type": "array",
                    "minItems": 3,
                    "maxItems": 3,
                    "items": {
                        "type": "number",
                        "minimum": -MAX_COORDINATE,
                        "maximum": MAX_COORDINATE,
                    },
                },
            },
        },
    },
}
SUBMISSION = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["image"],
                "properties": {
                    "image": {
                        "type": "string",
                        "format": "binary",
                        "description": "PNG, JPEG or WebP; dark on light or light on dark",
                    },
                    "ink": {
                        "type": "string",
                        "description": "The pen's path as JSON: [[[x, y, t_ms], …], …]",
                    },
                },
            }
        },
        **{kind: {"schema": BINARY} for kind in PICTURE_TYPES},
        "application/json": {"schema": DRAWING, "example": {"image": EXAMPLE_IMAGE}},
    },
}

BATCH = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["drawings"],
                "properties": {
                    "drawings": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": MAX_BATCH,
                        "items": DRAWING,
                    }
                },
            },
            "example": {"drawings": [{"image": EXAMPLE_IMAGE}]},
        }
    },
}

IDEMPOTENCY_KEY = {
    "in": "header",
    "name": HEADER,
    "required": False,
    "description": "The same key and body give the same answer and one record for a day",
    "schema": {
        "type": "string", "minLength": 1, "maxLength": MAX_LENGTH, "pattern": "^[!-~]+$",
    },
}  # fmt: skip

PICTURE = {
    200: {
        "description": "The picture as it was sent, without its metadata",
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}} for kind in PICTURE_TYPES
        },
    }
}
