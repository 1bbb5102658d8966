"""Hostile pictures cost a bounded time and memory, alone and many at once."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from serving.picture_files import PictureFile
from serving.preprocessing import BlankPicture, DecodingBusy, PictureError, decode, to_instance
from tests.attacks.cost import cost_of
from tests.attacks.hostile_pictures import MAKERS, hostile
from tests.harness.drawings import SEVEN

# Measured: 0.9 CPU seconds and 129 MB for the worst of them (docs/limits.md).
MOST_SECONDS = 10
MOST_MEGABYTES = 200
CLIENTS = 24
MEASURED = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


@MEASURED
@pytest.mark.parametrize("name", MAKERS)
def test_a_hostile_picture_costs_little(name: str) -> None:
    cost = cost_of(hostile(name))
    assert cost.outcome in ("read", "BlankPicture", "PictureTooLarge", "NotAPicture")
    assert cost.seconds < MOST_SECONDS
    assert cost.megabytes < MOST_MEGABYTES


def test_large_pictures_at_once_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 24 clients with the largest pictures, one is served at a time; drawings wait for none."""
    running, most = 0, 0
    decoded = decode._decoded

    def counted(file: PictureFile) -> object:
        nonlocal running, most
        if file.width > 1000:
            running += 1
            most = max(most, running)
        try:
            return decoded(file)
        finally:
            if file.width > 1000:
                running -= 1

    monkeypatch.setattr(decode, "_decoded", counted)
    large = hostile("PNG, RGBA of 16 bits, 25 MP")

    def send(number: int) -> str:
        try:
            to_instance(decode.decode_picture(large if number % 2 else SEVEN))
        except (PictureError, DecodingBusy) as error:
            return type(error).__name__
        return "read"

    with ThreadPoolExecutor(CLIENTS) as clients:
        outcomes = list(clients.map(send, range(CLIENTS * 2)))
    assert most == 1
    assert set(outcomes[::2]) == {"read"}
    assert set(outcomes[1::2]) <= {"read", BlankPicture.__name__, DecodingBusy.__name__}
