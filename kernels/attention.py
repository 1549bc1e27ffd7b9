"""Attention: internal/tensor.Attention, exact, in one pass over the keys.

q, y (B, Lq, H·D), k, v (B, Lk, H/G·D), G query heads sharing a key head; paged: k, v
(pages, P, H/G·D) and pages (B, Lk/P). Rows lie ld elements apart.

Plain reference, for head h of sequence b and query i, over the keys j that it sees:
    s[j] = scale·q[b, i, h]·k[b, j, h/G] + log(sizes[b, j]) + bias[h, R + min(max(j − place, −R), R)]
    y[b, i, h] = Σ_j softmax(s)[j]·v[b, j, h/G], zeros if it sees none
It sees j < lens[b] and, causal, j ≤ i + last − Lq, last being Lk, or lens[b] if paged; its place is then i + last − Lq, else i.
With a window it sees of those j > place − window, and j < sinks, only.

Keys are taken in blocks of BN from key 0, with a running maximum and sum in float32 (as
FlashAttention, arXiv 2205.14135); probabilities are rounded to bfloat16 where v is. A block
that a row sees nothing of leaves the row's bits alone, so that results do not depend on what
else is in the tile, on padding or on pages. BM and BN depend on the dtype and DB alone, DB
being D's next power of two.

Written for triton 3.6.0.
"""

import triton
import triton.language as tl

from elements import offset, store


@triton.jit
def attention(q, k, v, y, lens, sizes, bias, pages, fault, heads, G, Lq, Lk, D, ldq, ldk, ldv, ldy, scale, causal, has_lens, has_sizes,
              has_bias, R, ldb, window, sinks, P, stored, half_y, PAGED: tl.constexpr, DB: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr):
    b = tl.program_id(2)
    h = tl.program_id(1)
    i = tl.program_id(0) * BM + tl.arange(0, BM)
    d = tl.arange(0, DB)
    rows = offset(b * Lq + i, ldq)
    tile = (i < Lq)[:, None] & (d < D)[None, :]
    a = tl.load(q + rows[:, None] + (h * D + d)[None, :], mask=tile, other=0.0)
    n = Lk
    if has_lens != 0:
        n = tl.minimum(tl.load(lens + b), Lk)
    last = Lk
    if PAGED:
        last = n
    seen = tl.full((BM,), 0, tl.int32) + n  # keys that a query sees
    place = i
    if causal != 0:
        place = i + last - Lq
        seen = tl.minimum(seen, place + 1)
    end = tl.max(tl.where(i < Lq, seen, 0), 0)
    top = tl.full((BM,), float("-inf"), tl.float32)
    total = tl.zeros((BM,), tl.float32)
    acc = tl.zeros((BM, DB), tl.float32)
    for j0 in range(0, end, BN):
        j = j0 + tl.arange(0, BN)
        if PAGED:
            page = tl.load(pages + b * (Lk // P) + j // P, mask=j < n, other=0)
            bad = (j < n) & ((page < 0) | (page >= stored))
            tl.atomic_max(fault + tl.zeros((BN,), tl.int32), 1, mask=bad)
            ok = (j < n) & (page >= 0) & (page < stored)
            at = page * P + j % P
        else:
            ok = j < n
            at = b * Lk + j
        block = ok[:, None] & (d < D)[None, :]
        column = ((h // G) * D + d)[None, :]
        kt = tl.load(k + offset(at, ldk)[:, None] + column, mask=block, other=0.0)
        s = tl.dot(a, tl.trans(kt), input_precision="ieee") * scale
        if has_sizes != 0:
            s += tl.log(tl.load(sizes + b * Lk + j, mask=j < Lk, other=1.0))[None, :]
        if has_bias != 0:
            far = tl.minimum(tl.maximum(j[None, :] - place[:, None], -R), R)
            s += tl.load(bias + h * ldb + R + far)
        sees = j[None, :] < seen[:, None]
        if window != 0:
            sees = sees & ((j[None, :] > place[:, None] - window) | (j[None, :] < sinks))
        s = tl.where(sees, s, float("-inf"))
        new = tl.maximum(top, tl.max(s, 1))
        base = tl.where(new == float("-inf"), 0.0, new)
        p = tl.exp(s - base[:, None])
        keep = tl.exp(top - base)
        total = total * keep + tl.sum(p, 1)
        vt = tl.load(v + offset(at, ldv)[:, None] + column, mask=block, other=0.0)
        acc = tl.dot(p.to(vt.dtype), vt, acc * keep[:, None], input_precision="ieee")
        top = new
    acc = acc / tl.where(total > 0, total, 1.0)[:, None]
    store(y, offset(b * Lq + i, ldy)[:, None] + (h * D + d)[None, :], acc, tile, half_y)
