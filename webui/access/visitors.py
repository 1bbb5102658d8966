"""The caller of a request: a visitor with a signed cookie, or a program with an API key.

The cookie holds a signed random name. Records hold only a keyed hash of it, so that nobody can
pose as the visitor with what a record or a log line shows.

When the secret key is changed and the earlier ones are in SECRET_KEY_FALLBACKS, a cookie that an
earlier key signed is accepted and replaced. The new one holds the hash under the earlier key as
well, so that the visitor stays the same in records, lists and rate limits.
"""

import re
import secrets
from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac

from webui.access.keys import find_key
from webui.access.models import ApiKey
from webui.errors import ApiError

COOKIE = "visitor"
COOKIE_SECONDS = 365 * 24 * 3600
SALT = "webui.recognition.visitor"  # of every cookie and record so far
SEPARATOR = "."  # between name and hash; neither contains it
HASH_LENGTH = 32  # hex digits: 128 bits, enough that no two visitors collide
BEARER = re.compile(r"Bearer +(\S+)", re.IGNORECASE)


_VISITOR_NAME, _KEY_NAME = "visitor", "API key "


def is_caller_name(name: str) -> bool:
    """Return whether a correction's author is a visitor or a program, and not a member of staff."""
    return name == _VISITOR_NAME or name.startswith(_KEY_NAME)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The visitor or program that makes a request.

    Attributes:
        visitor: hash of the cookie's name, or `key:N`; stored with each record.
        key: the API key of a program.
        is_new: whether the visitor came without a valid cookie.
        cookie: the cookie to set, for a new visitor or after a change of the secret key.
    """

    visitor: str
    key: ApiKey | None = None
    is_new: bool = False
    cookie: str | None = None

    @property
    def name(self) -> str:
        """The caller as the admin shows it beside a correction."""
        return f"{_KEY_NAME}{self.key.name}" if self.key else _VISITOR_NAME

    def may_see(self, *, drawn_by: str) -> bool:
        """Return whether a record of this visitor is the caller's own, or any may be seen.

        Args:
            drawn_by: the record's visitor; "" for a record that belongs to nobody.
        """
        if self.key is not None:
            return True
        return bool(drawn_by) and constant_time_compare(drawn_by, self.visitor)


def visitor_hash(name: str, *, secret_key: str) -> str:
    digest = salted_hmac(SALT, name, secret=secret_key, algorithm="sha256").hexdigest()
    return digest[:HASH_LENGTH]


def bearer(request: HttpRequest) -> str | None:
    """Return the API key in the Authorization header, None without that header.

    Raises:
        ApiError: 401 when the header holds something other than a bearer key.
    """
    header = request.headers.get("Authorization")
    if header is None:
        return None
    match = BEARER.fullmatch(header.strip())
    if match is None:
        raise ApiError(
            401, "bad_api_key", "Authorization must be 'Bearer ' followed by an API key."
        )
    return match[1]


def identify(request: HttpRequest) -> Caller:
    """Return the caller; a visitor without a valid cookie gets a new name.

    Raises:
        ApiError: 401 when the API key is unknown or revoked.
    """
    given = bearer(request)
    if given is not None:
        key = find_key(given)
        if key is None:
            raise ApiError(401, "bad_api_key", "The API key is unknown or revoked.")
        return Caller(visitor=f"key:{key.pk}", key=key)
    cookie = request.COOKIES.get(COOKIE, "")
    current, *earlier = _signers()
    try:
        return Caller(visitor=_visitor_of(current.unsign(cookie), current))
    except signing.BadSignature:
        pass
    for signer in earlier:
        try:
            content = signer.unsign(cookie)
        except signing.BadSignature:
            continue
        visitor = _visitor_of(content, signer)
        name = content.partition(SEPARATOR)[0]
        return Caller(visitor=visitor, cookie=current.sign(f"{name}{SEPARATOR}{visitor}"))
    name = secrets.token_urlsafe(16)
    return Caller(visitor=_visitor_of(name, current), is_new=True, cookie=current.sign(name))


def _signers() -> list[signing.Signer]:
    """Return one signer for each secret key, the current one first."""
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return [signing.Signer(key=key, fallback_keys=[], salt=SALT) for key in keys]


def _visitor_of(content: str, signer: signing.Signer) -> str:
    """Return the hash of the visitor whose cookie this signer has signed.

    Args:
        content: the name, or the name and the hash that an earlier key gave it.
    """
    name, _, visitor = content.partition(SEPARATOR)
    return visitor or visitor_hash(name, secret_key=str(signer.key))


def remember(response: HttpResponse, caller: Caller) -> None:
    """Set the cookie of a visitor who came without one, or with one that an earlier key signed."""
    if caller.cookie is None:
        return
    response.set_cookie(
        COOKIE,
        caller.cookie,
        max_age=COOKIE_SECONDS,
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )
