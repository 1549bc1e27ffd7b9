"""What the generators of dual encoders' goldens share: tiny folders in the real layouts, and numbers.

A case is a model's folder, testdata/NAME/, and beside it testdata/NAME.json (texts, ids, files) and
testdata/NAME.safetensors (pixels, vectors, logits). Numbers are computed in float32 from the weights as stored.
"""
import hashlib
import json
import os
import shutil

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "fusion", "testdata")
PICTURES = os.path.join(ROOT, "pictures")

TEXTS = [
    "a photo of a cat",
    "Two  DOGS &amp; a bird, 1234 times!",
    "x",
    "the quick brown fox jumps over the lazy dog and then over all of the other dogs of the whole wide world again and again",
    "",
    "café ☕ naïve — 東京 🐈",
]

# Texts of many scripts and of unequal length, for vocabularies that know no language in particular.
SCRIPTS = TEXTS + [
    "ΚΌΣΜΟΣ, ο μικρός ΟΔΟΣ",
    "İstanbul'da bir KEDİ",
    "गर्म चाय ☕ और बिल्ली",
    "แมวบนหลังคา",
    "السماء زرقاء ١٢٣",
    "ＦＵＬＬ　ｗｉｄｔｈ ﬁ Ⅷ ½ ㌔",
    "e\u0301 n\u0303 한국어 \u1112\u1161\u11ab",
    "  tabs\tand\nlines \u00a0 and\u200bzero\ufeff width  ",
    "👩‍👩‍👧‍👦🏽🇯🇵 ❤️",
    "cat <eos> </s> <mask> ▁dog",
]


def randomise(model, seed):
    """Weights that let every part of the model matter: fan-in scaled matrices, biases and norms away from 0 and 1."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            n = torch.randn(p.shape, generator=g)
            if "logit_scale" in name:
                p.fill_(float(np.log(20.0)))
            elif "logit_bias" in name:
                p.fill_(-3.0)
            elif p.ndim == 1 and ("norm" in name or ".ln_" in name or "ln_" in name) and name.endswith("weight"):
                p.copy_(1 + 0.2 * n)
            elif p.ndim == 1:
                p.copy_(0.2 * n)
            elif "embedding" in name and "patch" not in name or "pos_embed" in name or "probe" in name or "latent" in name:
                p.copy_(0.4 * n)
            else:
                fan = p[0].numel() if not name.endswith(("proj", "text_projection")) else p.shape[0]
                fan = p.shape[-1] if "lora" in name else fan  # one adapter of several
                p.copy_(n * (1.2 / fan**0.5))


def clip_vocabulary(merges):
    """CLIP's byte-pair vocabulary cut down to a number of merges; ids in OpenAI's order."""
    from open_clip.tokenizer import bytes_to_unicode, default_bpe
    import gzip

    lines = gzip.open(default_bpe()).read().decode().split("\n")[1 : 1 + merges]
    pairs = [tuple(l.split()) for l in lines]
    symbols = list(bytes_to_unicode().values())
    symbols += [s + "</w>" for s in symbols] + ["".join(p) for p in pairs]
    symbols += ["<|startoftext|>", "<|endoftext|>"]
    return {s: i for i, s in enumerate(symbols)}, pairs, lines


def pictures():
    """Pictures of all kinds, written once: not square, tiny, long, grey, with alpha, with a palette."""
    os.makedirs(PICTURES, exist_ok=True)
    rng = np.random.default_rng(5)

    def smooth(w, h, c):
        y, x = np.mgrid[0:h, 0:w].astype(np.float64)
        out = np.zeros((h, w, c))
        for i in range(c):
            a, b, p, q = rng.uniform(0.02, 0.3, 4)
            out[..., i] = 127 + 90 * np.sin(a * x + 6 * p) * np.cos(b * y + 6 * q) + rng.normal(0, 12, (h, w))
        return np.clip(out, 0, 255).astype(np.uint8)

    Image.fromarray(smooth(97, 53, 3)).save(os.path.join(PICTURES, "wide.png"))
    Image.fromarray(smooth(75, 118, 3)).save(os.path.join(PICTURES, "tall.jpg"), quality=88)
    Image.fromarray(smooth(40, 41, 1)[..., 0]).save(os.path.join(PICTURES, "grey.png"))
    Image.fromarray(smooth(64, 48, 4)).save(os.path.join(PICTURES, "alpha.png"))
    Image.fromarray(smooth(50, 66, 3)).quantize(32).save(os.path.join(PICTURES, "palette.png"))
    Image.fromarray(smooth(3, 1, 3)).save(os.path.join(PICTURES, "tiny.png"))
    Image.fromarray(smooth(211, 5, 3)).save(os.path.join(PICTURES, "long.png"))


def open_pictures():
    names = sorted(os.listdir(PICTURES))
    return names, [Image.open(os.path.join(PICTURES, n)).convert("RGB") for n in names]


def fresh(name):
    folder = os.path.join(ROOT, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


def to_uint8(pixel_values, mean, std):
    """Normalised pixels (N, 3, H, W) back to the bytes that they were made of."""
    mean, std = torch.tensor(mean).view(1, 3, 1, 1), torch.tensor(std).view(1, 3, 1, 1)
    px = (pixel_values * std + mean) * 255
    out = px.round()
    assert (px - out).abs().max() < 0.01, "not whole numbers"
    return out.permute(0, 2, 3, 1).to(torch.uint8).contiguous()


def digests(pictures):
    """The SHA-256 of the bytes of pictures (N, H, W, 3), and their width and height: enough to know them by."""
    return {
        "digests": [hashlib.sha256(p.numpy().tobytes()).hexdigest() for p in pictures],
        "shapes": [[p.shape[1], p.shape[0]] for p in pictures],
    }


def write(name, names, pixels, texts, ids, image, text, logits, meta={}, **more):
    """Writes the numbers of a case."""
    if pixels is not None:
        more["pixels"] = pixels
    save_file(
        {"image": image.float().contiguous(), "text": text.float().contiguous(), "logits": logits.float().contiguous(), **more},
        os.path.join(ROOT, name + ".safetensors"),
    )
    with open(os.path.join(ROOT, name + ".json"), "w") as f:
        json.dump({"pictures": names, "texts": texts, "ids": ids, **meta}, f, ensure_ascii=False, indent=1)
    files = [os.path.join(at, f) for at, _, list in os.walk(os.path.join(ROOT, name)) for f in list]
    for path in [os.path.join(ROOT, name + ".safetensors"), *files]:
        os.chmod(path, 0o644)
    size = sum(os.path.getsize(f) for f in files)
    print(f"{name}: folder {size / 1000:.0f} kB, logits {logits.min():.3f} to {logits.max():.3f}")


def edit(folder, file, change):
    """Rewrites a JSON file of a folder: what older or sparser publishers have in it."""
    path = os.path.join(folder, file)
    with open(path) as f:
        data = json.load(f)
    change(data)
    with open(path, "w") as f:
        json.dump(data, f, indent=1)
