"""Writes base.npy, and for picture and text queries queries, truth and a disjoint calibration sample.

    make.py DIR [--n 100000] [--queries 1000] [--sample 1000] [--seed 1] [--limit 100]
"""
import argparse, os
import numpy as np
from clipspace import Space


def truth(base, queries, limit):
    """The best rows by inner product in float32, ties by row."""
    out = np.empty((len(queries), limit), np.int32)
    for at in range(0, len(queries), 250):
        scores = queries[at:at + 250] @ base.T
        best = np.argpartition(-scores, limit, axis=1)[:, :limit]
        for i, b in enumerate(best):
            out[at + i] = b[np.lexsort((b, -scores[i, b]))]
    return out


def main():
    p = argparse.ArgumentParser()
    p.add_argument("dir")
    for name, value in (("n", 100_000), ("queries", 1000), ("sample", 1000), ("seed", 1), ("limit", 100)):
        p.add_argument("--" + name, type=int, default=value)
    a = p.parse_args()
    os.makedirs(a.dir, exist_ok=True)
    space = Space(a.seed)
    base = np.concatenate([space.pictures(min(50_000, a.n - at)) for at in range(0, a.n, 50_000)])
    np.save(os.path.join(a.dir, "base.npy"), base)
    for kind, draw in (("picture", space.pictures), ("text", space.texts)):
        q = draw(a.queries)
        np.save(os.path.join(a.dir, kind + "-queries.npy"), q)
        np.save(os.path.join(a.dir, kind + "-sample.npy"), draw(a.sample))
        np.save(os.path.join(a.dir, kind + "-truth.npy"), truth(base, q, a.limit))


if __name__ == "__main__":
    main()
