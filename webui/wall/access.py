"""Who may see the wall: staff who may see records, and whoever has entered the class code.

The code is entered once in a browser, which then has a signed cookie for a school day. The cookie
holds a hash of the code: with another code, or another secret key, it opens nothing any more.
"""

from typing import Any

from django.conf import settings
from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac

from webui.access.addresses import address_of
from webui.access.rate import Rate
from webui.access.rate_limits import seconds_to_wait
from webui.wall.codes import MOST_LENGTH, plain

COOKIE = "wall"
COOKIE_SECONDS = 12 * 3600
SALT = "webui.wall.access"
ATTEMPTS = Rate(count=10, seconds=60)  # of an address; a class enters the code on one machine


def may_see(request: HttpRequest) -> bool:
    """Return whether the wall is shown for this request."""
    user: Any = request.user
    if user.is_active and user.is_staff and user.has_perm("records.view_record"):
        return True
    if not settings.WALL_CODE:
        return False
    try:
        given = request.get_signed_cookie(COOKIE, salt=SALT, max_age=COOKIE_SECONDS)
    except (KeyError, BadSignature):
        return False
    return constant_time_compare(given or "", _hash_of(settings.WALL_CODE))


def seconds_until_attempt(request: HttpRequest) -> float:
    """Count an attempt to enter the code; return 0 if it may be made, else the seconds to wait."""
    return seconds_to_wait([(f"wall {address_of(request)}", ATTEMPTS)])


def is_right(code: str) -> bool:
    """Return whether this is the class code; the time it takes does not depend on the code."""
    if not settings.WALL_CODE or len(code) > 2 * MOST_LENGTH:
        return False
    return constant_time_compare(_hash_of(code), _hash_of(settings.WALL_CODE))


def open_wall(response: HttpResponse) -> None:
    """Set the cookie of a browser in which the code was entered."""
    response.set_signed_cookie(
        COOKIE,
        _hash_of(settings.WALL_CODE),
        salt=SALT,
        max_age=COOKIE_SECONDS,
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )


def _hash_of(code: str) -> str:
    return salted_hmac(SALT, plain(code), algorithm="sha256").hexdigest()
