"""The text that people agreed to is never changed afterwards."""

import hashlib

import pytest
from django.conf import settings

from webui.collection.consent import CONSENTS

SHA256 = {1: "b0e1d9530cbaf5ad1d380f6e6ce078f085f75346f23f249ec935d7a8aadc9732"}


def test_every_version_has_its_checksum_here() -> None:
    assert set(SHA256) == set(CONSENTS)


@pytest.mark.parametrize("version", CONSENTS)
def test_a_text_that_people_agreed_to_is_unchanged(version: int) -> None:
    template = CONSENTS[version].template
    text = (settings.BASE_DIR / "webui/collection/templates" / template).read_bytes()
    assert hashlib.sha256(text).hexdigest() == SHA256[version], (
        "people agreed to this text as it was; write another version beside it"
    )
