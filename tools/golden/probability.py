"""Fits the constants of internal/calibrate, and writes the tables of its tests.

usage: probability.py WORLD MODEL OUT [SCALE]

WORLD has the generator of scenes with known contents (scene.py, train_clip.py and
its artwork), MODEL is a CLIPModel folder. OUT gets evidence.json for
internal/calibrate/testdata and hits.csv.gz for internal/reliability/testdata. SCALE
below 1 makes fewer scenes and queries, to try the script. The full run draws
50,000 scenes: an hour on two cores.

The committed constants and hits.csv.gz come from a longer run of these steps that
also had noisy vectors and two synthetic models, whose vectors were sums of vectors of
concepts, so a new run gives close but other numbers.
"""
import csv
import gzip
import io
import json
import pathlib
import random
import re
import sys

import numpy as np
import torch

WORLD, MODEL, OUT = (pathlib.Path(a) for a in sys.argv[1:4])
SCALE = float(sys.argv[4]) if len(sys.argv) > 4 else 1.0
sys.path.insert(0, str(WORLD))
import scene  # noqa: E402
import train_clip  # noqa: E402
from scene import article  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402
from transformers import CLIPConfig, CLIPModel  # noqa: E402

NORMAL = torch.distributions.Normal(0, 1)
STYLES = {"known": scene.TRAIN_STYLES, "unseen": scene.HELD_STYLE, "samples": ("noto", "fluent-emoji-flat")}
world = scene.World(scene.TRAIN_STYLES, 96)
source = (pathlib.Path(__file__).parents[2] / "internal/calibrate/captions.go").read_text()
CAPTIONS = re.findall(r'"([^"]+)"', source[source.index("var captions"):])
OUTSIDE = ("a tax form|a subway map|a barcode|a circuit board|quarterly earnings|democracy|asdf qwer zxcv|a fingerprint|an mri scan|"
           "a stock market chart|a wedding couple cutting the cake|a garden hose|an escalator|a construction crane|a coal mine").split("|")


def unit(x):
    return (x / np.linalg.norm(x, axis=-1, keepdims=True)).astype(np.float32)


def chance(n):
    return float(NORMAL.icdf(torch.tensor(1 - 1 / (max(n, 16) + 1), dtype=torch.float64)))


class Encoder:
    def __init__(self, weights=True):
        torch.manual_seed(3)
        self.model = (CLIPModel.from_pretrained(MODEL, dtype=torch.float32) if weights else CLIPModel(CLIPConfig.from_pretrained(MODEL))).eval()
        self.tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))

    @torch.no_grad()
    def texts(self, list_):
        out = []
        for i in range(0, len(list_), 512):
            ids = torch.from_numpy(train_clip.encode(self.tokenizer, list_[i:i + 512]))
            out.append(self.model.text_projection(self.model.text_model(input_ids=ids).pooler_output).numpy())
        return unit(np.concatenate(out))

    @torch.no_grad()
    def scenes(self, style, seed, n):
        w, scenes, out = scene.World(STYLES[style], 96), [], []
        for i in range(0, n, 256):
            some = [w.scene(seed + k) for k in range(i, min(n, i + 256))]
            pixels = train_clip.norm(np.stack([w.render(s) for s in some]))
            out.append(self.model.visual_projection(self.model.vision_model(pixel_values=pixels).pooler_output).numpy())
            scenes += some
        return unit(np.concatenate(out)), scenes


class Turned:
    """Another model: the vectors in another space, with noise and a gap between words and pictures."""

    def __init__(self, dim, gap, noise, words_noise):
        r = self.r = np.random.default_rng(1)
        self.matrix, self.gaps = r.standard_normal((256, dim)) / dim ** 0.5, r.standard_normal((2, dim)) / dim ** 0.5 * gap
        self.noise = noise, words_noise

    def __call__(self, v, words):
        noise = self.r.standard_normal((len(v), self.matrix.shape[1])) / self.matrix.shape[1] ** 0.5
        return unit(v @ self.matrix + self.gaps[int(words)] + noise * self.noise[int(words)])


MODELS = {"builtin": lambda v, words: v, "builtin, turned and noisy": Turned(512, 1.2, 0.3, 0.6), "builtin, squeezed": Turned(96, 0.3, 0, 0)}


# Queries: words with what they ask for. things are concepts, facts a test of a scene.
def query(s, seed):
    r, groups = random.Random(seed), scene.World.groups(s["objs"])
    kind = r.choices(["word", "attr", "pair", "rel", "hyper", "full"], [40, 14, 14, 12, 8, 12])[0]
    pre, g = r.choice(scene.PRE), r.choice(groups)
    c, noun = g[0]["c"], article(world.noun(r, g[0]["c"]))
    if kind == "attr" and (len(g) > 1 or g[0]["color"]):
        n, colour = len(g), g[0]["color"]
        return "attr", pre + world.np_(r, g), {c}, lambda x: counts(x, c, n, colour)
    if kind == "pair" and len(groups) > 1:
        a, b = r.sample(groups, 2)
        return "pair", f"{pre}{article(world.noun(r, a[0]['c']))} and {article(world.noun(r, b[0]['c']))}", {a[0]["c"], b[0]["c"]}, None
    if kind == "rel":
        ones = [q[0] for q in groups if len(q) == 1]
        pairs = [(a, b) for a in ones for b in ones if a is not b and world.relation(a, b)]
        if pairs:
            a, b = r.choice(pairs)
            how = world.relation(a, b)
            text = r.choice(scene.REL_PHRASE[how]).format(a=world.np_(r, [a], color=False), b=world.np_(r, [b], color=False))
            return "rel", pre + text, {a["c"], b["c"]}, lambda x: any(world.relation(p, q) == how for p in x["objs"] if p["c"] == a["c"] for q in x["objs"] if q["c"] == b["c"])
    if kind == "hyper" and world.con[c]["hyper"]:
        h = r.choice(world.con[c]["hyper"])
        return "hyper", article(h), set(), lambda x: any(h in world.con[o["c"]]["hyper"] for o in x["objs"])
    if kind == "full":
        want = [(q[0]["c"], len(q), q[0]["color"]) for q in groups]
        return "full", world.full_caption(s), {w[0] for w in want}, lambda x: x["bg"]["kind"] == s["bg"]["kind"] and x["bg"]["color"] == s["bg"]["color"] and all(counts(x, *w) for w in want)
    return "word", r.choice([noun, world.noun(r, c), "a photo of " + noun]), {c}, None


def counts(x, c, n, colour):
    g = [o for o in x["objs"] if o["c"] == c]
    return (n == 1 or len(g) == n) and (not colour or any(o["color"] == colour for o in g))


def words_evidence(scores, sample, on_hit, size, top, spread):
    clip = lambda x: np.clip(x, -10, 10)
    n, k = len(sample), max(0, 16 - len(sample))
    mb, sb = on_hit.mean(1), on_hit.std(1)
    mean = (sample.sum() + k * mb) / (n + k)
    var = (np.square(sample).sum() + k * (sb ** 2 + mb ** 2)) / (n + k) - mean ** 2
    return np.stack([clip((scores - mean) / np.sqrt(var)) / chance(size), clip((scores - top) / spread) + 0 * mb, clip((scores - mb) / sb)], 1)


def picture_evidence(q, hits, sample, size):
    scores, m = sample @ q, sample.mean(0)
    a, b = q - m, hits - m
    like = np.arctanh(np.clip(b @ a / np.linalg.norm(a) / np.linalg.norm(b, axis=1), -0.999, 0.999))
    return np.stack([np.clip((hits @ q - scores.mean()) / scores.std(), -10, 10) / chance(size), like, 0 * like + chance(size)], 1)


def spread_evenly(indices, n=1024):
    return indices if len(indices) <= n else indices[np.linspace(0, len(indices) - 1, n).astype(int)]


def words_rows(encoder, model, pictures, scenes, size, queries, seed):
    """Half of the queries come from the library, half from elsewhere: what holds their things is then hidden."""
    rng, rows, number = random.Random(seed), [], 0
    captions = model(encoder.texts(CAPTIONS), True).astype(float)
    libraries = max(1, min(queries // 10, 100 if size < 1000 else 4))
    for _ in range(libraries):
        ids = np.array(sorted(rng.sample(range(len(scenes)), min(size, len(scenes)))))
        library, vectors = [scenes[i] for i in ids], model(pictures[ids], False).astype(float)
        holds = [{o["c"] for o in s["objs"]} for s in library]
        on = vectors @ captions.T
        sampled = on[spread_evenly(np.arange(len(ids)))]
        top, spread = np.quantile(sampled.max(0), 0.9), np.median(sampled.std(1))
        for k in range(queries // libraries):
            present = k % 2 == 0
            kind, text, things, fact = query(rng.choice(library if present else scenes), rng.random())
            if not present and rng.random() < 0.12:
                kind, text, things, fact = "outside", rng.choice(OUTSIDE), {-1}, None
            t = model(encoder.texts([text]), True)[0].astype(float)
            match = np.array([things <= h and (fact is None or fact(s)) for h, s in zip(holds, library)])
            shown = np.ones(len(ids), bool) if present else ~np.array([bool(things & h) for h in holds]) & ~match
            if shown.sum() < max(5, len(ids) // 2):
                continue
            visible, scores = np.flatnonzero(shown), vectors @ t
            best = visible[np.argsort(-scores[visible], kind="stable")[:20]]
            e = words_evidence(scores[best], scores[spread_evenly(visible)], on[best], len(visible), top, spread)
            rows += [(number, kind, present, bool(match[i]), *x) for i, x in zip(best, e)]
            number += 1
    return rows


def picture_rows(model, pictures, scenes, size, queries, seed):
    """A fifth of the queries are in the library but for noise, a third have something alike there, the others nothing."""
    rng, r, rows = random.Random(seed), np.random.default_rng(seed), []
    sets = [frozenset(o["c"] for o in s["objs"]) for s in scenes]
    alike = lambda a, b: len(a & b) / len(a | b) >= 0.5
    half, vectors = len(scenes) // 2, model(pictures, False)
    for number in range(queries):
        q, u = half + rng.randrange(half), rng.random()
        ids = [i for i in rng.sample(range(half), min(size, half)) if u < 0.5 or not sets[i] & sets[q]]
        if 0.2 <= u < 0.5:
            ids += rng.sample([i for i in range(half) if alike(sets[i], sets[q])], 1) if any(alike(sets[i], sets[q]) for i in range(half)) else []
        if u < 0.2:
            ids.append(q)
        library = vectors[ids].astype(float)
        asked = vectors[q].astype(float) + (r.standard_normal(library.shape[1]) * 0.15 / library.shape[1] ** 0.5 if u < 0.2 else 0)
        asked /= np.linalg.norm(asked)
        best = np.argsort(-library @ asked, kind="stable")[:20]
        e = picture_evidence(asked, library[best], library[spread_evenly(np.arange(len(ids)))], len(ids))
        kind = "dup" if u < 0.2 else "like" if u < 0.5 else "absent"
        rows += [(number, kind, u < 0.5, alike(sets[ids[i]], sets[q]), *x) for i, x in zip(best, e)]
    return rows


def fit(groups):
    """Maximum likelihood by Newton's method; every group weighs the same."""
    x = np.concatenate([np.array([row[4:] for row in g]) for g in groups])
    y = np.concatenate([np.array([row[3] for row in g], float) for g in groups])
    w = np.concatenate([np.full(len(g), 1 / len(g)) for g in groups])
    x, beta = np.column_stack([x, np.ones(len(x))]), np.zeros(4)
    for _ in range(100):
        p = 1 / (1 + np.exp(-x @ beta))
        beta -= np.linalg.solve((x * (w * p * (1 - p))[:, None]).T @ x + 1e-9 * np.eye(4), x.T @ (w * (p - y)))
    return beta


def evidence_case(r, n, size, dim=8):
    gaps = r.standard_normal((2, dim))
    draw = lambda k, words: unit(r.standard_normal((k, dim)) + 0.7 * gaps[words])
    sample, captions, words, pictures, hits = draw(n, 0), draw(6, 1), draw(2, 1), draw(2, 0), draw(3, 0)
    hits[0] = sample[0]
    s, c, h = (v.astype(float) for v in (sample, captions, hits))
    on = s @ c.T
    top, spread = np.quantile(on.max(0), 0.9), np.median(on.std(1))
    want_words = np.concatenate([words_evidence(h @ q, s @ q, h @ c.T, size, top, spread) for q in words.astype(float)])
    want_pictures = np.concatenate([picture_evidence(q, h, s, size) for q in pictures.astype(float)])
    return dict(Sample=sample.tolist(), Captions=captions.tolist(), Words=words.tolist(), Pictures=pictures.tolist(), Hits=hits.tolist(),
                Size=size, WantWords=want_words.tolist(), WantPictures=want_pictures.tolist())


def main():
    r = np.random.default_rng(5)
    (OUT / "evidence.json").write_text(json.dumps([evidence_case(r, 40, 40), evidence_case(r, 6, 6), evidence_case(r, 64, 100_000)], separators=(",", ":")))
    some = lambda n: max(60, int(n * SCALE))
    encoder, blank = Encoder(), Encoder(weights=False)
    drawn = {name: encoder.scenes(style, seed, some(n)) for name, style, seed, n in (
        ("fit", "known", 9_100_000_000, 13_000), ("samples", "samples", 9_400_000_000, 4_000), ("unseen", "unseen", 9_200_000_000, 8_000), ("large", "known", 9_600_000_000, 50_000))}
    random_drawn = blank.scenes("unseen", 9_200_000_000, some(2_200))
    sizes, q = (20, 200, 2_000), some(400)

    words = [words_rows(encoder, m, *drawn["fit"], n, q, 5) for m in MODELS.values() for n in (*sizes, 12_000)]
    words += [words_rows(blank, MODELS["builtin"], *random_drawn, n, q, 5) for n in sizes]
    print("words", fit(words).round(3))
    print("pictures", fit([picture_rows(m, *drawn["fit"], n, q, 7) for m in MODELS.values() for n in sizes]).round(3))

    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow("model kind pictures query asked present match first second third".split())

    def write(name, kind, n, rows):
        table.writerows([name, kind, n, a, b, int(c), int(d), *("%.3g" % x for x in e)] for a, b, c, d, *e in rows)

    for n in sizes:
        for name in ("builtin", "builtin, turned and noisy"):
            write(name, "words", n, words_rows(encoder, MODELS[name], *drawn["samples"], n, some(200), 15))
            write(name, "picture", n, picture_rows(MODELS[name], *drawn["samples"], n, some(120), 8))
        write("builtin, unseen style", "words", n, words_rows(encoder, MODELS["builtin"], *drawn["unseen"], n, some(200), 25))
        write("random weights", "words", n, words_rows(blank, MODELS["builtin"], *random_drawn, n, some(150), 35))
    write("builtin, known styles", "words", 50_000, words_rows(encoder, MODELS["builtin"], *drawn["large"], 50_000, some(150), 45))
    (OUT / "hits.csv.gz").write_bytes(gzip.compress(out.getvalue().encode(), 9, mtime=0))


main()
