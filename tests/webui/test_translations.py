"""The German texts: none is missing, doubtful or out of date, and each fits its English one."""

import re
from collections.abc import Iterable
from string import Formatter
from typing import cast

import pytest

from deploy.messages import (
    DOMAINS,
    LANGUAGES,
    as_mo,
    as_po,
    brought_up_to_date,
    collected,
    path_of,
    translated,
    untranslated,
)

pytestmark = pytest.mark.parametrize(
    ("language", "domain"), [(language, domain) for language in LANGUAGES for domain in DOMAINS]
)
NAMED = re.compile(r"%\(\w+\)[sd]")
TAG = re.compile(r"</?\w+[^>]*>")


def forms(text: object) -> list[str]:
    """Return a text, or its singular and plural."""
    return [text] if isinstance(text, str) else list(cast("Iterable[str]", text))


def test_no_text_is_missing_or_doubtful(language: str, domain: str) -> None:
    assert len(collected(domain)) > 50
    assert untranslated(brought_up_to_date(language, domain)) == []


def test_the_files_are_those_that_make_messages_writes(language: str, domain: str) -> None:
    catalog = brought_up_to_date(language, domain)
    assert path_of(language, domain, "po").read_bytes() == as_po(catalog), "run `make messages`"
    assert path_of(language, domain, "mo").read_bytes() == as_mo(catalog), "run `make messages`"


def test_placeholders_and_tags_are_those_of_the_english_text(language: str, domain: str) -> None:
    for message in translated(language, domain):
        if not message.id:
            continue
        english, translations = forms(message.id), forms(message.string)
        for text, translation in zip(english, translations, strict=True):
            assert sorted(NAMED.findall(translation)) == sorted(NAMED.findall(text))
            assert TAG.findall(translation) == TAG.findall(text)
            fields = [name for _, name, _, _ in Formatter().parse(text) if name]
            assert [name for _, name, _, _ in Formatter().parse(translation) if name] == fields
