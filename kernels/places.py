"""Places: ops that move rows, or elements within them, to where they belong.

Plain references:
    embed     y[i] = table[ids[i]] + add[i mod A]; an id outside 0..V − 1 sets the fault
    scatter   y[at[i]] = x[i]; a place outside 0..V − 1 sets the fault, its row is not written
    rope      pair i of each head, (a, b), becomes (a·c − b·s, b·c + a·s) with c = cos[p, i], s = sin[p, i]; p = at[r mod A],
              or r mod L; the pair is columns i and i + R, interleaved 2i and 2i + 1; other columns are copied; p outside
              0..T − 1 sets the fault
    patchify  y[b, lead + row·gw + col, (py·P + px)·3 + c] = x[b, row·P + py, (col·P + px)·3 + c]·scale[c] + shift[c],
              the first lead rows zero
    meanpool  y[b] = Σ x[b, l]·sizes[b, l]/Σ sizes[b, l] over l from lead to lens[b]

The fault is a word that the host reads when it waits: 1 says that an index was outside.

Written for triton 3.6.0.
"""

import triton
import triton.language as tl

from elements import load, offset, store


@triton.jit
def embed(table, ids, add, y, fault, C, V, ldt, A, lda, ldy, half_t, half_y, BC: tl.constexpr):
    row = tl.program_id(0)
    c = tl.program_id(1) * BC + tl.arange(0, BC)
    id = tl.load(ids + row)
    ok = (id >= 0) & (id < V)
    tl.atomic_max(fault, 1, mask=ok == 0)
    v = load(table, offset(id, ldt) + c, (c < C) & ok, half_t)
    if A > 0:
        v += tl.load(add + offset(row % A, lda) + c, mask=c < C, other=0.0)
    store(y, offset(row, ldy) + c, v, c < C, half_y)


@triton.jit
def scatter(x, at, y, fault, C, V, ldx, ldy, half_x, half_y, BC: tl.constexpr):
    row = tl.program_id(0)
    c = tl.program_id(1) * BC + tl.arange(0, BC)
    to = tl.load(at + row)
    ok = (to >= 0) & (to < V)
    tl.atomic_max(fault, 1, mask=ok == 0)
    v = load(x, offset(row, ldx) + c, c < C, half_x)
    store(y, offset(to, ldy) + c, v, (c < C) & ok, half_y)


@triton.jit
def rope(x, cos, sin, at, y, fault, L, A, T, heads, D, R, ldx, ldc, lds, ldy, interleaved, half_x, half_y, BC: tl.constexpr):
    row = tl.program_id(0)
    p = row % L
    if A > 0:
        p = tl.load(at + row % A)
    ok = (p >= 0) & (p < T)
    tl.atomic_max(fault, 1, mask=ok == 0)
    x0, y0 = offset(row, ldx), offset(row, ldy)
    c = tl.arange(0, BC)
    for first in range(0, heads * R, BC):
        j = first + c
        mask = (j < heads * R) & ok
        i = j % R
        a = (j // R) * D + i
        b = a + R
        if interleaved != 0:
            a = a + i
            b = a + 1
        va, vb = load(x, x0 + a, mask, half_x), load(x, x0 + b, mask, half_x)
        vc = tl.load(cos + offset(p, ldc) + i, mask=mask, other=0.0)
        vs = tl.load(sin + offset(p, lds) + i, mask=mask, other=0.0)
        store(y, y0 + a, va * vc - vb * vs, mask, half_y)
        store(y, y0 + b, vb * vc + va * vs, mask, half_y)
    rest = D - 2 * R
    for first in range(0, heads * rest, BC):
        j = first + c
        at_c = (j // rest) * D + 2 * R + j % rest
        mask = j < heads * rest
        store(y, y0 + at_c, load(x, x0 + at_c, mask, half_x), mask, half_y)


@triton.jit
def patchify(x, y, H, GW, GH, P, lead, ldx, ldy, scale0, scale1, scale2, shift0, shift1, shift2, bytes, half_y, BC: tl.constexpr):
    row = tl.program_id(0)
    j = tl.program_id(1) * BC + tl.arange(0, BC)
    per = lead + GW * GH
    b = row // per
    patch = row % per - lead
    inside = (patch >= 0) & (j < P * P * 3)
    py, px, c = j // (3 * P), j // 3 % P, j % 3
    at = offset(b * H + patch // GW * P + py, ldx) + (patch % GW * P + px) * 3 + c
    if bytes != 0:
        v = tl.load(x.to(tl.pointer_type(tl.uint8)) + at, mask=inside, other=0).to(tl.float32)
    else:
        v = tl.load(x + at, mask=inside, other=0.0)
    v = v * tl.where(c == 0, scale0, tl.where(c == 1, scale1, scale2)) + tl.where(c == 0, shift0, tl.where(c == 1, shift1, shift2))
    store(y, offset(row, ldy) + j, tl.where(inside, v, 0.0), j < P * P * 3, half_y)


@triton.jit
def meanpool(x, lens, sizes, y, C, L, lead, ldx, ldy, has_lens, has_sizes, half_x, BC: tl.constexpr):
    b = tl.program_id(0)
    c = tl.program_id(1) * BC + tl.arange(0, BC)
    end = L
    if has_lens != 0:
        end = tl.minimum(tl.load(lens + b), L)
    acc = tl.zeros((BC,), tl.float32)
    total = 0.0
    for l in range(lead, end):
        n = 1.0
        if has_sizes != 0:
            n = tl.load(sizes + b * L + l)
        acc += load(x, offset(b * L + l, ldx) + c, c < C, half_x) * n
        total += n
    tl.store(y + offset(b, ldy) + c, acc / tl.where(total > 0, total, 1.0), mask=c < C)
