"""The operator's contact line; `webui.settings` imports this module."""

from webui.environment import Environment

LONGEST = 200


def read_contact(environment: Environment) -> str:
    """Return the line of PRIVACY_CONTACT, "" without one.

    Raises:
        ImproperlyConfigured: it is more than a line.
    """

    def parse(text: str) -> str:
        if len(text) > LONGEST or not text.isprintable():
            raise ValueError
        return text

    return environment.parsed(
        "PRIVACY_CONTACT", parse, default="",
        valid=f"one line of at most {LONGEST} characters, like Ada Example, ada@example.org",
    )  # fmt: skip
