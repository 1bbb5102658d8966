"""The page's address as a QR code."""

import segno

# Of the code's area that may be hidden or misread: 15 %. A quarter of it, the most there is, would
# need more and smaller modules, which are read from fewer seats.
ERROR_CORRECTION = "m"


def qr_code(address: str) -> segno.QRCode:
    """Return the QR code of an address."""
    return segno.make_qr(address, error=ERROR_CORRECTION, boost_error=False)


def qr_image(address: str) -> str:
    """Return the QR code as a data URI of an SVG picture, dark on white with its quiet zone."""
    uri: str = qr_code(address).svg_data_uri(dark="#000", light="#fff", omitsize=True)
    return uri
