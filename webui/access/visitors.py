"""Who asks: a visitor by a signed cookie, or a program by an API key.

The cookie is a random name that we signed, nothing else; records keep only a keyed hash of it,
so that neither a record nor a log line lets anybody pose as the visitor.
"""

import re
import secrets
from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac

from webui.access.keys import find_key
from webui.errors import ApiError
from webui.recognition.models import ApiKey
from webui.records.models import Record

COOKIE = "visitor"
COOKIE_SECONDS = 365 * 24 * 3600
SALT = "webui.recognition.visitor"
HASH_LENGTH = 32  # hex digits: 128 bits, more than ever collides
BEARER = re.compile(r"Bearer +(\S+)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Whose request it is.

    Attributes:
        visitor: a hash of the cookie, or `key:N`; what a record keeps.
        key: the API key, if that is what was shown.
        new_cookie: what to set when the visitor came without a (valid) cookie.
    """

    visitor: str
    key: ApiKey | None = None
    new_cookie: str | None = None

    @property
    def name(self) -> str:
        """How the admin shows who made a correction."""
        return f"API key {self.key.name}" if self.key else "visitor"

    def may_see(self, record: Record) -> bool:
        """Whether it is the caller's own drawing, or the caller holds an API key."""
        if self.key is not None:
            return True
        return bool(record.visitor) and constant_time_compare(record.visitor, self.visitor)


def visitor_hash(name: str) -> str:
    return salted_hmac(SALT, name, algorithm="sha256").hexdigest()[:HASH_LENGTH]


def bearer(request: HttpRequest) -> str | None:
    """The API key that the request shows, None without an Authorization header.

    Raises:
        ApiError: 401 when the header is something else than a bearer key.
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
    """Whose request this is; a visitor without a cookie gets a new name.

    Raises:
        ApiError: 401 when an API key is shown that is unknown or revoked.
    """
    shown = bearer(request)
    if shown is not None:
        key = find_key(shown)
        if key is None:
            raise ApiError(401, "bad_api_key", "The API key is unknown or revoked.")
        return Caller(visitor=f"key:{key.pk}", key=key)
    signed = request.COOKIES.get(COOKIE, "")
    try:
        name = signing.Signer(salt=SALT).unsign(signed)
    except signing.BadSignature:
        name = secrets.token_urlsafe(16)
        return Caller(visitor=visitor_hash(name), new_cookie=signing.Signer(salt=SALT).sign(name))
    return Caller(visitor=visitor_hash(name))


def remember(response: HttpResponse, caller: Caller) -> None:
    """Sets the cookie of a visitor who came without one."""
    if caller.new_cookie is None:
        return
    response.set_cookie(
        COOKIE,
        caller.new_cookie,
        max_age=COOKIE_SECONDS,
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )
