"""Times a peer over the files of make.py: one thread a query, effort by bisection to recall 0.990-0.992.

    compare.py DIR hnswlib|faiss|usearch|flat [--limit 10] [--queries 1000] [--threads 2]

Prints one JSON object: build_s, and for picture and text queries effort, recall, qps.
"""
import argparse, json, os, time
import numpy as np


def hnswlib_index(base, threads):
    import hnswlib
    index = hnswlib.Index("ip", base.shape[1])
    index.init_index(len(base), M=16, ef_construction=200, random_seed=1)
    index.set_num_threads(threads)
    index.add_items(base)
    index.set_num_threads(1)

    def search(q, limit, effort):
        index.set_ef(effort)
        return index.knn_query(q, limit)[0]
    return search


def faiss_index(base, threads):
    import faiss
    faiss.omp_set_num_threads(threads)
    index = faiss.index_factory(base.shape[1], "HNSW32,SQ8", faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 200
    index.train(base[:100_000])
    index.add(base)
    faiss.omp_set_num_threads(1)

    def search(q, limit, effort):
        index.hnsw.efSearch = effort
        return index.search(q, limit)[1]
    return search


def usearch_index(base, threads):
    from usearch.index import Index
    index = Index(ndim=base.shape[1], metric="ip", dtype="bf16")
    index.add(np.arange(len(base)), base, threads=threads)

    def search(q, limit, effort):
        index.expansion_search = effort
        return np.stack([index.search(v, limit, threads=1).keys for v in q])
    return search


def flat_index(base, threads):
    import faiss
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(base.shape[1])
    index.add(base)
    return lambda q, limit, effort: np.concatenate([index.search(v[None], limit)[1] for v in q])


def recall(found, truth, limit):
    return np.mean([len(np.intersect1d(f, t[:limit])) for f, t in zip(found, truth)]) / limit


def bisect(search, q, truth, limit):
    """The least effort that reaches 0.990."""
    low, high = limit, limit
    while recall(search(q, limit, high), truth, limit) < 0.990:
        low, high = high, 2 * high
        if high > 10_000:
            break
    while high - low > max(1, low // 100):
        mid = (low + high) // 2
        if recall(search(q, limit, mid), truth, limit) >= 0.990:
            high = mid
        else:
            low = mid
    return high


def main():
    p = argparse.ArgumentParser()
    p.add_argument("dir")
    p.add_argument("peer", choices=("hnswlib", "faiss", "usearch", "flat"))
    p.add_argument("--limit", type=int, default=10)
    p.add_argument("--queries", type=int, default=1000)
    p.add_argument("--threads", type=int, default=2, help="of the build")
    a = p.parse_args()
    load = lambda name: np.load(os.path.join(a.dir, name + ".npy"))
    start = time.perf_counter()
    search = globals()[a.peer + "_index"](load("base"), a.threads)
    out = {"peer": a.peer, "build_s": round(time.perf_counter() - start, 2)}
    for kind in ("picture", "text"):
        q, truth = load(kind + "-queries")[:a.queries], load(kind + "-truth")
        effort = 0 if a.peer == "flat" else bisect(search, q, truth, a.limit)
        found, best = search(q, a.limit, effort), 0
        for _ in range(3):
            start = time.perf_counter()
            search(q, a.limit, effort)
            best = max(best, len(q) / (time.perf_counter() - start))
        out[kind] = {"effort": effort, "recall": round(float(recall(found, truth, a.limit)), 4), "qps": round(best, 1)}
    print(json.dumps(out))


if __name__ == "__main__":
    main()
