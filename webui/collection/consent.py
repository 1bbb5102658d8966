"""The text that people agree to before they draw, by version.

A version's template is never changed, since people agreed to it as it was: another text is another
version, with a template of its own. `tests/webui/collection/test_consent.py` has their checksums.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Consent:
    """A version of the text, and the licence that it names."""

    version: int
    template: str
    licence: str  # SPDX identifier
    licence_url: str


CONSENTS = {
    1: Consent(
        version=1,
        template="collection/consent-1.html",
        licence="CC-BY-4.0",
        licence_url="https://creativecommons.org/licenses/by/4.0/",
    )
}
CURRENT = CONSENTS[max(CONSENTS)]
