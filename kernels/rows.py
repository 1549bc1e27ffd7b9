"""Rows: ops whose rows are computed each by itself, one program a row (and block of columns).

Plain references, x (rows, C) and y (rows, C):
    norm       y = (x − μ)/√(mean((x − μ)²) + eps)·w + b; μ is the mean if centred, else 0
    normalize  y = x/max(‖x‖, eps), summed in float64: results are held to 1e-7
    unary      y = act(x)
    glu        y = act(x[:, :C])·x[:, C:], x (rows, 2C)
    quantize   s = max|x|/127, or 1 if that is 0; y = x/s to the nearest int8, ties to even; columns from C to
               ldy are zero

y may be x, except for glu and quantize. w and b are none where their flag is 0.
Sums go over blocks of BC columns, then over what each position of a block has: an order that C alone decides.

Written for triton 3.6.0.
"""

import triton
import triton.language as tl

from elements import activate, load, offset, store


@triton.jit
def norm(x, w, b, y, C, ldx, ldy, eps, centred, has_w, has_b, half_x, half_y, BC: tl.constexpr):
    row = tl.program_id(0)
    x0, y0 = offset(row, ldx), offset(row, ldy)
    c = tl.arange(0, BC)
    mean = 0.0
    if centred != 0:
        sums = tl.zeros((BC,), tl.float32)
        for at in range(0, C, BC):
            sums += load(x, x0 + at + c, at + c < C, half_x)
        mean = tl.sum(sums, 0) / C
    squares = tl.zeros((BC,), tl.float32)
    for at in range(0, C, BC):
        v = tl.where(at + c < C, load(x, x0 + at + c, at + c < C, half_x) - mean, 0.0)
        squares += v * v
    by = 1.0 / tl.sqrt_rn(tl.sum(squares, 0) / C + eps)
    for at in range(0, C, BC):
        mask = at + c < C
        v = (load(x, x0 + at + c, mask, half_x) - mean) * by
        if has_w != 0:
            v *= tl.load(w + at + c, mask=mask, other=0.0)
        if has_b != 0:
            v += tl.load(b + at + c, mask=mask, other=0.0)
        store(y, y0 + at + c, v, mask, half_y)


@triton.jit
def normalize(x, y, C, ldx, ldy, eps, BC: tl.constexpr):
    row = tl.program_id(0)
    x0, y0 = offset(row, ldx), offset(row, ldy)
    c = tl.arange(0, BC)
    squares = tl.zeros((BC,), tl.float64)
    for at in range(0, C, BC):
        v = tl.load(x + x0 + at + c, mask=at + c < C, other=0.0).to(tl.float64)
        squares += v * v
    length = tl.maximum(tl.sqrt(tl.sum(squares, 0)), eps)
    for at in range(0, C, BC):
        mask = at + c < C
        v = tl.load(x + x0 + at + c, mask=mask, other=0.0).to(tl.float64) / length
        tl.store(y + y0 + at + c, v.to(tl.float32), mask=mask)


@triton.jit
def unary(x, y, C, ldx, ldy, act, half_x, half_y, BC: tl.constexpr):
    row = tl.program_id(0)
    c = tl.program_id(1) * BC + tl.arange(0, BC)
    v = activate(load(x, offset(row, ldx) + c, c < C, half_x), act)
    store(y, offset(row, ldy) + c, v, c < C, half_y)


@triton.jit
def glu(x, y, C, ldx, ldy, act, half_x, half_y, BC: tl.constexpr):
    row = tl.program_id(0)
    c = tl.program_id(1) * BC + tl.arange(0, BC)
    x0 = offset(row, ldx)
    v = activate(load(x, x0 + c, c < C, half_x), act) * load(x, x0 + C + c, c < C, half_x)
    store(y, offset(row, ldy) + c, v, c < C, half_y)


@triton.jit
def quantize(x, y, s, C, ldx, ldy, half_x, BC: tl.constexpr):
    row = tl.program_id(0)
    x0, y0 = offset(row, ldx), offset(row, ldy)
    c = tl.arange(0, BC)
    tops = tl.zeros((BC,), tl.float32)
    for at in range(0, C, BC):
        tops = tl.maximum(tops, tl.abs(load(x, x0 + at + c, at + c < C, half_x)))
    step = tl.max(tops, 0) / 127.0
    step = tl.where(step > 0, step, 1.0)
    tl.store(s + row, step)
    for at in range(0, ldy, BC):
        v = load(x, x0 + at + c, at + c < C, half_x) / step
        q = (v + 12582912.0) - 12582912.0  # 1.5·2²³: its unit in the last place is one
        q = tl.minimum(tl.maximum(q, -127.0), 127.0)
        tl.store(y + y0 + at + c, q.to(tl.int8), mask=at + c < ldy)
