"""Goldens for internal/safetensors: what the reference reader accepts.

Writes internal/safetensors/testdata/corpus.json: small good and bad files with
the verdict of the Rust reader (safetensors, through its Python binding), the
tensors of those it accepts, and why emblem refuses some that it accepts. Writes
testdata/floats.json: digests of the float32 values of every float16 and
bfloat16, and testdata/written.safetensors: a file by the reference's writer.

    python tools/golden/safetensors.py
"""

import base64
import hashlib
import json
import os
import struct
import sys
import tempfile

sys.path = [p for p in sys.path if os.path.abspath(p or ".") != os.path.dirname(os.path.abspath(__file__))]  # this file's own name

import numpy as np
import safetensors
import safetensors.torch
import torch

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../internal/safetensors/testdata")
cases = []


def add(name, blob, stricter=""):
    cases.append((name, blob, stricter))


def raw(text, data=b"", n=None):
    text = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(text) if n is None else n) + text + data


def one(dtype="F32", shape=(2,), offsets=(0, 8), data=b"\0\0\x80?\0\0\0@", extra=""):
    return raw('{"a":{"dtype":"%s","shape":%s,"data_offsets":%s%s}}' % (dtype, json.dumps(list(shape)), json.dumps(list(offsets)), extra), data)


def many(*tensors, data=b"", meta=""):
    body = ",".join('"%s":{"dtype":"%s","shape":%s,"data_offsets":[%d,%d]}' % (n, d, json.dumps(s), a, b) for n, d, s, a, b in tensors)
    return raw("{" + meta + body + "}", data)


def good():
    add("one f32", one())
    add("empty", raw("{}"))
    add("empty padded", raw("{}      "))
    add("white space everywhere", raw('{ \t\n\r"a" : { "dtype" : "U8" , "shape" : [ 1 ] , "data_offsets" : [ 0 , 1 ] } }\n', b"x"))
    add("metadata", many(("a", "U8", [3], 0, 3), data=b"abc", meta='"__metadata__":{"format":"pt","k":"\\u00e9\\n\\ud83d\\ude00"},'))
    add("metadata only", raw('{"__metadata__":{"x":"y"}}'))
    add("metadata last", raw('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"__metadata__":{}}', b"x"))
    add("scalar", one(shape=(), offsets=(0, 4), data=b"\0\0\x80?"))
    add("zero size", one(shape=(0,), offsets=(0, 0), data=b""))
    add("zero size by a later dimension", one(shape=(3, 0, 5), offsets=(0, 0), data=b""))
    add("zero sizes between", many(("a", "U8", [2], 0, 2), ("b", "F32", [0], 2, 2), ("c", "U8", [1], 2, 3), ("d", "I64", [0, 4], 3, 3), data=b"abc"))
    add("header order differs from byte order", many(("b", "U8", [1], 2, 3), ("a", "U8", [2], 0, 2), data=b"abc"))
    add("unaligned f32", many(("a", "U8", [1], 0, 1), ("b", "F32", [1], 1, 5), data=b"x\0\0\x80?"))
    add("unaligned f64", many(("a", "U8", [1], 0, 1), ("b", "F64", [1], 1, 9), data=b"x\0\0\0\0\0\0\xf0?"))
    add("fields in another order", raw('{"a":{"data_offsets":[0,1],"shape":[1],"dtype":"U8"}}', b"x"))
    add("unicode name", raw('{"gewicht.\u00fc.\u6f22":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"x"))
    add("empty name", raw('{"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"x"))
    add("escaped key", raw('{"a\\/b\\u0041":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"x"))
    add("escaped field", raw('{"a":{"d\\u0074ype":"U8","shape":[1],"data_offsets":[0,1]}}', b"x"))
    add("escaped dtype", raw('{"a":{"dtype":"\\u00558","shape":[1],"data_offsets":[0,1]}}', b"x"))
    add("rank 8", one("U8", (1, 1, 2, 1, 1, 1, 1, 1), (0, 2), b"xy"))
    for d, bits in [("BOOL", 8), ("F4", 4), ("F6_E2M3", 6), ("F6_E3M2", 6), ("U8", 8), ("I8", 8), ("F8_E5M2", 8), ("F8_E4M3", 8), ("F8_E8M0", 8),
                    ("F8_E4M3FNUZ", 8), ("F8_E5M2FNUZ", 8), ("I16", 16), ("U16", 16), ("F16", 16), ("BF16", 16), ("I32", 32), ("U32", 32), ("F32", 32),
                    ("C64", 64), ("F64", 64), ("I64", 64), ("U64", 64)]:
        add("dtype " + d, one(d, (4,), (0, bits // 2), bytes(range(bits // 2))))


def bad_file():
    add("nothing", b"")
    add("seven bytes", b"\2\0\0\0\0\0\0")
    add("length only", struct.pack("<Q", 0))
    add("header longer than the file", raw("{}", n=3))
    add("header longer than the limit", raw("{}", n=100_000_001))
    add("header length 2^64-1", raw("{}", n=2**64 - 1))
    add("header length 2^63", raw("{}", n=2**63))
    add("header cut", one()[:40])
    add("data cut", one()[:-1])
    add("data missing", one(data=b""))
    add("a byte behind", one() + b"x")
    add("a byte behind an empty file", raw("{}", b"x"))
    add("not utf-8", raw(b'{"\xff":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"x"))
    add("utf-8 surrogate", raw(b'{"\xed\xa0\x80":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"x"))
    add("space before", raw(" {}"), "the format says that a header starts with {")
    add("byte order mark", raw(b"\xef\xbb\xbf{}"))
    add("a list", raw("[]"))
    add("a number", raw("1"))
    add("nul padding", raw("{}\0\0"))
    add("rubbish after", raw("{}{}"))
    add("unclosed", raw('{"a":'))
    add("trailing comma", raw('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},}', b"x"))
    add("zip", b"PK\3\4" + bytes(60))
    add("lfs pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")


def bad_json():
    add("lone surrogate escape", raw('{"a\\ud800":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"x"))
    add("lone low surrogate escape", raw('{"a\\udc00":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"x"))
    add("two high surrogates", raw('{"a\\ud800\\ud800":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"x"))
    add("bad escape", raw('{"a\\x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"x"))
    add("short escape", raw('{"a\\u12'))
    add("control character in a name", raw('{"a\nb":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"x"))
    add("control character after an escape", raw('{"a\\n\nb":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"x"))
    same = '"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'
    add("tensor twice", raw("{" + same + "," + same + "}", b"x"), "equal keys")
    add("tensor twice, once escaped", raw("{" + same + "," + same.replace('"a"', '"\\u0061"') + "}", b"x"), "equal keys")
    add("metadata twice", raw('{"__metadata__":{},"__metadata__":{}}'))
    add("metadata key twice", raw('{"__metadata__":{"a":"1","a":"2"}}'), "equal keys")
    add("dtype twice", one("U8", (1,), (0, 1), b"x", ',"dtype":"U8"'))
    add("shape twice", one("U8", (1,), (0, 1), b"x", ',"shape":[1]'))
    add("offsets twice", one("U8", (1,), (0, 1), b"x", ',"data_offsets":[0,1]'))
    add("metadata null", raw('{"__metadata__":null}'), "null metadata")
    add("metadata number", raw('{"__metadata__":{"a":1}}'))
    add("metadata list", raw('{"__metadata__":[]}'))
    add("metadata nested", raw('{"__metadata__":{"a":{}}}'))
    add("tensor null", raw('{"a":null}'))
    add("tensor as a list", raw('{"a":["U8",[1],[0,1]]}', b"x"), "a list in the place of an object")
    add("unknown field", one("U8", (1,), (0, 1), b"x", ',"stride":[1]'), "unknown keys")
    add("no dtype", raw('{"a":{"shape":[1],"data_offsets":[0,1]}}', b"x"))
    add("no shape", raw('{"a":{"dtype":"U8","data_offsets":[0,1]}}', b"x"))
    add("no offsets", raw('{"a":{"dtype":"U8","shape":[1]}}', b"x"))


def bad_tensor():
    add("unknown dtype", one("F12"))
    add("lower-case dtype", one("f32"))
    add("dtype number", raw('{"a":{"dtype":1,"shape":[1],"data_offsets":[0,1]}}', b"x"))
    add("negative dimension", one(shape=(-2,)))
    add("minus zero", raw('{"a":{"dtype":"U8","shape":[-0],"data_offsets":[0,0]}}'))
    add("fractional dimension", raw('{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}', b"x"))
    add("exponent dimension", raw('{"a":{"dtype":"U8","shape":[1e0],"data_offsets":[0,1]}}', b"x"))
    add("leading zero", raw('{"a":{"dtype":"U8","shape":[01],"data_offsets":[0,1]}}', b"x"))
    add("plus sign", raw('{"a":{"dtype":"U8","shape":[+1],"data_offsets":[0,1]}}', b"x"))
    add("string dimension", raw('{"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}}', b"x"))
    add("dimension 2^64", raw('{"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,1]}}', b"x"))
    add("dimension 2^64-1", raw('{"a":{"dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,1]}}', b"x"))
    add("zero times 2^64-1", raw('{"a":{"dtype":"U8","shape":[0,18446744073709551615],"data_offsets":[0,0]}}'), "a dimension over 2^63-1")
    add("product overflows", one(shape=(2**32, 2**32)))
    add("product overflows to the size", one("U8", (2**32, 2**32, 1), (0, 0), b""))
    add("product overflows before a zero", one("U8", (2**62, 4, 0), (0, 0), b""))
    add("bytes overflow", one("F64", (2**61,), (0, 0), b""))
    add("bits overflow", one("F64", (2**58,), (0, 0), b""))
    add("half bytes", one("F4", (3,), (0, 2), b"xy"))
    add("size too small", one(shape=(1,)))
    add("size too large", one(shape=(3,)))
    add("offsets backwards", one(offsets=(8, 0)))
    add("one offset", one(offsets=(0,)))
    add("three offsets", one(offsets=(0, 8, 8)))
    add("offset 2^64-1", one("U8", (1,), (2**64 - 1, 0), b"x"))
    add("offsets near 2^63", one("U8", (2**62,), (0, 2**62), b"x"))
    add("hole at the front", one(offsets=(1, 9), data=b"x" * 9))
    add("hole between", many(("a", "U8", [1], 0, 1), ("b", "U8", [1], 2, 3), data=b"abc"))
    add("overlap", many(("a", "U8", [2], 0, 2), ("b", "U8", [2], 1, 3), data=b"abc"))
    add("same bytes twice", many(("a", "U8", [2], 0, 2), ("b", "U8", [2], 0, 2), data=b"ab"))
    add("zero size inside another", many(("a", "U8", [2], 0, 2), ("b", "U8", [0], 1, 1), data=b"ab"))
    add("zero size behind the end", many(("a", "U8", [2], 0, 2), ("b", "U8", [0], 3, 3), data=b"ab"))
    add("rank 9", one("U8", (1,) * 9, (0, 1), b"x"), "more than 8 dimensions")
    add("long name", raw('{"' + "n" * 4097 + '":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"x"), "a name over 4,096 bytes")


def judge(blob):
    """The verdict of both of the reference's entrances."""
    try:
        tensors = {n: {"dtype": t["dtype"], "shape": t["shape"], "data": bytes(t["data"]).hex()} for n, t in safetensors.deserialize(blob)}
        with tempfile.NamedTemporaryFile(suffix=".safetensors") as f:
            f.write(blob)
            f.flush()
            with safetensors.safe_open(f.name, "np") as h:
                meta = h.metadata() or {}
        return tensors, meta, ""
    except Exception as e:  # the binding's own type, OSError for an empty mapping
        return None, None, str(e)


def save(name, value):
    with open(os.path.join(OUT, name), "w", encoding="utf-8") as f:
        json.dump(value, f, indent=1, ensure_ascii=True)
        f.write("\n")


def corpus():
    good(), bad_file(), bad_json(), bad_tensor()
    rows = []
    for name, blob, stricter in cases:
        tensors, meta, error = judge(blob)
        row = {"name": name, "file": base64.b64encode(blob).decode(), "accept": tensors is not None}
        if tensors is not None and not stricter:
            row |= {"tensors": tensors, "metadata": meta}
        if error:
            row["error"] = error.removeprefix("Error while deserializing: ")
        if stricter:
            assert tensors is not None, name + ": the reference refuses it as well: " + error
            row["stricter"] = stricter
        rows.append(row)
    assert len({r["name"] for r in rows}) == len(rows)
    save("corpus.json", {"reference": "safetensors " + safetensors.__version__, "cases": rows})
    print(len(rows), "files,", sum(r["accept"] for r in rows), "accepted,", sum("stricter" in r for r in rows), "of those refused by emblem")


def digest(f32):
    """SHA-256 of the little-endian bits, every NaN written as 0x7fc00000."""
    bits = f32.astype(np.float32).view(np.uint32).copy()
    bits[np.isnan(f32)] = 0x7FC00000
    return hashlib.sha256(bits.astype("<u4").tobytes()).hexdigest()


def floats():
    every = torch.from_numpy(np.arange(65536, dtype=np.uint16).view(np.int16))
    f64 = np.concatenate([np.float64(np.random.default_rng(7).standard_normal(500)) * 10.0 ** np.arange(-50, 50).repeat(5),
                          np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, 7e-46, 7.1e-46, 3.4028235677973366e38, 3.4028235e38, 1 + 2**-24, 1 + 3 * 2**-24])])
    with np.errstate(over="ignore"):
        narrow = f64.astype(np.float32)
    save("floats.json", {
        "F16": digest(every.view(torch.float16).float().numpy()),
        "BF16": digest(every.view(torch.bfloat16).float().numpy()),
        "F64": {"bits": ["%016x" % b for b in f64.view(np.uint64)], "digest": digest(narrow)},
    })


def written():
    t = {
        "z.bool": torch.tensor([True, False]), "a.u8": torch.arange(3, dtype=torch.uint8), "b.f16": torch.tensor([[1.5, -2.0]], dtype=torch.float16),
        "a.f32": torch.tensor(1.0), "b.f32": torch.zeros(0, 4), "b.i64": torch.tensor([-1]), "b.bf16": torch.tensor([3.0], dtype=torch.bfloat16),
        'q"\\\u00e9\t\x01\x7f/<\u2028': torch.tensor([1], dtype=torch.int32),
    }
    safetensors.torch.save_file(t, os.path.join(OUT, "written.safetensors"), {"format": "pt"})


if __name__ == "__main__":
    os.makedirs(OUT, exist_ok=True)
    corpus()
    floats()
    written()
