"""The page /api/v1/docs, made on the server from the OpenAPI document; no script from elsewhere."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import conditional_page, require_safe
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase

from webui.recognition.idempotency import HEADER
from webui.recognition.reference.examples import INSTANCE, RECORD_ID
from webui.recognition.reference.snippets import LANGUAGES, Answer, Body, Request
from webui.request_limits import MAX_BATCH, MAX_BODY_BYTES, MAX_PICTURE_BYTES

NUMBERS = re.compile(r"\[\s+([-\d.e,\s]+?)\s+\]")  # a list of numbers, one on each line
MOST_SHOWN = 1_000_000  # bounds of a number that are worth the reader's time
View = TypeVar("View", bound=Callable[..., Any])
RAW_PICTURE = frozenset({"read_drawing"})  # of the calls that take a picture, shown as the body


@dataclass(frozen=True, kw_only=True)
class Field:
    """A parameter, or a field of a body or an answer."""

    name: str
    kind: str
    description: str
    where: str = ""
    required: bool = False


@dataclass(frozen=True, kw_only=True)
class Call:
    """One operation, as the page shows it."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Field]
    bodies: list[tuple[str, list[Field]]]  # content type and fields
    status: int
    answer_kind: str
    answer_fields: list[Field]
    answer_headers: list[Field]
    example: str
    errors: list[tuple[str, str, str, str]]  # status, code, when, message
    snippets: list[tuple[str, str]]  # language and program

    @property
    def path_parts(self) -> list[str]:
        """The path in parts after which a narrow column may break."""
        return re.findall(r"[^/]*/?", self.path)


class Reader:
    """Reads calls from an OpenAPI document.

    Args:
        document: the OpenAPI document.
        site: scheme and host of the site, for the snippets.
    """

    def __init__(self, document: dict[str, Any], *, site: str) -> None:
        self._document = document
        self._site = site

    def calls(self) -> Iterator[Call]:
        for path, operations in self._document["paths"].items():
            for method, operation in operations.items():
                yield self._call(method.upper(), path, operation)

    def server_errors(self) -> list[tuple[str, str, str, str]]:
        """Return the errors that come before an operation sees the request."""
        return self._errors(
            {
                status: each
                for operations in self._document["paths"].values()
                for operation in operations.values()
                for status, each in operation["responses"].items()
                if "$ref" in each
            }
        )

    def _resolved(self, part: Any) -> Any:
        while isinstance(part, dict) and "$ref" in part:
            found: Any = self._document
            for name in part["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            part = found
        return part

    def _call(self, method: str, path: str, operation: dict[str, Any]) -> Call:
        status = min(int(each) for each in operation["responses"])
        response = operation["responses"][str(status)]
        content = response.get("content", {})
        own = {key: each for key, each in operation["responses"].items() if "$ref" not in each}
        document = content.get("application/json", {})
        return Call(
            id=operation["operationId"].replace("_", "-"),
            method=method,
            path=path,
            summary=operation["summary"],
            description=operation.get("description", ""),
            parameters=[self._parameter(each) for each in operation.get("parameters", [])],
            bodies=self._bodies(operation),
            status=status,
            answer_kind=", ".join(content),
            answer_fields=self._fields(document.get("schema", {})),
            answer_headers=self._headers(response),
            example=as_text(document["example"]) if "example" in document else "",
            errors=self._errors(own),
            snippets=[
                (language, write(self._request(method, path, operation, content)))
                for language, write in LANGUAGES.items()
            ],
        )

    def _request(
        self, method: str, path: str, operation: dict[str, Any], answer: dict[str, Any]
    ) -> Request:
        """Return the request that the snippets of an operation make."""
        bodies = operation.get("requestBody", {}).get("content", {})
        example = bodies.get("application/json", {}).get("example", {})
        if "multipart/form-data" in bodies:
            body = Body.RAW if operation["operationId"] in RAW_PICTURE else Body.FORM
        elif "drawings" in example:
            body = Body.BATCH
        else:
            body = Body.JSON if bodies else Body.NOTHING
        parameters = {each["name"] for each in operation.get("parameters", [])}
        if "older" in parameters:
            kind = Answer.PAGES
        elif "application/json" in answer:
            kind = Answer.JSON
        else:
            kind = Answer.FILE if answer else Answer.NOTHING
        return Request(
            method=method,
            url=self._site + path.format(prediction_id=RECORD_ID, number=0),
            body=body,
            answer=kind,
            document=json.dumps(example),
            idempotent=HEADER in parameters,
        )

    def _parameter(self, parameter: dict[str, Any]) -> Field:
        return Field(
            name=parameter["name"],
            kind=self._kind(parameter["schema"]),
            description=parameter.get("description", ""),
            where=parameter["in"],
            required=parameter.get("required", False),
        )

    def _bodies(self, operation: dict[str, Any]) -> list[tuple[str, list[Field]]]:
        """Return content types with the fields of each; types that have the same ones together."""
        together: list[tuple[str, list[Field]]] = []
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            fields = self._fields(content["schema"])
            if not fields and together and not together[-1][1]:
                together[-1] = (f"{together[-1][0]}, {kind}", [])
            else:
                together.append((kind, fields))
        return together

    def _fields(self, schema: Any, prefix: str = "") -> list[Field]:
        """Return the fields of an object, and of the objects in it."""
        schema = self._resolved(schema)
        fields = []
        for name, part in schema.get("properties", {}).items():
            required = name in schema.get("required", [])
            description = part.get("description", "")
            fields.append(
                Field(
                    name=prefix + name,
                    kind=self._kind(part),
                    description=description,
                    required=required,
                )
            )
            fields += self._fields(*self._inside(part, prefix + name))
        return fields

    def _inside(self, part: Any, name: str) -> tuple[Any, str]:
        """Return the schema of the object that a field holds, perhaps in a list, and its prefix."""
        part = self._resolved(part)
        for choice in part.get("anyOf", []):
            if self._resolved(choice).get("properties"):
                return choice, f"{name}."
        if part.get("type") == "array":
            return part["items"], f"{name}[]."
        return part, f"{name}."

    def _headers(self, response: dict[str, Any]) -> list[Field]:
        headers = {name: self._resolved(each) for name, each in response.get("headers", {}).items()}
        return [
            Field(
                name=name,
                kind=str(header.get("example", "")),
                description=header["description"],
                required=header.get("required", False),
            )
            for name, header in headers.items()
        ]

    def _errors(self, responses: dict[str, Any]) -> list[tuple[str, str, str, str]]:
        return [
            (status, code, example["summary"], example["value"]["error"]["message"])
            for status, response in sorted(responses.items())
            if int(status) >= 400
            for code, example in self._resolved(response)["content"]["application/json"][
                "examples"
            ].items()
        ]

    def _kind(self, schema: Any) -> str:
        """Return a type in a few words, like "integer, 1 to 100" or "list of numbers, or null"."""
        schema = self._resolved(schema)
        if "enum" in schema or "const" in schema:
            values = schema.get("enum", [schema.get("const")])
            if all(isinstance(value, int) for value in values) and len(values) > 2:
                return f"{values[0]} to {values[-1]}"
            return " or ".join(json.dumps(value) for value in values)
        if "anyOf" in schema:
            return " or ".join(dict.fromkeys(self._kind(each) for each in schema["anyOf"]))
        kind = schema.get("type", "")
        if isinstance(kind, list):
            return " or ".join(self._kind({**schema, "type": each}) for each in kind)
        if kind == "array":
            return f"list of {self._kind(schema['items'])}"
        if "minimum" in schema and schema.get("maximum", MOST_SHOWN) < MOST_SHOWN:
            return f"{kind}, {schema['minimum']} to {schema['maximum']}"
        return str(schema.get("format", kind) if kind == "string" else kind)


def as_text(example: Any) -> str:
    """Return an example as indented JSON, with lists of numbers on one line."""
    text = json.dumps(example, indent=2).replace(INSTANCE, INSTANCE[:24] + "…")
    return NUMBERS.sub(lambda found: "[" + " ".join(found[1].split()) + "]", text)


def served_document(view: View) -> View:
    """Serve a document that changes with the site alone: compressed, by GET, and with an ETag."""
    decorated = require_safe(gzip_page(conditional_page(cache_control(no_cache=True)(view))))
    return csrf_exempt(decorated)  # a POST is told that it is not allowed, not that a token lacks


class ReferencePage(DocsBase):
    """Renders the page; django-ninja gives it its address."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **_kwargs: Any) -> HttpResponse:
        reader = Reader(api.get_openapi_schema(), site=f"{request.scheme}://{request.get_host()}")
        return render(
            request,
            "recognition/reference.html",
            {
                "calls": list(reader.calls()),
                "server_errors": reader.server_errors(),
                "predictions": request.build_absolute_uri(reverse("api:predictions")),
                "rate": settings.RATE_LIMIT,
                "reading_rate": settings.READING_RATE_LIMIT,
                "max_batch": MAX_BATCH,
                "max_picture_mb": MAX_PICTURE_BYTES // 2**20,
                "max_body_mb": MAX_BODY_BYTES // 2**20,
            },
        )
