"""Photos: what comes out is a small upright JPEG with nothing in it but pixels."""

import struct
import zlib
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from chalicelib.outbound import photos
from chalicelib.outbound.photos import NotAPhoto, reencode

SECRET = b"13800138000 Zhang San"


def a_picture(size: tuple[int, int] = (80, 60), mode: str = "RGB") -> Image.Image:
    """Return a picture, dark at the left and light at the right."""
    return Image.linear_gradient("L").rotate(90).resize(size).convert(mode)


def encoded(picture: Image.Image, kind: str, **more: Any) -> bytes:
    written = BytesIO()
    picture.save(written, kind, **more)
    return written.getvalue()


def exif(orientation: int = 1) -> Image.Exif:
    told = Image.Exif()
    told[ExifTags.Base.Orientation] = orientation
    told[ExifTags.Base.Artist] = SECRET.decode()
    told.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (38.0, 2.0, 30.0)
    return told


def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def segments(jpeg: bytes) -> set[int]:
    """Return the markers before the scan: APP0 is 0xE0, EXIF lives in 0xE1, comments in 0xFE."""
    found, place = set(), 2
    while jpeg[place + 1] != 0xDA:
        found.add(jpeg[place + 1])
        place += 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
    return found


def opened(jpeg: bytes) -> Image.Image:
    picture = Image.open(BytesIO(jpeg))
    picture.load()
    assert picture.format == "JPEG"
    assert picture.mode == "RGB"
    return picture


def tagged(kind: str) -> bytes:
    """Return a picture with everything in it that must not come out."""
    more: dict[str, Any] = {"exif": exif(), "icc_profile": profile()}
    if kind == "JPEG":
        more["comment"] = SECRET
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_text("Author", SECRET.decode(), zip=True)
        info.add_itxt("XML:com.adobe.xmp", SECRET.decode())
        more["pnginfo"] = info
    if kind == "WEBP":
        more["xmp"] = SECRET
    return encoded(a_picture(), kind, **more)


TAGGED = {kind: tagged(kind) for kind in ("JPEG", "PNG", "WEBP")}  # once: a profile has a date


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_no_metadata_of_any_kind_comes_out(kind):
    data = TAGGED[kind] + b"PK\x03\x04" + SECRET  # and an archive behind the picture

    out = reencode(data)

    assert SECRET not in out
    assert segments(out) <= {0xE0, 0xDB, 0xC0, 0xC4}
    picture = opened(out)
    assert not picture.getexif()
    assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "dark"), [(1, "left"), (3, "right"), (6, "top"), (8, "bottom")]
)
def test_the_picture_stands_upright_as_its_phone_said(kind, orientation, dark):
    out = opened(reencode(encoded(a_picture((80, 60)), kind, exif=exif(orientation))))

    assert out.size == ((80, 60) if dark in ("left", "right") else (60, 80))
    width, height = out.size
    spots = {
        "left": (2, height // 2),
        "right": (width - 3, height // 2),
        "top": (width // 2, 2),
        "bottom": (width // 2, height - 3),
    }
    light = {side: sum(pixel(out, spot)) for side, spot in spots.items()}
    assert min(light, key=lambda side: light[side]) == dark


def pixel(picture: Image.Image, spot: tuple[int, int]) -> tuple[int, ...]:
    found = picture.getpixel(spot)
    assert isinstance(found, tuple)
    return tuple(int(value) for value in found)


@pytest.mark.parametrize(
    ("size", "becomes"),
    [((3200, 1600), (1600, 800)), ((100, 3200), (50, 1600)), ((1600, 1600), (1600, 1600)),
     ((1, 1), (1, 1)), ((6000, 1), (1600, 1))],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_longest_side_is_1600_pixels_at_most(kind, size, becomes):
    assert opened(reencode(encoded(Image.new("RGB", size, "red"), kind))).size == becomes


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "PA"])
def test_every_kind_of_png_is_drawn(mode):
    if mode == "PA":
        data = encoded(a_picture().convert("P"), "PNG", transparency=0)
    else:
        data = encoded(a_picture(mode=mode), "PNG")

    assert opened(reencode(data)).size == (80, 60)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_every_kind_of_jpeg_is_drawn(mode):
    out = opened(reencode(encoded(a_picture((400, 300), mode), "JPEG", progressive=True)))

    assert sum(pixel(out, (5, 150))) < sum(pixel(out, (394, 150)))


def test_a_phone_s_jpeg_with_a_second_picture_behind_it_is_a_jpeg():
    second = Image.new("RGB", (80, 60), "blue")
    data = encoded(a_picture(), "MPO", save_all=True, append_images=[second], exif=exif(6))

    assert opened(reencode(data)).size == (60, 80)


def test_what_was_transparent_becomes_white():
    out = opened(reencode(encoded(Image.new("RGBA", (8, 8), (0, 0, 0, 0)), "PNG")))

    assert min(pixel(out, (4, 4))) > 250


def test_of_an_animation_the_first_frame_is_kept():
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    for kind in ("PNG", "WEBP"):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=9)

        red, _, blue = pixel(opened(reencode(data)), (10, 10))
        assert red > 200 > blue


# --- refused


def png_of(width: int, height: int) -> bytes:
    """Return a small file that says it is a picture of this size: a decompression bomb."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 1_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(4001, 4000), (20_000, 20_000), (65_535, 65_535), (2**31 - 1, 1)])
def test_a_decompression_bomb_is_no_photo(size):
    with pytest.raises(NotAPhoto):
        reencode(png_of(*size))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\0\0\0\0WEBP",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        encoded(a_picture(), "GIF"),
        encoded(a_picture(), "BMP"),
        encoded(a_picture(), "TIFF"),
        encoded(a_picture(), "JPEG")[:-200],
        encoded(a_picture((400, 400)), "PNG")[:-500],
        encoded(a_picture(), "WEBP")[:-50],
    ],
)
def test_a_file_that_cannot_be_drawn_anew_is_no_photo(data):
    with pytest.raises(NotAPhoto) as caught:
        reencode(data)

    assert [(each.field, each.code) for each in caught.value.errors] == [
        ("file", "file.not_a_photo")
    ]


def test_a_large_jpeg_of_a_phone_is_drawn():
    assert opened(reencode(encoded(Image.new("L", (8160, 6120)), "JPEG"))).size == (1600, 1200)


def test_a_file_over_twelve_megabytes_is_not_even_opened():
    with pytest.raises(NotAPhoto):
        reencode(encoded(a_picture(), "JPEG") + b"\0" * photos.MOST_BYTES)


@settings(max_examples=300)
@given(data=st.data())
def test_whatever_is_broken_in_a_file_it_becomes_a_clean_jpeg_or_no_photo(data):
    whole = bytearray(TAGGED[data.draw(st.sampled_from(["JPEG", "PNG", "WEBP"]))])
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))

    try:
        out = reencode(bytes(whole[: cut or None]))
    except NotAPhoto:
        return
    assert segments(out) <= {0xE0, 0xDB, 0xC0, 0xC4}
