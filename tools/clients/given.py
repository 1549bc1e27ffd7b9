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
picture_vectors = [line["embedding"] for line in images]
assert texts and images and all(text_vectors) and all(picture_vectors)


def base64_of(path):
    with open(path, "rb") as f:
        return base64.b64encode(f.read()).decode()


pictures = ["data:image/jpeg;base64," + base64_of(line["input"]) for line in images]


def same(what, got, want):
    """Demands equal float32 vectors, bit for bit."""
    assert len(got) == len(want), f"{what}: {len(got)} vectors, want {len(want)}"
    for i, (g, w) in enumerate(zip(got, want)):
        g, w = array.array("f", g), array.array("f", w)
        assert g == w, f"{what}: vector {i} differs: {list(g[:3])} of {len(g)}, want {list(w[:3])} of {len(w)}"
    print(f"ok  {what}")


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
