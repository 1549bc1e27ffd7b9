"""Elements: what every other file loads, stores and activates with.

Activations are float32 or bfloat16 in memory and float32 in registers. Which of the two
a tensor is, is a run-time flag (its `half` argument), not another kernel: the branch is
the same for a whole launch. Pointers are therefore typed *fp32 and cast.

Plain reference of activate(x, act), act as internal/tensor.Act counts:
    0 x   1 x/2·(1 + erf(x/√2))   2 x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³)))
    3 x·σ(1.702·x)   4 x·σ(x)   5 max(x, 0)

Written for triton 3.6.0.
"""

import triton
import triton.language as tl


@triton.jit
def load(p, at, mask, half):
    """float32 values of p[at], zero where mask is not."""
    if half != 0:
        v = tl.load(p.to(tl.pointer_type(tl.bfloat16)) + at, mask=mask, other=0.0).to(tl.float32)
    else:
        v = tl.load(p + at, mask=mask, other=0.0)
    return v


@triton.jit
def store(p, at, v, mask, half):
    """p[at] = v, rounded to the nearest if p is bfloat16."""
    if half != 0:
        tl.store(p.to(tl.pointer_type(tl.bfloat16)) + at, v.to(tl.bfloat16), mask=mask)
    else:
        tl.store(p + at, v, mask=mask)


@triton.jit
def activate(x, act):
    if act == 1:
        x = 0.5 * x * (1.0 + tl.erf(x * 0.7071067811865476))
    elif act == 2:
        u = 0.7978845608028654 * (x + 0.044715 * x * x * x)
        x = x * (1.0 - 1.0 / (tl.exp(2.0 * u) + 1.0))
    elif act == 3:
        x = x / (1.0 + tl.exp(-1.702 * x))
    elif act == 4:
        x = x / (1.0 + tl.exp(-x))
    elif act == 5:
        x = tl.where(x > 0, x, 0.0)
    return x


@triton.jit
def offset(row, stride):
    """The element that a row starts at, which may be past 2³¹."""
    return row.to(tl.int64) * stride
