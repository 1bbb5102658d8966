"""`make run LAN=on`: the address, and a QR code in the terminal that can be read."""

import ipaddress
import re
import socket

import pytest

from deploy import lan
from webui.wall.address import qr_code

ADDRESS = "http://192.168.178.23:8000/"


def modules_of(lines: list[str]) -> list[list[bool]]:
    """Return the modules that a terminal shows, dark ones True; characters set light ones."""
    rows = []
    for line in lines:
        rows.append([character in " ▄" for character in line])
        rows.append([character in " ▀" for character in line])
    return rows


@pytest.mark.parametrize("address", [ADDRESS, "http://[2001:db8::1]:65535/"])
def test_the_qr_code_in_the_terminal_is_that_of_the_address(address: str) -> None:
    shown = modules_of(lan.qr_lines(address, colours=False))
    expected = [[bool(dark) for dark in row] for row in qr_code(address).matrix_iter(border=4)]
    assert shown[: len(expected)] == expected
    assert all(
        all(row) for row in shown[len(expected) :]
    )  # an odd last row has the ground's colour
    assert {len(row) for row in shown} == {len(expected)}


def test_a_terminal_gets_dark_modules_on_light_ground() -> None:
    plain, coloured = (lan.qr_lines(ADDRESS, colours=colours) for colours in (False, True))
    assert all(line.startswith(lan.WHITE_ON_BLACK) for line in coloured)
    assert [re.sub(r"\x1b\[[\d;]*m", "", line) for line in coloured] == plain
    assert len(plain[0]) <= 80


def test_the_address_is_one_that_others_can_reach() -> None:
    address = lan.network_address()
    assert not ipaddress.ip_address(address).is_loopback
    with socket.create_server((address, 0)):  # it is this machine's own
        pass


def test_a_machine_in_no_network_is_told_to_name_its_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Unconnected(socket.socket):
        def connect(self, _address: object) -> None:
            raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "socket", Unconnected)
    with pytest.raises(lan.NoAddress, match=r"make run LAN=on HOST="):
        lan.network_address()


@pytest.mark.parametrize(
    ("host", "reachable"),
    [
        ("192.168.1.7", True), ("classroom.example.org", True), ("2001:db8::1", True),
        ("127.0.0.1", False), ("localhost", False), ("169.254.3.4", False),
        ("::1", False), ("::", False),
    ],
)  # fmt: skip
def test_an_address_of_this_machine_alone_invites_nobody(host: str, reachable: bool) -> None:
    assert lan.is_reachable(host) is reachable


def test_an_address_of_the_internet_is_pointed_out() -> None:
    said = {
        host: "WARNING" in "\n".join(
            lan.invitation(f"http://{host}:8000", code="k7mp-x3qd", host=host, colours=False)
        )
        for host in ("8.8.8.8", "10.0.0.7")
    }  # fmt: skip
    assert said == {"8.8.8.8": True, "10.0.0.7": False}
