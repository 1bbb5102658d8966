"""`make run LAN=on`: the machine's address in its network, and what a class needs to know.

The site listens on this one address and answers to it alone: a request by another name, or through
another network of the machine, is refused.
"""

import ipaddress
import os
import socket
from contextlib import suppress

from webui.wall.address import qr_code

# Documentation addresses (RFC 5737): connecting a datagram socket sends nothing, and tells which
# address of this machine packets to the outside would have. The private ones are for a network
# without a way out, like a hotspot of this machine.
OUTSIDE = ("203.0.113.1", "10.255.255.254", "172.31.255.254", "192.168.255.254")
QUIET_ZONE = 4  # modules around a QR code (ISO/IEC 18004)
WHITE_ON_BLACK = "\033[97;40m"  # readers want dark modules on light ground, whatever the terminal's
RESET = "\033[0m"


class NoAddress(Exception):
    """This machine is in no network, as far as can be seen."""


def network_address() -> str:
    """Return the address under which others in the network reach this machine.

    Raises:
        NoAddress
    """
    for outside in OUTSIDE:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
            probe.connect((outside, 9))
            address: str = probe.getsockname()[0]
            if is_reachable(address):
                return address
    raise NoAddress(
        "no address of this machine in a network was found. Join one, or name the address: "
        "make run LAN=on HOST=192.168.1.7"
    )


def is_reachable(host: str) -> bool:
    """Return whether others could reach a host of this name or address; a name is believed."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host != "localhost"
    return not (address.is_loopback or address.is_unspecified or address.is_link_local)


def is_public(host: str) -> bool:
    """Return whether the address is one of the internet, rather than of a network at a site."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return False


def qr_lines(address: str, *, colours: bool) -> list[str]:
    """Return the QR code of an address for a terminal, two rows of modules a line.

    Args:
        address: to encode.
        colours: set white on black, since in a terminal with dark text on light ground the code
            would be inverted, which some readers refuse.
    """
    modules = [
        [not dark for dark in row] for row in qr_code(address).matrix_iter(border=QUIET_ZONE)
    ]
    if len(modules) % 2:
        modules.append([False] * len(modules[0]))
    halves = {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}
    lines = [
        "".join(halves[pair] for pair in zip(upper, lower, strict=True))
        for upper, lower in zip(modules[::2], modules[1::2], strict=True)
    ]
    return [f"{WHITE_ON_BLACK}{line}{RESET}" for line in lines] if colours else lines


def invitation(address: str, *, code: str, host: str, colours: bool) -> list[str]:
    """Return what is printed when the site is open to the network."""
    lines = [
        *qr_lines(f"{address}/", colours=colours),
        "",
        f"  For a class:    {address}/",
        f"  On a projector: {address}/wall   (class code: {code})",
        "",
        "Everybody in this network can open the site, by this address only. It is plain http:",
        "others there could read what is sent, so log in as staff on this machine only. If a",
        "device does not reach the site, a firewall or a guest network is in between.",
    ]
    if is_public(host):
        lines += ["", f"WARNING: {host} is an address of the internet, so not only this network."]
    return lines


def is_terminal() -> bool:
    """Return whether the output is read by a person now, rather than kept in a file."""
    return os.isatty(1)
