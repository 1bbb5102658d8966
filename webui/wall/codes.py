"""The class code, which opens the wall to people who are not staff.

`webui.settings` and `make run` import this module, so it must not need configured settings.
"""

import secrets

from django.core.exceptions import ImproperlyConfigured

from webui.environment import Environment

# Without letters and digits that look alike on a projector or in a handwritten note.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
GROUP_LENGTH = 4
MADE_LENGTH = 8  # 31**8 codes: at 10 attempts a minute, a guess in a thousand takes 160 years
LEAST_LENGTH = 8
MOST_LENGTH = 64  # of what is typed: longer texts are wrong without a comparison


def make_code() -> str:
    """Return a new random code that can be read aloud and typed, like `k7mp-x3qd`."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(MADE_LENGTH))
    return f"{code[:GROUP_LENGTH]}-{code[GROUP_LENGTH:]}"


def plain(code: str) -> str:
    """Return a code without what people add or leave out: case, spaces and hyphens."""
    return "".join(code.split()).replace("-", "").lower()


def read_code(environment: Environment) -> str:
    """Return the code of WALL_CODE; "" if the wall is for staff alone.

    Raises:
        ImproperlyConfigured: it is short enough to be guessed, or too long to be typed.
    """
    code = environment.secret("WALL_CODE").strip()
    if code and not LEAST_LENGTH <= len(plain(code)) <= MOST_LENGTH:
        raise ImproperlyConfigured(
            f"WALL_CODE is {len(plain(code))} characters long without spaces and hyphens; it must "
            f"be {LEAST_LENGTH} to {MOST_LENGTH}, best random ones like {make_code()}"
        )
    return code
