"""Making, finding and revoking API keys."""

import hashlib
import secrets
from typing import TYPE_CHECKING

from django.utils import timezone

from webui.recognition.models import ApiKey

if TYPE_CHECKING:
    from django.contrib.auth.models import User

PREFIX = "dd_"  # lets a secret scanner, and a person, see what it is
HINT_LENGTH = 8
LONGEST = 100  # characters that are looked at; ours have 46


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def create_key(*, name: str, created_by: "User | None" = None) -> tuple[ApiKey, str]:
    """A new key: what is kept of it, and the key itself, which nobody can read again."""
    key = PREFIX + secrets.token_urlsafe(32)
    kept = ApiKey.objects.create(
        name=name, digest=digest_of(key), hint=key[:HINT_LENGTH], created_by=created_by
    )
    return kept, key


def find_key(key: str) -> ApiKey | None:
    """The key's entry, unless it is unknown or revoked; notes the day of its last use."""
    if len(key) > LONGEST:
        return None
    found = ApiKey.objects.filter(digest=digest_of(key), revoked_at__isnull=True).first()
    today = timezone.now().date()
    if found is not None and found.last_used_on != today:  # one write a day, not one a request
        ApiKey.objects.filter(pk=found.pk).update(last_used_on=today)
    return found


def revoke(key: ApiKey) -> None:
    """From now on the key opens nothing; its entry stays, to say what it was."""
    ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
