"""Visitors of the demonstration's site: they draw, correct, take part, and read as strangers."""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import requests
from django.core import signing

from benchmarks.loop_demo.people import Drawing, Person

TIMEOUT_SECONDS = 120.0
AT_ONCE = 4
SESSION = "loop-demo"  # the code under which people take part in prompted collection


@dataclass(frozen=True)
class Kept:
    """A recorded drawing, and what it really shows."""

    record_id: str
    truth: str
    right: bool
    corrected: bool


class Visitor:
    """A person with a cookie of their own; the same name has the same cookie in every run."""

    def __init__(self, url: str, name: str, *, secret_key: str) -> None:
        from webui.access.visitors import COOKIE, SALT

        self._api = f"{url}/api/v1"
        self._http = requests.Session()
        self._http.trust_env = False
        signer = signing.Signer(key=secret_key, fallback_keys=[], salt=SALT)
        self._http.headers["Cookie"] = f"{COOKIE}={signer.sign(name)}"

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """Return the document that the API answers with; an error ends the demonstration."""
        answer = self._http.request(method, self._api + path, timeout=TIMEOUT_SECONDS, **options)
        if not answer.ok:
            raise SystemExit(f"{method} {path} was answered {answer.status_code}: {answer.text}")
        return answer.json() if answer.content else None

    def send(self, path: str, drawing: Drawing) -> Any:
        """Send a drawing with its ink, as the page does."""
        return self.ask(
            "POST",
            path,
            files={"image": ("drawing.png", drawing.picture, "image/png")},
            data={"ink": json.dumps(drawing.ink)},
        )

    def draw(self, drawings: Iterable[Drawing]) -> list[Kept]:
        """Draw on the page, and correct every other wrong answer."""
        kept: list[Kept] = []
        wrong = 0
        for drawing in drawings:
            made = self.send("/predictions", drawing)
            right = is_right(made, drawing.label)
            wrong += not right
            corrected = not right and wrong % 2 == 1
            if corrected:
                label = {"label": int(drawing.label)}
                self.ask("POST", f"/predictions/{made['id']}/correction", json=label)
            kept.append(Kept(made["id"], drawing.label, right, corrected))
        return kept

    def take_part(self, drawings: Iterable[Drawing], *, consent: int) -> int:
        """Draw what is asked for; return how many drawings that were."""
        left: dict[str, list[Drawing]] = {}
        for drawing in drawings:
            left.setdefault(drawing.label, []).append(drawing)
        asked = self.ask("POST", "/collection", json={"consent": consent, "code": SESSION})
        drawn = 0
        while (prompt := asked["prompt"]) and left.get(str(prompt["digit"])):
            drawing = left[str(prompt["digit"])].pop()
            asked = self.send(f"/collection/drawings/{prompt['number']}", drawing)
            drawn += 1
        return drawn


def is_right(answer: dict[str, Any], label: str) -> bool:
    """Return whether the page would show the digit that was drawn."""
    return answer["verdict"] != "not_a_digit" and str(answer["digit"]) == label


def read_as_strangers(url: str, people: Iterable[Person], *, secret_key: str) -> list[bool]:
    """Return whether each drawing of each person is read correctly; nothing is recorded."""

    def read(person: Person) -> list[bool]:
        visitor = Visitor(url, f"stranger {person.name}", secret_key=secret_key)
        return [
            is_right(visitor.send("/readings", drawing), drawing.label)
            for drawing in person.drawings
        ]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [right for some in pool.map(read, people) for right in some]
