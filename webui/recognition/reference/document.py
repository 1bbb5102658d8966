"""The OpenAPI document: what the types give, completed with headers, error codes and examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from webui.access.visitors import COOKIE
from webui.recognition.idempotency import HEADER, REPLAYED
from webui.recognition.reference.errors import (
    ERRORS,
    REQUEST_ID,
    SERVER_ERRORS,
    ErrorKind,
    Operation,
)
from webui.recognition.reference.examples import EXAMPLES

TOO_LARGE = HTTPStatus.REQUEST_ENTITY_TOO_LARGE.value
ALWAYS = ("X-Request-ID", "Cache-Control")  # headers of every answer
BEFORE_COUNTING = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
ERROR_SCHEMA = "#/components/schemas/Error"
STRING = {"type": "string"}
NAMING_VISITORS = ("predict", "predict_batch", "read_drawing", "join_collection")
SECONDS = {"type": "integer", "minimum": 1}
POLICY = r'"[a-z-]+";q=[0-9]+;w=[0-9]+'
REMAINING = r'"[a-z-]+";r=[0-9]+;t=[0-9]+'


def _list(item: str) -> dict[str, str]:
    return {"type": "string", "pattern": f"^{item}(, {item})*$"}


HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-ID": {
        "description": "Names the request in our logs; the request's own header, if it had one",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
        "example": REQUEST_ID,
    },
    "Cache-Control": {
        "description": "No answer is kept by a cache, so that what is deleted is gone",
        "required": True,
        "schema": {"type": "string", "pattern": "no-store"},
        "example": "no-store",
    },
    "RateLimit-Policy": {
        "description": "The rates that the request counted for: q requests in w seconds "
        "(draft-ietf-httpapi-ratelimit-headers-11). Missing where RATE_LIMIT is off",
        "schema": _list(POLICY),
        "example": '"predict";q=120;w=60',
    },
    "RateLimit": {
        "description": "What is left of each rate: r requests, and one more after t seconds",
        "schema": _list(REMAINING),
        "example": '"predict";r=119;t=1',
    },
    "Retry-After": {
        "description": "Seconds after which the same request may succeed",
        "required": True,
        "schema": SECONDS,
        "example": 1,
    },
    "WWW-Authenticate": {
        "description": "The scheme of API keys",
        "required": True,
        "schema": {"type": "string", "pattern": "^Bearer "},
        "example": 'Bearer realm="Drawn digits", error="invalid_token"',
    },
    "Location": {
        "description": "The address of the prediction",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
        "example": "/api/v1/predictions/1e2538d7-e78e-11f1-b4de-b79d5bb442a2",
    },
    REPLAYED: {
        "description": "The answer is that of an earlier request with the same Idempotency-Key",
        "schema": {"const": "true"},
    },
    "Set-Cookie": {
        "description": "Names a visitor who came without cookie and key (visitor=…)",
        "schema": STRING,
    },
}
SECURITY_SCHEMES: dict[str, dict[str, str]] = {
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key that `manage.py create_api_key NAME` prints, or that staff make in "
        "the admin. Its holder reads, corrects and deletes every prediction, and lists its own",
    },
    "visitor": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "The signed cookie that the page, or the first answer to a drawing, sets. "
        "A visitor reads, corrects, deletes and lists the own predictions",
    },
}


class DocumentedAPI(NinjaAPI):
    """An API whose OpenAPI document is complete."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self._errors = list(ERRORS)
        self._examples = dict(EXAMPLES)

    def describe(self, *, errors: Sequence[ErrorKind], examples: Mapping[str, Any]) -> None:
        """Add errors, and examples by the name of their schema; what is known already is kept."""
        self._errors += [error for error in errors if error not in self._errors]
        self._examples.update(examples)

    def create_temporal_response(self, request: HttpRequest) -> HttpResponse:
        """Return the response whose headers each operation's answer gets: none is stored."""
        response = super().create_temporal_response(request)
        response["Cache-Control"] = "no-store"
        return response

    def get_openapi_schema(self, **named: Any) -> OpenAPISchema:
        document = super().get_openapi_schema(**named)
        _Completion(errors=self._errors, examples=self._examples).complete(document)
        return document


@dataclass(frozen=True, kw_only=True)
class _Completion:
    """Errors and examples that complete a document."""

    errors: Sequence[ErrorKind]
    examples: Mapping[str, Any]

    def complete(self, document: dict[str, Any]) -> None:
        """Add headers, error codes and examples to the operations of a document."""
        components = document["components"]
        components["headers"] = HEADERS
        components["responses"] = {_name(error): _response([error]) for error in SERVER_ERRORS}
        components["securitySchemes"] = SECURITY_SCHEMES
        for path, operations in document["paths"].items():
            for operation in operations.values():
                self._complete_operation(path, operation)

    def _complete_operation(self, path: str, operation: dict[str, Any]) -> None:
        responses = {int(status): each for status, each in operation["responses"].items()}
        responses.setdefault(TOO_LARGE, {})
        facts = Operation(
            id=operation["operationId"],
            path=path,
            takes_drawings=HTTPStatus.UNSUPPORTED_MEDIA_TYPE in responses,
        )
        counted = HTTPStatus.TOO_MANY_REQUESTS in responses
        for status, response in responses.items():
            errors = [each for each in self.errors if each.status == status and each.of(facts)]
            if status >= HTTPStatus.BAD_REQUEST:
                responses[status] = response = _response(errors)
            names = _own_headers(operation, status, errors)
            if counted and status not in BEFORE_COUNTING:
                names += ["RateLimit-Policy", "RateLimit"]
            _add_headers(response, names)
            self._add_example(response.get("content", {}).get("application/json", {}))
        for parameter in operation.get("parameters", []):
            if parameter["name"] == "prediction_id":
                parameter["description"] = "The id in the answer that made the prediction"
        for content in operation.get("requestBody", {}).get("content", {}).values():
            self._add_example(content)
        for error in SERVER_ERRORS:
            responses[error.status] = {"$ref": f"#/components/responses/{_name(error)}"}
        operation["responses"] = {str(status): responses[status] for status in sorted(responses)}

    def _add_example(self, content: dict[str, Any]) -> None:
        """Give a body of JSON the example of its schema, if that has a name and no example yet."""
        name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
        if name in self.examples:
            content.setdefault("example", self.examples[name])


def _own_headers(operation: dict[str, Any], status: int, errors: Sequence[ErrorKind]) -> list[str]:
    """Return the headers of an operation's answer with this status, beside those of all."""
    names = []
    parameters = {parameter["name"] for parameter in operation.get("parameters", [])}
    if status == HTTPStatus.CREATED and HEADER in parameters:
        names += ["Location", REPLAYED]
    if status < HTTPStatus.BAD_REQUEST and operation["operationId"] in NAMING_VISITORS:
        names.append("Set-Cookie")
    if status == HTTPStatus.UNAUTHORIZED:
        names.append("WWW-Authenticate")
    if any(error.retry for error in errors):
        names.append("Retry-After")
    return names


def _name(error: ErrorKind) -> str:
    """Return the name of an error's response among the components, like "HeadersTooLarge"."""
    return "".join(word.capitalize() for word in error.code.split("_"))


def _add_headers(response: dict[str, Any], names: list[str]) -> None:
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in (*ALWAYS, *names)}
    response.setdefault("headers", {}).update(headers)


def _response(errors: list[ErrorKind]) -> dict[str, Any]:
    """Return the response with one of these errors, which have one status."""
    codes = sorted({error.code for error in errors})
    code_schema = {"properties": {"error": {"properties": {"code": {"enum": codes}}}}}
    response: dict[str, Any] = {
        "description": " ".join(f"`{error.code}`: {error.when}." for error in errors),
        "content": {
            "application/json": {
                "schema": {"allOf": [{"$ref": ERROR_SCHEMA}, code_schema]},
                "examples": {
                    error.code: {"summary": error.when, "value": error.example} for error in errors
                },
            }
        },
    }
    _add_headers(response, [])
    return response
