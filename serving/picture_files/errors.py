"""Errors of pictures; each message says why and what would be right."""


class PictureError(ValueError):
    """A picture that cannot become an instance."""


class NotAPicture(PictureError):
    """The bytes are not a PNG, JPEG or WebP file, or are a damaged one."""

    def __init__(
        self,
        message: str = "The bytes are not a picture that can be read; send a complete PNG, JPEG or "
        "WebP file.",
    ) -> None:
        super().__init__(message)


class PictureTooLarge(PictureError):
    """Decoding the picture would cost more time or memory than one picture gets."""
