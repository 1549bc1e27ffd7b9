"""Linear: y = act(x·wᵀ + bias) + res, internal/tensor.Linear.

x (M, K), w (N, K) as the backend packs it (K padded with zeros to a multiple of 128),
y (M, N), res (R, N) with row r of y taking row r mod R. Rows lie ld elements apart.

Plain reference:
    y[m, n] = act(Σ_k x[m, k]·w[n, k] + bias[n]) + res[m mod R, n]
with x and w as KIND says:
    f32   as they are, multiplied in float32 (no TF32)
    f16   w is float16, else as f32
    bf16  x rounded to bfloat16, w bfloat16
    i8    x int8 with a scale a row (rows.py quantize), w int8 with a scale a row of w
    i4    x rounded to bfloat16, w two to a byte, the even k in the low half, 8 added, times
          a scale a row and group of k, rounded to bfloat16

Sums are in float32 (int32 for i8), in steps of BK from k = 0, and never split: what a row
of y is does not depend on M. BK depends on KIND alone. All tiles of a kind have 64 rows or
more, so that Hopper uses wgmma for each.

Written for triton 3.6.0: tl.dot of float32 with input_precision "ieee" is done by FMAs.
"""

import triton
import triton.language as tl

from elements import activate, load, offset, store


@triton.jit
def weights(w, ws, n, k, N, ldw, group, KIND: tl.constexpr):
    """(BK, BN) of w, in what the tile multiplies."""
    row = offset(n, ldw)
    if KIND == "i4":
        b = tl.load(w + row[None, :] + (k // 2)[:, None], mask=(n < N)[None, :], other=0)
        q = ((b.to(tl.int32) >> ((k & 1) * 4)[:, None]) & 15) - 8
        s = tl.load(ws + offset(n, ldw * 2 // group)[None, :] + (k // group)[:, None], mask=(n < N)[None, :], other=0.0)
        t = (q.to(tl.float32) * s).to(tl.bfloat16)
    else:
        t = tl.load(w + row[None, :] + k[:, None], mask=(n < N)[None, :], other=0)
        if KIND == "f16":
            t = t.to(tl.float32)
    return t


@triton.jit
def linear(x, xs, w, ws, bias, res, y, M, N, K, ldx, ldw, group, ldr, R, ldy, act, has_bias, half_res, half_y,
           KIND: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr):
    # GROUP tiles down before the next column, so that the second-level cache keeps the weights' panel.
    pid = tl.program_id(0)
    tiles_m, tiles_n = tl.cdiv(M, BM), tl.cdiv(N, BN)
    band = pid // (GROUP * tiles_n)
    tall = tl.minimum(tiles_m - band * GROUP, GROUP)
    inside = pid % (GROUP * tiles_n)
    m = (band * GROUP + inside % tall) * BM + tl.arange(0, BM)
    n = (inside // tall) * BN + tl.arange(0, BN)
    k = tl.arange(0, BK)
    row = offset(m, ldx)
    if KIND == "i8":
        acc = tl.zeros((BM, BN), tl.int32)
    else:
        acc = tl.zeros((BM, BN), tl.float32)
    for k0 in range(0, K, BK):
        at = k0 + k
        a = tl.load(x + row[:, None] + at[None, :], mask=(m < M)[:, None] & (at < K)[None, :], other=0)
        b = weights(w, ws, n, at, N, ldw, group, KIND)
        if KIND == "i8":
            acc = tl.dot(a, b, acc, out_dtype=tl.int32)
        elif KIND == "bf16" or KIND == "i4":
            acc = tl.dot(a.to(tl.bfloat16), b, acc)
        else:
            acc = tl.dot(a.to(tl.float32), b, acc, input_precision="ieee")
    inside_n = n < N
    v = acc.to(tl.float32)
    if KIND == "i8":
        v *= tl.load(xs + m, mask=m < M, other=0.0)[:, None] * tl.load(ws + n, mask=inside_n, other=0.0)[None, :]
    if has_bias != 0:
        v += tl.load(bias + n, mask=inside_n, other=0.0)[None, :]
    v = activate(v, act)
    mask = (m < M)[:, None] & inside_n[None, :]
    if R > 0:
        v += load(res, offset(m % R, ldr)[:, None] + n[None, :], mask, half_res)
    store(y, offset(m, ldy)[:, None] + n[None, :], v, mask, half_y)
