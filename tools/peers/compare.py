"""emblem beside its peers, in turns, on this machine: python compare.py [--rows f32,bf16,…] [--batches 1,8] [--out FILE]

Each row of the table is a precision of emblem and its peers, each in a process of its own. A round is every peer for a
moment and, after each of them, emblem; the figures are medians over all runs of all rounds. The ratio is peer time /
emblem time: above one, emblem is faster. With --out results are kept and merged, so that rows can be measured one call at a
time. The machine must be otherwise quiet.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.join(HERE, "..", "..")

# row: emblem's dtype and environment; its peers with their environments; what is asked at batch 1 and 8. Where a row says
# "fastest", the ask is held against the fastest of the peers, else each peer carries its own.
ROWS = {
    "f32": dict(dtype="f32", peers={"onnxruntime f32": {}, "openvino f32": {}}, fastest=(1.20, 1.00)),
    "bf16": dict(dtype="bf16", peers={"openvino bf16": {"ask": (1.20, 1.10)}, "torch bf16": {}}),
    "int8": dict(
        dtype="int8",
        peers={"onnxruntime dynamic int8": {"ask": (1.75, 1.5)}, "openvino nncf int8": {"ask": (1.1, 1.1)}},
    ),
    "text": dict(
        dtype="bf16", tower="clip-text-b", tokens=8, batches=(1,),
        peers={"torch bf16": {}, "openvino bf16": {}, "onnxruntime f32": {}}, fastest=(1.5, None),
    ),
    "avx2": dict(
        dtype="f32", env={"EMBLEM_KERNELS": "avx2"},
        peers={"openvino f32": {"env": {"ONEDNN_MAX_CPU_ISA": "AVX2"}, "ask": (0.95, 0.95)}},
    ),
}

# The other towers: row "TOWER DTYPE", not measured unless it is named.
TOWERS = ("vit-b-16", "vit-l-14", "so400m-14-384", "dinov2-s", "dinov2-b")
ROWS |= {f"{t} f32": dict(ROWS["f32"], tower=t) for t in TOWERS}
ROWS |= {f"{t} bf16": dict(dtype="bf16", tower=t, peers={"openvino bf16": {"ask": (1.20, 1.10)}}) for t in TOWERS}

# The language model of SmolVLM-256M: the first token after a new prompt, and the next one. Times at batch 8 are of 8 tokens.
LANGUAGE = {"prefill": (87, 3.0, (1,)), "decode": (256, 3.1, (1, 8))}
ROWS |= {f"{kind} bf16": dict(dtype="bf16", tower=f"smolvlm-256m-{kind}", tokens=n, batches=b, peers={"torch bf16": {"ask": (ask, None)}}) for kind, (n, ask, b) in LANGUAGE.items()}
ROWS["decode int8"] = dict(ROWS["decode bf16"], dtype="int8", peers={"torch bf16": {"ask": (5.0, None)}})
USUAL = ("f32", "bf16", "int8", "text", "avx2")


def environment(more):
    env = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", **more)
    env.pop("OPENBLAS_CORETYPE", None)  # would hold numpy's library to an older processor
    return env


class Peer:
    def __init__(self, name, tower, batch, tokens, a, env):
        env = environment({"OMP_NUM_THREADS": str(a.threads), **env})
        args = [sys.executable, os.path.join(HERE, "worker.py"), name, tower, str(batch), str(tokens), str(a.threads), a.cache]
        self.process = subprocess.Popen(args, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=a.log, text=True)
        for line in self.process.stdout:  # libraries write there too
            if line.strip() == "ready":
                return
        sys.exit(f"{name} did not start; see {a.log.name}")

    def run(self, seconds):
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def emblem(a, tower, batch, tokens, row):
    args = [a.emblem, "bench", "tower", "--arch", tower, "--batch", str(batch), "--dtype", row["dtype"], "--seconds", str(a.seconds), "--json"]
    if tokens:
        args += ["--tokens", str(tokens)]
    env = environment({"GOMAXPROCS": str(a.threads), **row.get("env", {})})
    out = subprocess.run(args, env=env, stdout=subprocess.PIPE, text=True)
    if out.returncode:
        sys.exit(f"{' '.join(args)}: exit {out.returncode}")
    return json.loads(out.stdout)


def measure(a, name, batch):
    row = ROWS[name]
    tower, tokens = row.get("tower", "vit-b-32"), row.get("tokens", 0)
    peers = {p: Peer(p, tower, batch, tokens, a, o.get("env", {})) for p, o in row["peers"].items()}
    times, ours = {p: [] for p in peers}, []
    for _ in range(a.rounds):
        for p, peer in peers.items():
            time.sleep(0.1)  # for threads that still spin
            times[p] += peer.run(a.seconds)
            ours.append(emblem(a, tower, batch, tokens, row))
    for peer in peers.values():
        peer.close()
    return cell(row, name, batch, {p: statistics.median(t) for p, t in times.items()}, ours)


def cell(row, name, batch, ms, ours):
    mine = statistics.median(o["ms"] for o in ours)
    peers = []
    for p, t in ms.items():
        ask = row["peers"][p].get("ask")
        peers.append({"name": p, "ms": t, "ratio": t / mine, "ask": ask[batch > 1] if ask else None})
    if "fastest" in row:
        min(peers, key=lambda p: p["ms"])["ask"] = row["fastest"][batch > 1]
    return {
        "row": name, "batch": batch, "ms": mine, "spread": [min(o["ms"] for o in ours), max(o["ms"] for o in ours)],
        "gflops": statistics.median(o["gflops"] for o in ours), "peak_share": statistics.median(o["peak_share"] for o in ours),
        "kernels": ours[0]["kernels"], "peers": peers, "day": time.strftime("%Y-%m-%d"),
    }


def table(cells):
    lines = ["| emblem | batch | ms | GFLOP/s | of peak | peer | ms | ratio | asked |", "|---|---|---|---|---|---|---|---|---|"]
    for c in cells:
        for i, p in enumerate(c["peers"]):
            left = f"{c['row']} ({c['kernels']}) | {c['batch']} | {c['ms']:.2f} | {c['gflops']:.0f} | {100 * c['peak_share']:.0f} %"
            ask = "" if p["ask"] is None else f"≥ {p['ask']:.2f} " + ("✓" if p["ratio"] >= p["ask"] else "✗")
            lines.append(f"| {left if i == 0 else ' | | | |'} | {p['name']} | {p['ms']:.2f} | {p['ratio']:.2f} | {ask} |")
    return "\n".join(lines)


def processor():
    with open("/proc/cpuinfo") as f:
        info = dict(map(str.strip, line.split(":", 1)) for line in f if ":" in line)
    return f"{info.get('model name', platform.processor())}, family {info.get('cpu family')} model {info.get('model')}"


def versions():
    from importlib.metadata import version

    return {p: version(p) for p in ("onnxruntime", "openvino", "nncf", "torch", "transformers")}


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rows", default=",".join(USUAL), help="of " + ", ".join(ROWS))
    p.add_argument("--batches", default="1,8")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=1.0, help="of each turn")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--emblem", help="the binary; default: it is built")
    p.add_argument("--cache", default=os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "emblem-peers"))
    p.add_argument("--out", help="JSON of results, merged with what is there")
    return p.parse_args()


def main():
    a = arguments()
    os.makedirs(a.cache, exist_ok=True)
    if not a.emblem:
        a.emblem = os.path.join(a.cache, "emblem")
        subprocess.run(["go", "build", "-o", a.emblem, "./cmd/emblem"], cwd=REPO, check=True)
    result = {"processor": processor(), "threads": a.threads, "versions": versions(), "cells": []}
    if a.out and os.path.exists(a.out):
        with open(a.out) as f:
            result["cells"] = json.load(f)["cells"]
    with open(os.path.join(a.cache, "peers.log"), "w") as a.log:
        for name in a.rows.split(","):
            for batch in map(int, a.batches.split(",")):
                if batch in ROWS[name].get("batches", (batch,)):
                    c = measure(a, name, batch)
                    result["cells"] = [o for o in result["cells"] if (o["row"], o["batch"]) != (name, batch)] + [c]
    order = list(ROWS)
    result["cells"].sort(key=lambda c: (order.index(c["row"]), c["batch"]))
    print(table(result["cells"]))
    if a.out:
        with open(a.out, "w") as f:
            json.dump(result, f, indent=1)
    else:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
