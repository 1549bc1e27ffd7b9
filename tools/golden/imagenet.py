"""The names of ImageNet's classes, vit/imagenet.tsv.gz, from timm (Apache-2.0): python imagenet.py

A line is a class: which subsets it is in (a 1k, b 12k, c 22k, d Google's 21k, e Microsoft's 22k, f MIIL's 21k) and its WordNet
lemmas. Lines are in the order of synsets, which is the order of the classes; Microsoft's has the classes of the 1k first.
"""
import csv
import gzip
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE]  # timm.py here must not hide the library

import timm

INFO = os.path.join(os.path.dirname(timm.__file__), "data", "_info")
SUBSETS = {"a": "imagenet", "b": "imagenet12k", "c": "imagenet22k", "d": "imagenet21k_goog", "e": "imagenet22k_ms", "f": "imagenet21k_miil"}


def read(name):
    with open(os.path.join(INFO, name), encoding="utf-8") as f:
        return f.read().splitlines()


def main():
    lemmas = dict(csv.reader(read("imagenet_synset_to_lemma.txt"), delimiter="\t"))
    subsets = {k: read(v + "_synsets.txt") for k, v in SUBSETS.items()}
    for k, s in subsets.items():
        assert s == (sorted(s) if k != "e" else subsets["a"] + sorted(set(s) - set(subsets["a"]))), k
    sets = {k: set(s) for k, s in subsets.items()}
    lines = "".join(f"{''.join(k for k in sets if s in sets[k])}\t{lemmas[s]}\n" for s in sorted(set().union(*sets.values())))
    with open(os.path.join(HERE, "..", "..", "vit", "imagenet.tsv.gz"), "wb") as f:
        f.write(gzip.compress(lines.encode(), 9, mtime=0))
    for k, s in subsets.items():
        print(k, len(s), lemmas[s[0]], "|", lemmas[s[-1]])


if __name__ == "__main__":
    main()
