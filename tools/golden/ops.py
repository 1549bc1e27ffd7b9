"""Goldens of the ops: python ops.py

Holds the oracle of internal/tensor/tensortest to torch. Everything is computed in float64; scales and epsilons are
float32 numbers, as the ops' fields are. Each case is an op's name, its parameters, its inputs and y, in JSON, which
carries float64 exactly. Tensors are {"shape", "data"}.
"""
import json
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE]  # safetensors.py there must not hide the library
from transformers.models.gptj.modeling_gptj import rotate_every_two
from transformers.models.llama.modeling_llama import rotate_half

OUT = os.path.join(HERE, "..", "..", "internal", "tensor", "tensortest", "testdata", "ops.json")
ACTS = {
    "none": lambda x: x,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "silu": F.silu,
    "relu": F.relu,
}
cases = []


def f32(v):
    return float(np.float32(v))


def rand(*shape, scale=1.0):
    return torch.randn(*shape, dtype=torch.float64) * scale


def add(op, y, params=None, **inputs):
    cases.append({
        "op": op, **(params or {}),
        "in": {k: pack(t) for k, t in inputs.items() if t is not None}, "y": pack(y),
    })


def pack(t):
    return {"shape": list(t.shape), "data": t.reshape(-1).tolist()}


def linear():
    for act in ACTS:
        for m, n, k, bias, res in [(1, 1, 1, False, 0), (3, 5, 7, True, 3), (4, 3, 17, True, 2), (6, 2, 9, False, 1)]:
            x, w, b = rand(m, k), rand(n, k), rand(n) if bias else None
            r = rand(res, n) if res else None
            y = ACTS[act](F.linear(x, w, b))
            if res:
                y = y + r.repeat(m // res, 1)
            add("linear", y, {"act": act}, x=x, w=w, bias=b, res=r)


def attention():
    for b, lq, lk, heads, kv, d, causal, lens in [
        (1, 1, 1, 1, 1, 1, False, None), (2, 3, 5, 2, 2, 3, False, None), (1, 4, 4, 3, 3, 2, True, None),
        (2, 3, 7, 4, 2, 3, True, [7, 4]), (3, 2, 5, 6, 1, 2, False, [5, 1, 0]), (2, 5, 5, 2, 1, 5, True, [2, 5]),
    ]:
        for scale in (d**-0.5, 1.7):
            scale = f32(scale)
            q, k, v = rand(b, lq, heads * d), rand(b, lk, kv * d), rand(b, lk, kv * d)
            mask = torch.ones(b, 1, lq, lk, dtype=torch.bool)
            if causal:  # the last query sees all keys
                mask &= torch.ones(lq, lk, dtype=torch.bool).tril(lk - lq)
            if lens:
                mask &= (torch.arange(lk)[None] < torch.tensor(lens)[:, None])[:, None, None]
            part = lambda t, h: t.reshape(b, -1, h, d).transpose(1, 2)
            y = F.scaled_dot_product_attention(part(q, heads), part(k, kv), part(v, kv), attn_mask=mask, scale=scale, enable_gqa=True)
            add("attention", y.transpose(1, 2).reshape(b, lq, heads * d),
                {"heads": heads, "kv_heads": 0 if kv == heads else kv, "scale": scale, "causal": causal},
                q=q, k=k, v=v, lens=torch.tensor(lens) if lens else None)
            if causal:
                place = torch.arange(lq) + lk - lq
                keys = torch.arange(lk)[None]
                seen = mask & ((keys > place[:, None] - 2) | (keys < 1))
                y = F.scaled_dot_product_attention(part(q, heads), part(k, kv), part(v, kv), attn_mask=seen, scale=scale, enable_gqa=True).nan_to_num()
                add("attention", y.transpose(1, 2).reshape(b, lq, heads * d),
                    {"heads": heads, "kv_heads": 0 if kv == heads else kv, "scale": scale, "causal": causal, "window": 2, "sinks": 1},
                    q=q, k=k, v=v, lens=torch.tensor(lens) if lens else None)
            reach = 2  # keys farther than that count as the farthest
            bias = rand(heads, 2 * reach + 1)
            place = torch.arange(lq) + (lk - lq if causal else 0)
            far = (torch.arange(lk)[None] - place[:, None]).clamp(-reach, reach) + reach
            mask = torch.where(mask, bias[:, far][None], -torch.inf)
            y = F.scaled_dot_product_attention(part(q, heads), part(k, kv), part(v, kv), attn_mask=mask, scale=scale, enable_gqa=True).nan_to_num()
            add("attention", y.transpose(1, 2).reshape(b, lq, heads * d),
                {"heads": heads, "kv_heads": 0 if kv == heads else kv, "scale": scale, "causal": causal},
                q=q, k=k, v=v, lens=torch.tensor(lens) if lens else None, bias=bias)


def norms():
    for rows, c in [(1, 1), (3, 7), (2, 33)]:
        for eps in (1e-5, 1e-2):
            eps = f32(eps)
            x, w, b = rand(rows, c, scale=3) + 1, rand(c), rand(c)
            add("layernorm", F.layer_norm(x, (c,), w, b, eps), {"eps": eps}, x=x, w=w, b=b)
            add("layernorm", F.layer_norm(x, (c,), None, None, eps), {"eps": eps}, x=x)
            add("rmsnorm", F.rms_norm(x, (c,), w, eps), {"eps": eps}, x=x, w=w)
            add("rmsnorm", F.rms_norm(x, (c,), None, eps), {"eps": eps}, x=x)
            add("normalize", F.normalize(x, dim=-1, eps=eps), {"eps": eps}, x=x)
    x = torch.cat([torch.zeros(1, 5, dtype=torch.float64), rand(1, 5, scale=1e-4)])
    add("normalize", F.normalize(x, dim=-1, eps=f32(1e-2)), {"eps": f32(1e-2)}, x=x)


def embed():
    table, ids, plus = rand(7, 5), torch.tensor([[0, 6, 3], [3, 1, 6]]), rand(3, 5)
    add("embed", F.embedding(ids, table), x=table, ids=ids)
    add("embed", F.embedding(ids, table) + plus, x=table, ids=ids, add=plus)


def patchify():
    for b, h, w, p, lead in [(1, 2, 2, 2, 0), (2, 6, 4, 2, 1), (1, 7, 8, 3, 2)]:
        x = torch.randint(0, 256, (b, h, w, 3)).double()
        scale, shift = [f32(v) for v in (0.0146, 0.015, 0.0142)], [f32(v) for v in (-1.79, -1.75, -1.48)]
        n = (x * torch.tensor(scale, dtype=torch.float64) + torch.tensor(shift, dtype=torch.float64)).permute(0, 3, 1, 2)
        y = F.unfold(n, p, stride=p).transpose(1, 2)  # (b, patches, 3·p·p), channels first
        y = y.reshape(b, -1, 3, p * p).transpose(2, 3).reshape(b, -1, 3 * p * p)
        add("patchify", F.pad(y, (0, 0, lead, 0)), {"patch": p, "lead": lead, "scales": scale, "shifts": shift}, x=x.reshape(b, h, w * 3))


def elementwise():
    x = torch.cat([torch.tensor([0.0, -0.0, 1e-8, -1e-8, 6.0, -6.0, 40.0, -40.0], dtype=torch.float64), rand(14, scale=2)]).reshape(2, 11)
    wide = rand(3, 10, scale=2)
    for act, f in ACTS.items():
        add("unary", f(x), {"act": act}, x=x)
        add("glu", f(wide[:, :5]) * wide[:, 5:], {"act": act}, x=wide)
    add("copy", x, x=x)


def mean_pool():
    x = rand(3, 5, 4)
    add("meanpool", x.mean(1), {"lead": 0}, x=x)
    add("meanpool", x[:, 2:].mean(1), {"lead": 2}, x=x)
    lens = [5, 2, 3]
    y = torch.stack([x[i, 1:n].mean(0) for i, n in enumerate(lens)])
    add("meanpool", y, {"lead": 1}, x=x, lens=torch.tensor(lens))


def rope():
    """Both layouts, of the first columns of every head: LLaMA's and GPT-J's."""
    for b, l, heads, d, half, pairs, at in [
        (1, 1, 1, 2, 1, False, None), (2, 3, 2, 4, 2, False, None), (2, 3, 3, 7, 2, True, None),
        (2, 2, 1, 6, 3, True, [4, 1]), (2, 2, 2, 5, 1, False, [0, 4, 4, 2]),
    ]:
        x, cos, sin = rand(b, l, heads * d), rand(5, half), rand(5, half)
        rows = torch.tensor(at or list(range(l))).repeat(b * l // len(at or range(l)))
        wide = lambda t: t[rows].repeat_interleave(2, -1) if pairs else t[rows].repeat(1, 2)
        part, rest = x.reshape(1, b * l, heads, d).transpose(1, 2).split([2 * half, d - 2 * half], -1)
        turned = part * wide(cos) + (rotate_every_two if pairs else rotate_half)(part) * wide(sin)
        y = torch.cat([turned, rest], -1)
        add("rope", y.transpose(1, 2).reshape(b, l, heads * d), {"heads": heads, "pairs": pairs},
            x=x, cos=cos, sin=sin, at=torch.tensor(at) if at else None)


def main():
    torch.manual_seed(3)
    for f in (linear, attention, norms, embed, patchify, elementwise, mean_pool, rope):
        f()
    os.makedirs(os.path.dirname(OUT), exist_ok=True)
    with open(OUT, "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
    print(len(cases), "cases,", os.path.getsize(OUT), "bytes")


if __name__ == "__main__":
    main()
