"""Goldens of internal/picture: small files of every kind and what Pillow makes of them, and resamplings.

    python tools/golden/picture.py          rewrites internal/picture/testdata/golden
    python tools/golden/picture.py DIR N    N random resamplings into DIR/resize.json, for a larger comparison

Expected pixels are Image.open -> ImageOps.exif_transpose -> convert("RGB").
"""

import hashlib
import io
import json
import random
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

GOLDEN = Path(__file__).resolve().parents[2] / "internal/picture/testdata/golden"
FILTERS = [0, 1, 2, 3, 4, 5]


def noise(w, h, channels=3, seed=1):
    """The generator that the Go test has too: a 32-bit LCG's top bytes."""
    out, s = bytearray(w * h * channels), seed
    for i in range(len(out)):
        s = (s * 1664525 + 1013904223) & 0xFFFFFFFF
        out[i] = s >> 24
    return np.frombuffer(bytes(out), np.uint8).reshape(h, w, channels)


def smooth(w, h, channels=3):
    y, x = np.mgrid[0:h, 0:w]
    planes = [127 + 120 * np.sin(x / (3 + c) + c) * np.cos(y / (4 + c)) for c in range(channels)]
    return np.stack(planes, -1).astype(np.uint8)


# PNG, by hand: Pillow writes neither 16-bit colour nor Adam7.
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def scanlines(pixels, depth):
    out = b""
    for row in pixels:
        if depth == 16:
            out += b"\0" + row.astype(">u2").tobytes()
        elif depth == 8:
            out += b"\0" + row.astype(np.uint8).tobytes()
        else:
            bits = "".join(format(int(v), f"0{depth}b") for v in row.ravel())
            bits += "0" * (-len(bits) % 8)
            out += b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    return out


def png(w, h, depth, colour, interlace=False, extra=b"", after=b"", colours=None, seed=1):
    c = CHANNELS[colour]
    if depth == 16:
        pixels = noise(w, h, 2 * c, seed).reshape(h, w, c, 2).astype(np.uint32) @ np.array([256, 1])
        pixels[: h // 2] >>= 7  # some of them under 256, where clipping shows
    else:
        pixels = noise(w, h, c, seed).astype(np.uint32) >> (8 - depth)
    if colours:
        pixels %= colours
    if interlace:
        raw = b"".join(scanlines(pixels[y::dy, x::dx], depth) for x, y, dx, dy in ADAM7 if pixels[y::dy, x::dx].size)
    else:
        raw = scanlines(pixels, depth)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, interlace)) + extra
            + chunk(b"IDAT", zlib.compress(raw)) + after + chunk(b"IEND", b""))


def plte(n):
    return chunk(b"PLTE", noise(n, 1, seed=7).tobytes())


def exif(orientation, order="<"):
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(order + "IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


# BMP, by hand: Pillow writes few kinds.
def bmp(w, h, bits, rows, header=40, compression=0, palette=b"", masks=b"", colours=0):
    if header == 12:
        info = struct.pack("<IHHHH", 12, w, abs(h), 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, w, h, 1, bits, compression, len(rows), 0, 0, colours, 0)
        if header > 40:
            info += masks.ljust(header - 40, b"\0")
            masks = b""
    offset = 14 + len(info) + len(masks) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(rows), 0, 0, offset) + info + masks + palette + rows


def bmp_rows(w, h, bits, seed=3):
    stride = (w * bits + 31) // 32 * 4
    return noise(stride, h, 1, seed).tobytes()


def quads(n, seed=9):
    return b"".join(bytes(q) + b"\0" for q in noise(n, 1, 3, seed)[0])


def rle8():
    return bytes([3, 200, 2, 17, 0, 3, 1, 2, 3, 0, 0, 0, 0, 2, 4, 1, 5, 9, 0, 0, 8, 250, 0, 0, 7, 3, 0, 0, 0, 1])


def rle4():
    return bytes([5, 0x12, 0, 5, 0x34, 0x56, 0x70, 0, 0, 0, 4, 0xAB, 0, 0, 0, 2, 2, 1, 3, 0x9C, 0, 0, 10, 0xDE, 0, 1])


# GIF, by hand: frames that are smaller or larger than the screen.
def gif(screen, frame, palette=None, local=None, transparent=None, interlace=False, size=None, seed=5):
    (sw, sh), (x, y, w, h) = screen, frame
    out = b"GIF89a" + struct.pack("<HH", sw, sh)
    out += bytes([0x80 | 0x70 | (size or 3) if palette else 0, 2, 0]) + (palette or b"")
    if transparent is not None:
        out += bytes([0x21, 0xF9, 4, 1, 0, 0, transparent, 0])
    out += b"," + struct.pack("<HHHH", x, y, w, h)
    out += bytes([(0x80 | 3 if local else 0) | (0x40 if interlace else 0)]) + (local or b"")
    codes, bits = [16], []
    for v in noise(w, h, 1, seed).ravel() >> 4:
        codes += [int(v), 16]  # a clear code after every pixel keeps codes 5 bits wide
    codes.append(17)
    for c in codes:
        bits += [(c >> i) & 1 for i in range(5)]
    data = bytes(sum(b << j for j, b in enumerate(bits[i:i + 8])) for i in range(0, len(bits), 8))
    out += b"\x04" + b"".join(bytes([len(data[i:i + 255])]) + data[i:i + 255] for i in range(0, len(data), 255))
    return out + b"\0;"


def save(im, fmt, **options):
    out = io.BytesIO()
    im.save(out, fmt, **options)
    return out.getvalue()


def riff(*chunks):
    body = b"WEBP"
    for kind, data in chunks:
        body += kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def u24(v):
    return struct.pack("<I", v)[:3]


def vp8_of(file):
    """The image chunk of a plain WebP file."""
    return file[12:16], file[20:20 + struct.unpack("<I", file[16:20])[0]]


def pngs():
    for depth in (1, 2, 4, 8, 16):
        yield f"gray{depth}.png", png(13, 7, depth, 0)
        if depth < 16:
            yield f"palette{depth}.png", png(13, 7, depth, 3, extra=plte(1 << depth))
    yield "gray16-trns.png", png(5, 4, 16, 0, extra=chunk(b"tRNS", b"\0\x10"))
    yield "gray2-trns.png", png(5, 4, 2, 0, extra=chunk(b"tRNS", b"\0\x02"))
    yield "palette8-trns.png", png(9, 5, 8, 3, extra=plte(200) + chunk(b"tRNS", bytes(range(100))), colours=200)
    yield "palette4-short.png", png(9, 5, 4, 3, extra=plte(5))
    for depth in (8, 16):
        yield f"rgb{depth}.png", png(11, 6, depth, 2)
        yield f"rgb{depth}-trns.png", png(11, 6, depth, 2, extra=chunk(b"tRNS", bytes(6)))
        yield f"la{depth}.png", png(11, 6, depth, 4)
        yield f"rgba{depth}.png", png(11, 6, depth, 6)
        yield f"rgba{depth}-adam7.png", png(11, 9, depth, 6, interlace=True)
    yield "gray1-adam7.png", png(13, 11, 1, 0, interlace=True)
    yield "no-end.png", png(9, 5, 8, 2)[:-12]
    yield "one.png", png(1, 1, 8, 2)
    yield "row.png", png(31, 1, 8, 2)
    yield "column.png", png(1, 31, 8, 2)
    yield "exif5.png", png(7, 4, 8, 2, extra=chunk(b"eXIf", exif(5, ">")))
    yield "exif8-after.png", png(7, 4, 8, 2, after=chunk(b"eXIf", exif(8)))
    yield "xmp6.png", png(7, 4, 8, 2, extra=chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP))


def bmps():
    yield "bmp1.bmp", bmp(13, 5, 1, bmp_rows(13, 5, 1), palette=quads(2))
    yield "bmp4.bmp", bmp(13, 5, 4, bmp_rows(13, 5, 4), palette=quads(16))
    yield "bmp8.bmp", bmp(13, 5, 8, bmp_rows(13, 5, 8), palette=quads(256))
    yield "bmp8-few.bmp", bmp(13, 5, 8, bmp_rows(13, 5, 8), palette=quads(20), colours=20)
    yield "bmp8-gray.bmp", bmp(13, 5, 8, bmp_rows(13, 5, 8), palette=b"".join(bytes([i, i, i, 0]) for i in range(256)))
    yield "bmp16.bmp", bmp(7, 5, 16, bmp_rows(7, 5, 16))
    yield "bmp16-565.bmp", bmp(7, 5, 16, bmp_rows(7, 5, 16), compression=3, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F))
    yield "bmp24.bmp", bmp(7, 5, 24, bmp_rows(7, 5, 24))
    yield "bmp24-topdown.bmp", bmp(7, -5, 24, bmp_rows(7, 5, 24))
    yield "bmp24-core.bmp", bmp(7, 5, 24, bmp_rows(7, 5, 24), header=12)
    yield "bmp32.bmp", bmp(7, 5, 32, bmp_rows(7, 5, 32))
    for name, masks in {
        "bgra": (0xFF0000, 0xFF00, 0xFF, 0xFF000000), "rgba": (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
        "xbgr": (0xFF000000, 0xFF0000, 0xFF00, 0), "bgar": (0xFF000000, 0xFF00, 0xFF, 0xFF0000), "none": (0, 0, 0, 0),
    }.items():
        yield f"bmp32-{name}.bmp", bmp(7, 5, 32, bmp_rows(7, 5, 32), header=108, compression=3, masks=struct.pack("<IIII", *masks))
    yield "bmp8-rle.bmp", bmp(8, 5, 8, rle8(), compression=1, palette=quads(256))
    yield "bmp4-rle.bmp", bmp(10, 5, 4, rle4(), compression=2, palette=quads(16))


def gifs():
    palette, gray = noise(16, 1, seed=7).tobytes(), bytes(v for i in range(16) for v in (i, i, i))
    yield "plain.gif", gif((12, 9), (0, 0, 12, 9), palette)
    yield "interlaced.gif", gif((12, 19), (0, 0, 12, 19), palette, interlace=True)
    yield "inner.gif", gif((12, 9), (3, 2, 5, 4), palette)
    yield "inner-transparent.gif", gif((12, 9), (3, 2, 5, 4), palette, transparent=6)
    yield "outer.gif", gif((4, 3), (2, 1, 5, 4), palette)
    yield "local.gif", gif((7, 5), (0, 0, 7, 5), palette, local=palette[::-1])
    yield "gray.gif", gif((7, 5), (0, 0, 7, 5), gray)
    yield "no-palette.gif", gif((7, 5), (0, 0, 7, 5))
    yield "short-palette.gif", gif((7, 5), (0, 0, 7, 5), palette[:12], size=1)
    frames = [Image.fromarray(smooth(20, 10) // (i + 1)) for i in range(3)]
    yield "animated.gif", save(frames[0], "GIF", save_all=True, append_images=frames[1:])


def webps():
    for w, h in ((1, 1), (2, 2), (3, 3), (33, 17), (40, 30), (1, 9), (9, 1)):
        yield f"lossy{w}x{h}.webp", save(Image.fromarray(smooth(w, h)), "WEBP", quality=80)
    yield "noise.webp", save(Image.fromarray(noise(37, 23)), "WEBP", quality=30)
    yield "lossless.webp", save(Image.fromarray(noise(13, 9)), "WEBP", lossless=True)
    rgba = np.dstack([smooth(21, 15), noise(21, 15, 1)])
    yield "lossless-alpha.webp", save(Image.fromarray(rgba), "WEBP", lossless=True, exact=True)
    yield "lossy-alpha.webp", save(Image.fromarray(rgba), "WEBP", quality=70)
    yield "exif7.webp", save(Image.fromarray(smooth(21, 15)), "WEBP", quality=70, exif=b"Exif\0\0" + exif(7))
    yield "xmp6.webp", save(Image.fromarray(smooth(21, 15)), "WEBP", lossless=True, xmp=XMP)
    frames = [Image.fromarray(smooth(20, 10) // (i + 1)) for i in range(3)]
    yield "animated.webp", save(frames[0], "WEBP", save_all=True, append_images=frames[1:], quality=80)
    kind, data = vp8_of(save(Image.fromarray(smooth(12, 8)), "WEBP", quality=80))
    frame = u24(2) + u24(1) + u24(11) + u24(7) + u24(100) + b"\0" + kind + struct.pack("<I", len(data)) + data
    yield "animated-inner.webp", riff((b"VP8X", b"\x02\0\0\0" + u24(19) + u24(11)), (b"ANIM", b"\xff\xff\xff\xff\0\0"), (b"ANMF", frame))


def tiffs():
    rgb, rgba = Image.fromarray(noise(19, 11)), Image.fromarray(np.dstack([noise(19, 11), noise(19, 11, 1, 4)]))
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        yield f"rgb-{compression}.tif", save(rgb, "TIFF", compression=compression)
    yield "rgba.tif", save(rgba, "TIFF")
    yield "gray.tif", save(rgb.convert("L"), "TIFF")
    yield "palette.tif", save(rgb.quantize(37), "TIFF")
    yield "gray16.tif", save(Image.fromarray(noise(8, 5, 2)[..., 0].astype(np.uint16) * 3), "TIFF")
    yield "bilevel-g4.tif", save(rgb.convert("1"), "TIFF", compression="group4")
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = 6
    yield "exif6.tif", save(rgb, "TIFF", exif=tags)


def camera():
    tags = Image.Exif()
    tags[ExifTags.Base.Make], tags[ExifTags.Base.Model] = "Canon", "Canon EOS R6"
    tags[ExifTags.Base.Orientation] = 8
    tags.get_ifd(ExifTags.IFD.Exif).update({ExifTags.Base.DateTimeOriginal: "2021:03:04 05:06:07", ExifTags.Base.OffsetTimeOriginal: "+02:00"})
    tags.get_ifd(ExifTags.IFD.GPSInfo).update({1: "S", 2: (33.0, 30.0, 0.0), 3: "E", 4: (151.0, 15.0, 0.0)})
    return tags


def jpegs():
    for n in range(1, 9):
        yield f"exif{n}.jpg", save(Image.fromarray(smooth(24, 16)), "JPEG", quality=90, exif=b"Exif\0\0" + exif(n, "<>"[n % 2]))
    yield "xmp6.jpg", save(Image.fromarray(smooth(24, 16)), "JPEG", quality=90, xmp=XMP)
    yield "camera.jpg", save(Image.fromarray(smooth(24, 16)), "JPEG", quality=90, exif=camera())
    yield "gray.jpg", save(Image.fromarray(smooth(24, 16)).convert("L"), "JPEG", quality=90)
    yield "cmyk.jpg", save(Image.fromarray(smooth(24, 16)).convert("CMYK"), "JPEG", quality=90)
    yield "progressive.jpg", save(Image.fromarray(smooth(45, 37)), "JPEG", quality=85, progressive=True)


def avifs():
    """Each with Pillow's pixels beside it; only a build with the tag heif reads them."""
    for n in (1, 3, 5, 6, 7):
        im = Image.fromarray(smooth(24, 16))
        yield f"exif{n}.avif", save(im, "AVIF", quality=80, subsampling="4:4:4", exif=b"Exif\0\0" + exif(n))


def write_avifs():
    for name, data in avifs():
        (GOLDEN / name).write_bytes(data)
        im = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        (GOLDEN / name).with_suffix(".rgb").write_bytes(im.tobytes())


def pictures():
    for kind in (pngs, bmps, gifs, webps, tiffs, jpegs):
        yield from kind()


def write_pictures():
    out = []
    for name, data in pictures():
        (GOLDEN / name).write_bytes(data)
        im = Image.open(io.BytesIO(data))
        im = ImageOps.exif_transpose(im).convert("RGB")
        pixels = im.tobytes()
        out.append({"file": name, "format": Image.open(io.BytesIO(data)).format.lower(), "size": im.size,
                    "sha256": hashlib.sha256(pixels).hexdigest(), "first": pixels[:36].hex()})
    (GOLDEN / "pictures.json").write_text("[\n" + ",\n".join(json.dumps(o) for o in out) + "\n]\n")


def resampled(w, h, ow, oh, f):
    im = Image.fromarray(noise(w, h, seed=w * 1000 + h)).resize((ow, oh), f)
    return {"in": [w, h], "out": [ow, oh], "filter": f, "sha256": hashlib.sha256(im.tobytes()).hexdigest()}


SIZES = [(1, 1, 1, 1), (1, 1, 7, 5), (1, 40, 12, 9), (40, 1, 9, 12), (2, 3, 64, 64), (64, 48, 64, 20), (64, 48, 20, 48), (64, 48, 63, 47),
         (64, 48, 29, 22), (97, 61, 224, 141), (33, 200, 12, 11), (300, 7, 16, 16), (1000, 40, 3, 2), (5, 700, 1, 1), (149, 112, 56, 42)]


def write_resamplings():
    out = [resampled(*size, f) for size in SIZES for f in FILTERS]
    (GOLDEN / "resize.json").write_text("[\n" + ",\n".join(json.dumps(o) for o in out) + "\n]\n")


def write_random(folder, n):
    rng = random.Random(n)
    side = lambda top: max(1, int(top ** rng.random()))
    out = [resampled(side(600), side(600), side(500), side(500), rng.choice(FILTERS)) for _ in range(n)]
    (Path(folder) / "resize.json").write_text(json.dumps(out))


if __name__ == "__main__":
    if len(sys.argv) == 3:
        write_random(sys.argv[1], int(sys.argv[2]))
    else:
        GOLDEN.mkdir(parents=True, exist_ok=True)
        write_pictures()
        write_avifs()
        write_resamplings()
