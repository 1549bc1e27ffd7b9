"""Goldens of internal/picture/jpeg: small JPEG files and the sha256 of the pixels Pillow makes of them.

Pinned: pillow==13.0.0 (its wheel has libjpeg-turbo 3.2.0), numpy.

    python tools/golden/jpeg.py                      rewrites internal/picture/jpeg/testdata
    python tools/golden/jpeg.py --random 300 DIR     DIR/*.jpg and DIR/sums.txt, by a seed
    python tools/golden/jpeg.py --of FOLDER DIR      DIR/sums.txt of the JPEG files in FOLDER

    go test ./internal/picture/jpeg -run Golden -goldens DIR   checks such a DIR

A line of sums.txt: file, scale, width, height, components, sha256 of the pixels, path of the file if not in DIR.
"""

import argparse
import hashlib
import io
import pathlib
import struct

import numpy as np
import PIL
from PIL import Image, features

assert PIL.__version__ == "13.0.0" and features.version("libjpeg_turbo") == "3.2.0"

HERE = pathlib.Path(__file__).resolve().parents[2] / "internal/picture/jpeg/testdata"

ZIGZAG = [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
          14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46,
          53, 60, 61, 54, 47, 55, 62, 63]
DCT = np.array([[np.sqrt((1 if k == 0 else 2) / 8) * np.cos((2 * n + 1) * k * np.pi / 16) for n in range(8)]
                for k in range(8)])


def picture(rng, width, height, channels):
    """Gradients, hard edges and noise: (height, width, channels) uint8."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    planes = []
    for _ in range(channels):
        a, b, c = rng.uniform(-4, 4, 3)
        p = 128 + 60 * np.sin((a * x + b * y) / 17 + c) + rng.uniform(-40, 40)
        if rng.random() < 0.7:
            p[(x * rng.uniform(-1, 1) + y * rng.uniform(-1, 1)) > rng.uniform(-20, 20)] = rng.choice([0, 255, 90])
        p += rng.normal(0, rng.choice([0, 3, 40]), p.shape)
        planes.append(p)
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


class Bits:
    """An entropy-coded segment being written."""

    def __init__(self):
        self.acc, self.n, self.out = 0, 0, bytearray()

    def put(self, value, bits):
        self.acc, self.n = self.acc << bits | value, self.n + bits
        while self.n >= 8:
            self.n -= 8
            byte = self.acc >> self.n & 255
            self.out += bytes([byte, 0]) if byte == 255 else bytes([byte])
        self.acc &= (1 << self.n) - 1

    def bytes(self):
        if self.n:
            self.put((1 << (8 - self.n)) - 1, 8 - self.n)
        return bytes(self.out)


def code_of(symbol):
    """All symbols have codes of 8 bits but the last 56, which have 13: both lookup paths are used."""
    return (symbol, 8) if symbol < 200 else ((200 << 5) + symbol - 200, 13)


HUFFMAN = bytes([0] * 7 + [200] + [0] * 4 + [56] + [0] * 3) + bytes(range(256))
HUFFMAN_DC = bytes([0, 0, 0, 8, 8] + [0] * 11) + bytes(range(16))


def code_of_dc(symbol):
    return (symbol, 4) if symbol < 8 else (16 + symbol - 8, 5)


def segment(marker, payload):
    return struct.pack(">BBH", 255, marker, len(payload) + 2) + payload


def encode_block(bits, coefs, pred):
    def value(v):
        size = int(abs(v)).bit_length()
        return (v if v > 0 else v + (1 << size) - 1), size

    v, size = value(int(coefs[0]) - pred)
    bits.put(*code_of_dc(size))
    bits.put(v, size)
    run = 0
    for k in range(1, 64):
        c = int(coefs[k])
        if c == 0:
            run += 1
            continue
        while run > 15:
            bits.put(*code_of(0xF0))
            run -= 16
        v, size = value(c)
        bits.put(*code_of(run << 4 | size))
        bits.put(v, size)
        run = 0
    if run:
        bits.put(*code_of(0))
    return int(coefs[0])


def encode(planes_of, width, height, factors, *, quant=8, ids=None, adobe=None, jfif=False, restart=0,
           interleaved=True, sof=0xC0, wide=False):
    """A sequential JPEG with the given sampling factors [(h, v)]; planes_of(i, w, h) gives component i's samples."""
    n = len(factors)
    ids = ids or list(range(1, n + 1))
    hmax, vmax = max(h for h, _ in factors), max(v for _, v in factors)
    mx, my = -(-width // (8 * hmax)), -(-height // (8 * vmax))
    table = [min(quant * (1 + k // 4), 255) for k in range(64)]
    comps = []
    for i, (h, v) in enumerate(factors):
        p = planes_of(i, mx * h * 8, my * v * 8).astype(float) - 128
        blocks = p.reshape(my * v, 8, mx * h, 8).transpose(0, 2, 1, 3)
        q = np.rint((DCT @ blocks @ DCT.T).reshape(my * v, mx * h, 64)[:, :, ZIGZAG] / table)
        comps.append(q.astype(int))
    out = b"\xff\xd8"
    if jfif:
        out += segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    if adobe is not None:
        out += segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([adobe]))
    dqt = b"".join(struct.pack(">H", t) for t in table) if wide else bytes(table)
    out += segment(0xDB, bytes([16 if wide else 0]) + dqt)
    out += segment(sof, struct.pack(">BHHB", 8, height, width, n) +
                   b"".join(bytes([ids[i], h << 4 | v, 0]) for i, (h, v) in enumerate(factors)))
    out += segment(0xC4, b"\0" + HUFFMAN_DC) + segment(0xC4, b"\x10" + HUFFMAN)
    if restart:
        out += segment(0xDD, struct.pack(">H", restart))
    for scan in ([range(n)] if interleaved else [[i] for i in range(n)]):
        out += segment(0xDA, bytes([len(scan)]) + b"".join(bytes([ids[i], 0]) for i in scan) + b"\0\x3f\0")
        if len(scan) == 1:
            h, v = factors[scan[0]]
            if n == 1:
                h = v = hmax = vmax = 1
            nx, ny = -(-width * h // (8 * hmax)), -(-height * v // (8 * vmax))
            units = [[(scan[0], y, x)] for y in range(ny) for x in range(nx)]
        else:
            units = [[(i, y * factors[i][1] + b, x * factors[i][0] + a) for i in scan
                      for b in range(factors[i][1]) for a in range(factors[i][0])]
                     for y in range(my) for x in range(mx)]
        bits, pred = Bits(), [0] * n
        for u, unit in enumerate(units):
            if restart and u and u % restart == 0:
                out += bits.bytes() + bytes([255, 0xD0 + (u // restart - 1) % 8])
                bits, pred = Bits(), [0] * n
            for i, y, x in unit:
                pred[i] = encode_block(bits, comps[i][y, x], pred[i])
        out += bits.bytes()
    return out + b"\xff\xd9"


def by_pillow(rng, width, height, mode, **options):
    array = picture(rng, width, height, {"L": 1, "RGB": 3, "CMYK": 4}[mode])
    out = io.BytesIO()
    Image.fromarray(array[:, :, 0] if mode == "L" else array, mode).save(out, "JPEG", **options)
    return out.getvalue()


def by_hand(rng, width, height, factors, **options):
    return encode(lambda i, w, h: picture(rng, w, h, 1)[:, :, 0], width, height, factors, **options)


KINDS = {
    "444": [(1, 1)] * 3, "422": [(2, 1), (1, 1), (1, 1)], "420": [(2, 2), (1, 1), (1, 1)],
    "440": [(1, 2), (1, 1), (1, 1)], "411": [(4, 1), (1, 1), (1, 1)], "410": [(4, 2), (1, 1), (1, 1)],
    "441": [(1, 4), (1, 1), (1, 1)], "mixed": [(2, 2), (2, 1), (1, 2)], "chroma-finer": [(1, 1), (2, 2), (1, 2)],
    "triple": [(3, 1), (1, 1), (1, 1)], "wide4": [(4, 1), (2, 1), (2, 1)], "all21": [(2, 1)] * 3,
}


def draw(rng, k):
    """The random file number k."""
    width, height = (int(v) for v in rng.integers(1, rng.choice([4, 20, 130]), 2))
    if k % 3 == 0:
        name = rng.choice(list(KINDS))
        options = dict(restart=int(rng.choice([0, 0, 1, 3])), quant=int(rng.choice([1, 4, 16])),
                       interleaved=rng.random() < 0.7, wide=rng.random() < 0.2, jfif=rng.random() < 0.5,
                       sof=int(rng.choice([0xC0, 0xC1])))
        return name, by_hand(rng, width, height, KINDS[name], **options)
    mode = str(rng.choice(["RGB", "RGB", "RGB", "L", "CMYK"]))
    options = dict(quality=int(rng.integers(2, 101)), subsampling=int(rng.integers(0, 3)),
                   progressive=rng.random() < 0.5, optimize=rng.random() < 0.5)
    if rng.random() < 0.3:
        options["restart_marker_blocks"] = int(rng.integers(1, 9))
    if mode == "RGB" and rng.random() < 0.1:
        options.update(keep_rgb=True, subsampling=0)
    return mode.lower(), by_pillow(rng, width, height, mode, **options)


def fixed(rng):
    """The committed files, by name."""
    files = {}
    for name, factors in KINDS.items():
        files[f"hand-{name}"] = by_hand(rng, 37, 29, factors)
    files["hand-420-scans"] = by_hand(rng, 37, 29, KINDS["420"], interleaved=False, restart=2)
    files["hand-420-restart"] = by_hand(rng, 37, 29, KINDS["420"], restart=2, jfif=True)
    files["hand-wide-quant"] = by_hand(rng, 21, 18, KINDS["444"], wide=True, sof=0xC1)
    files["hand-rgb-adobe"] = by_hand(rng, 21, 18, KINDS["444"], adobe=0)
    files["hand-rgb-ids"] = by_hand(rng, 21, 18, KINDS["444"], ids=[82, 71, 66])
    files["hand-grey-2x2"] = by_hand(rng, 21, 18, [(2, 2)])
    files["hand-cmyk"] = by_hand(rng, 21, 18, [(1, 1)] * 4)
    files["hand-cmyk-adobe"] = by_hand(rng, 21, 18, [(1, 1)] * 4, adobe=0)
    files["hand-ycck"] = by_hand(rng, 21, 18, [(2, 2), (1, 1), (1, 1), (2, 2)], adobe=2)
    for w, h in [(1, 1), (1, 19), (19, 1), (2, 2), (3, 5), (7, 9), (8, 8), (17, 33), (64, 48)]:
        for sub in range(3):
            files[f"rgb-{w}x{h}-{sub}"] = by_pillow(rng, w, h, "RGB", quality=85, subsampling=sub)
    for sub in range(3):
        files[f"progressive-{sub}"] = by_pillow(rng, 45, 35, "RGB", quality=90, subsampling=sub, progressive=True)
        files[f"optimized-{sub}"] = by_pillow(rng, 45, 35, "RGB", quality=30, subsampling=sub, optimize=True)
        files[f"restart-{sub}"] = by_pillow(rng, 45, 35, "RGB", subsampling=sub, restart_marker_blocks=2)
    files["progressive-restart"] = by_pillow(rng, 45, 35, "RGB", progressive=True, restart_marker_blocks=3)
    files["progressive-grey"] = by_pillow(rng, 45, 35, "L", progressive=True)
    files["progressive-cmyk"] = by_pillow(rng, 45, 35, "CMYK", progressive=True)
    files["grey"] = by_pillow(rng, 45, 35, "L")
    files["cmyk"] = by_pillow(rng, 45, 35, "CMYK", quality=95)
    files["keep-rgb"] = by_pillow(rng, 45, 35, "RGB", keep_rgb=True)
    # Damage that Pillow decodes without an error: a lost restart marker and segment, altered bytes, an early end.
    whole = files["hand-420-restart"]
    first, third = (whole.index(bytes([255, 0xD0 + k])) for k in (0, 1))
    files["damaged-restart"] = whole[:first] + whole[third:]
    whole = files["rgb-64x48-2"]
    files["damaged-bytes"] = whole[:-300] + bytes(4) + whole[-296:]
    files["damaged-end"] = whole[:-300] + b"\xff\xd9"
    files["garbage-behind"] = whole + b"garbage"
    files["quality-1"] = by_pillow(rng, 45, 35, "RGB", quality=1)
    files["quality-100"] = by_pillow(rng, 45, 35, "RGB", quality=100)
    return files


def sums(name, data, path=""):
    """The lines of sums.txt for one file: full size and scaled by Image.draft."""
    for scale in (1, 2, 4, 8):
        im = Image.open(io.BytesIO(data))
        w, h = -(-im.width // scale), -(-im.height // scale)
        if scale > 1:
            if min(im.size) < scale:
                continue  # draft does not scale pictures thinner than the scale
            im.draft(None, (im.width // scale, im.height // scale))
        assert im.size == (w, h)
        im.load()
        pixels = im.tobytes()
        components = len(pixels) // (w * h)
        yield f"{name} {scale} {w} {h} {components} {hashlib.sha256(pixels).hexdigest()} {path}".rstrip()


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for name, data in files.items():
        (folder / f"{name}.jpg").write_bytes(data)
        lines += sums(f"{name}.jpg", data)
    (folder / "sums.txt").write_text("\n".join(lines) + "\n")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--random", type=int)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--of", type=pathlib.Path)
    p.add_argument("dir", nargs="?", type=pathlib.Path, default=HERE)
    a = p.parse_args()
    rng = np.random.default_rng(a.seed)
    if a.of:
        a.dir.mkdir(parents=True, exist_ok=True)
        lines = []
        for path in sorted(a.of.glob("*.jp*g")):
            lines += sums(path.name, path.read_bytes(), str(path))
        (a.dir / "sums.txt").write_text("\n".join(lines) + "\n")
    elif a.random:
        files = {}
        for k in range(a.random):
            name, data = draw(rng, k)
            files[f"{k:04}-{name}"] = data
        write(a.dir, files)
    else:
        write(a.dir, fixed(rng))


if __name__ == "__main__":
    main()
