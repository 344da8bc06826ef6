"""Photos, made again from their pixels: what cannot be drawn anew is not kept.

Re-encoding is the only sure way to lose what a phone writes into a picture (place, owner, serial
number) and whatever else a file can carry behind its picture. Pillow is imported only here.
"""

from io import BytesIO
from typing import Final

from chalicelib.domain.refusal import BadInput, FieldError

LONGEST_SIDE: Final = 1600  # pixels: a meter's plate is still read
MOST_BYTES: Final = 12 * 1024 * 1024  # of the file sent
# Pixels of the picture inside, by what decoding takes: a JPEG is decoded at a fraction of its size.
MOST_PIXELS: Final = {"JPEG": 50_000_000, "MPO": 50_000_000, "PNG": 16_000_000, "WEBP": 16_000_000}
QUALITY: Final = 82

_FORMATS: Final = ("JPEG", "PNG", "WEBP")  # Pillow reads no HEIC; phones convert when asked
_BOX: Final = (LONGEST_SIDE, LONGEST_SIDE)


class NotAPhoto(BadInput):
    """A file that is no picture we can draw anew: other kind, torn, or a decompression bomb."""

    def __init__(self, field: str = "file") -> None:
        super().__init__([FieldError(field, "file.not_a_photo")])


def reencode(data: bytes) -> bytes:
    """Return the picture as a JPEG of at most 1600 pixels a side, upright, with nothing else in it.

    data: JPEG (50 million pixels), PNG or WebP (16 million), at most 12 MB; of an animation the
    first frame. Transparent parts become white. Raises NotAPhoto.
    """
    if not 0 < len(data) <= MOST_BYTES:
        raise NotAPhoto
    try:
        return _drawn_anew(data)
    except Exception as error:  # decoders raise nearly anything at hostile bytes
        raise NotAPhoto from error


def _drawn_anew(data: bytes) -> bytes:
    from PIL import Image, ImageOps  # noqa: PLC0415 - only uploads need it

    with Image.open(BytesIO(data), formats=_FORMATS) as picture:
        # known before a pixel is decoded
        if picture.width * picture.height > MOST_PIXELS[picture.format or ""]:
            raise ValueError("too many pixels")
        picture.draft("RGB", _BOX)  # a JPEG decodes at a fraction of its size at once
        picture.thumbnail(_BOX)
        upright = ImageOps.exif_transpose(picture).convert("RGBA")
    # Drawn on a new canvas: it inherits no EXIF, no comment, no colour profile.
    canvas = Image.new("RGB", upright.size, "white")
    canvas.paste(upright, mask=upright.getchannel("A"))
    written = BytesIO()
    canvas.save(written, "JPEG", quality=QUALITY, optimize=True)
    return written.getvalue()
