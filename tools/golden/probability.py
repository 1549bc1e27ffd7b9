"""Fits the constants of internal/library/probability.go.

usage: probability.py MODEL_FOLDER PICTURES_FOLDER

z is how many standard deviations a score lies above the query's mean over all
pictures. Right and wrong pairs are weighed to odds of one to ten; a logistic
function of z is fitted by maximum likelihood.
"""
import json
import pathlib
import sys

import numpy as np
import torch
from PIL import Image
from transformers import AutoTokenizer, CLIPImageProcessorPil, CLIPModel


def vectors(model_dir, pictures_dir):
    model = CLIPModel.from_pretrained(model_dir, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    processor = CLIPImageProcessorPil.from_pretrained(model_dir)
    rows = json.loads((pictures_dir / "captions.json").read_text())
    unit = lambda x: torch.nn.functional.normalize(x, dim=-1).numpy()

    def texts(list_):
        ids = tokenizer(list_, padding=True, truncation=True, max_length=32, return_tensors="pt")
        return unit(model.text_projection(model.text_model(**ids).pooler_output))

    with torch.no_grad():
        images = [Image.open(pictures_dir / r["file"]).convert("RGB") for r in rows]
        pixels = processor(images, return_tensors="pt")["pixel_values"]
        pics = unit(model.visual_projection(model.vision_model(pixels).pooler_output))
        captions = texts([r["caption"] for r in rows])
        objects = sorted({o for r in rows for o in r["objects"]})
        words = texts(["a " + o for o in objects])
    return rows, pics, captions, objects, words


def z(scores):
    return (scores - scores.mean(1, keepdims=True)) / scores.std(1, keepdims=True)


def fit(values, right):
    w = np.where(right, 1 / right.sum(), 10 / (~right).sum())
    a, b = 1.0, -3.0
    for _ in range(200):  # Newton on two parameters
        p = 1 / (1 + np.exp(-(a * values + b)))
        g, h = w * (p - right), w * p * (1 - p)
        hess = np.array([[(h * values * values).sum(), (h * values).sum()], [(h * values).sum(), h.sum()]])
        a, b = np.array([a, b]) - np.linalg.solve(hess + 1e-12 * np.eye(2), [(g * values).sum(), g.sum()])
    return a, b


def main():
    model_dir, pictures_dir = sys.argv[1], pathlib.Path(sys.argv[2])
    rows, pics, captions, objects, words = vectors(model_dir, pictures_dir)
    objs = [set(r["objects"]) for r in rows]
    n = len(rows)
    share = np.array([[bool(objs[i] & objs[j]) for j in range(n)] for i in range(n)])
    own = np.eye(n, dtype=bool)
    keep = own | ~share  # a caption's other pictures of the same things are neither right nor wrong
    zc, zw = z(captions @ pics.T), z(words @ pics.T)
    has = np.array([[o in objs[j] for j in range(n)] for o in objects])
    text = fit(np.concatenate([zc[keep], zw.ravel()]), np.concatenate([own[keep], has.ravel()]))
    zp = z(np.where(own, np.nan_to_num((pics @ pics.T).mean()), pics @ pics.T))
    first = np.array([[rows[i]["objects"][:1] == rows[j]["objects"][:1] for j in range(n)] for i in range(n)])
    off = ~own
    picture = fit(zp[off], first[off])
    for name, (a, b) in (("text", text), ("picture", picture)):
        print(f"{name}: slope {a:.3f} offset {b:.3f}; z of one half {-b / a:.2f}")
    for name, values in (("caption", zc[own]), ("word", zw[has]), ("same object", zp[first & off])):
        print(name, "z quartiles", np.quantile(values, [0.25, 0.5, 0.75]).round(2))


main()
