"""What the checks in Python share: the server, and the vectors that it has to give."""

import array
import base64
import json
import os
import sys

URL = os.environ["CLIENT_URL"]
KEY = os.environ["CLIENT_KEY"]
MODEL = "builtin/search"

lines = [json.loads(line) for line in open(os.environ["CLIENT_VECTORS"], encoding="utf-8")]
texts = [line["input"] for line in lines if line["kind"] == "text"]
text_vectors = [line["embedding"] for line in lines if line["kind"] == "text"]
images = [line for line in lines if line["kind"] == "image"]
small, large = images[:3], images[3:]
picture_vectors = [line["embedding"] for line in small]
large_vectors = [line["embedding"] for line in large]
assert texts and large and all(text_vectors) and all(picture_vectors) and all(large_vectors)


def base64_of(path):
    with open(path, "rb") as f:
        return base64.b64encode(f.read()).decode()


pictures = ["data:image/jpeg;base64," + base64_of(line["input"]) for line in small]
large_pictures = ["data:image/jpeg;base64," + base64_of(line["input"]) for line in large]


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b))


def same(what, got, want):
    """Demands equal float32 vectors, bit for bit."""
    assert len(got) == len(want), f"{what}: {len(got)} vectors, want {len(want)}"
    for i, (g, w) in enumerate(zip(got, want)):
        g, w = array.array("f", g), array.array("f", w)
        assert g == w, f"{what}: vector {i} differs: {list(g[:3])} of {len(g)}, want {list(w[:3])} of {len(w)}"
    print(f"ok  {what}")


def near(what, got, want):
    """Demands vectors of large JPEGs, which a server decodes at a smaller scale."""
    cosines = [cosine(g, w) for g, w in zip(got, want, strict=True)]
    check(what, min(cosines) > 0.99, cosines)


def check(what, truth, said=""):
    assert truth, f"{what}: {said}"
    print(f"ok  {what}")


def refused(what, kinds, ask):
    """Runs ask, which has to raise one of these kinds, and returns what it raised."""
    try:
        answer = ask()
    except kinds as e:
        print(f"ok  {what}: {type(e).__name__}")
        return e
    sys.exit(f"{what}: not refused: {answer}")
