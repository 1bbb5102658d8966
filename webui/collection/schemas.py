"""Requests and responses of prompted collection in the JSON API."""

from typing import Any

from ninja import Field, Schema

from webui.collection.consent import CURRENT
from webui.collection.selectors import Progress


class Prompt(Schema):
    number: int = Field(ge=0, description="Of the prompt, from 0 on")
    digit: int = Field(ge=0, le=9, description="What to draw")


class Collection(Schema):
    """The collection that the caller takes part in."""

    session: str | None = Field(description="The session's code; null without one")
    title: str = Field(description='The session\'s title; "" without one')
    writer: str = Field(description="The writer code, with which staff find these drawings")
    drawn: int = Field(ge=0, description="Drawings so far")
    wanted: int = Field(ge=0, description="Drawings that are asked for")
    prompt: Prompt | None = Field(description="What to draw next; null when all are drawn")
    last: int | None = Field(description="Number of the latest drawing, which may be drawn again")


MAX_CODE = 40
JOIN: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["consent"],
                "additionalProperties": False,
                "properties": {
                    "consent": {
                        "type": "integer",
                        "description": "The version of the text at /collect that was agreed to",
                        "enum": [CURRENT.version],
                    },
                    "code": {
                        "type": "string",
                        "maxLength": MAX_CODE,
                        "pattern": r"^[^\x00-\x1f\x7f-\x9f]*$",
                        "description": "Of the session",
                    },
                },
            },
            "example": {"consent": CURRENT.version, "code": "class-4b"},
        }
    },
}
EXAMPLE_JOIN = f'{{"consent": {CURRENT.version}, "code": "class-4b"}}'


def collection(progress: Progress) -> dict[str, object]:
    """Return how far a participant is, as `Collection`."""
    session = progress.participation.session
    return {
        "session": session.code if session else None,
        "title": session.title if session else "",
        "writer": progress.participation.writer,
        "drawn": progress.drawn,
        "wanted": progress.wanted,
        "prompt": progress.prompt
        and {"number": progress.prompt.number, "digit": progress.prompt.digit},
        "last": progress.last,
    }
