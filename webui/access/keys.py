"""Making, finding and revoking API keys."""

import hashlib
import secrets

from django.utils import timezone

from webui.access.models import ApiKey

PREFIX = "dd_"  # lets people and secret scanners recognise a key
HINT_LENGTH = 8
MAX_LENGTH = 100  # characters; longer texts are not looked up, our keys have 46


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def issue(entry: ApiKey) -> None:
    """Save an entry with a new key, which is in `entry.plain_text` and stored nowhere."""
    entry.plain_text = PREFIX + secrets.token_urlsafe(32)
    entry.digest = digest_of(entry.plain_text)
    entry.hint = entry.plain_text[:HINT_LENGTH]
    entry.save()


def create_key(*, name: str) -> tuple[ApiKey, str]:
    """Create a key; return its entry and the key itself."""
    entry = ApiKey(name=name)
    issue(entry)
    return entry, entry.plain_text


def find_key(key: str) -> ApiKey | None:
    """Return the key's entry, None if it is unknown or revoked; store the day of its use."""
    if len(key) > MAX_LENGTH:
        return None
    found = ApiKey.objects.filter(digest=digest_of(key), revoked_at__isnull=True).first()
    today = timezone.now().date()
    if found is not None and found.last_used_on != today:  # one write a day, not one a request
        ApiKey.objects.filter(pk=found.pk).update(last_used_on=today)
    return found


def revoke(key: ApiKey) -> None:
    """Make the key useless. Its entry stays, for the corrections that name it."""
    ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
