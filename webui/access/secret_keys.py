"""The keys that sign cookies and hash visitors, and how strong they must be.

The settings import this module, so it imports no models.
"""

from collections.abc import Sequence

from django.core.exceptions import ImproperlyConfigured

# As in Django's check security.W009. A key that is guessed lets anybody forge every cookie.
LEAST_CHARACTERS = 50
LEAST_DIFFERENT = 5
MAKE_ONE = (
    "make one with: python -c 'import secrets; print(secrets.token_urlsafe(50))'"  # 400 random bits
)


def refuse_weak_keys(key: str, fallbacks: Sequence[str] = ()) -> None:
    """Accept keys that cannot be guessed. A fallback, too, signs cookies that are accepted.

    Raises:
        ImproperlyConfigured: naming the variable, never the key.
    """
    named = [("SECRET_KEY", key)]
    named += [(f"SECRET_KEY_FALLBACKS, key {n},", text) for n, text in enumerate(fallbacks, 1)]
    for name, text in named:
        different = len(set(text))
        if len(text) < LEAST_CHARACTERS or different < LEAST_DIFFERENT:
            raise ImproperlyConfigured(
                f"{name} has {len(text)} characters, {different} different ones; it must have at "
                f"least {LEAST_CHARACTERS} random ones, or cookies can be forged: {MAKE_ONE}"
            )
