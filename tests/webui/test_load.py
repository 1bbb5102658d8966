"""Eight concurrent clients: every answer is 201, and every record has its own picture."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from PIL import Image, ImageDraw

from tests.harness.drawings import encoded
from tests.harness.site import SiteProcess

PICTURES = 1000
CLIENTS = 8


def picture(number: int) -> bytes:
    """Return a slanted stroke; grey levels in a corner encode the number, so that all differ."""
    image = Image.new("L", (56, 56), 255)
    ImageDraw.Draw(image).line([(16 + number % 20, 8), (28, 46)], 0, 4)
    image.putpixel((0, 0), 255 - number % 10)
    image.putpixel((1, 0), 255 - number // 10 % 10)
    image.putpixel((2, 0), 255 - number // 100)
    return encoded(image)


def send(url: str, numbers: range) -> list[tuple[int, int, str]]:
    answers = []
    with requests.Session() as session:
        session.trust_env = False
        for number in numbers:
            files = {"image": ("d.png", picture(number), "image/png")}
            response = session.post(f"{url}/api/v1/predictions", files=files, timeout=120)
            answers.append((number, response.status_code, response.json().get("id", "")))
    return answers


@pytest.mark.timeout(1200)
def test_every_picture_is_answered_and_recorded(live_site: SiteProcess) -> None:
    with ThreadPoolExecutor(CLIENTS) as clients:
        shares = [range(start, PICTURES, CLIENTS) for start in range(CLIENTS)]
        answers = [
            answer
            for share in clients.map(lambda numbers: send(live_site.url, numbers), shares)
            for answer in share
        ]
    assert {status for _, status, _ in answers} == {201}
    assert len({record for _, _, record in answers}) == PICTURES

    stored = live_site.records()
    for number, _, record in answers:
        assert stored[record.replace("-", "")]["picture"] == picture(number)
