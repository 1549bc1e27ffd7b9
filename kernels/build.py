"""Builds the kernels: cubins for sm_80, sm_89 and sm_90a, PTX for compute_80, and the manifest.

    python3 -m venv /tmp/kernels && /tmp/kernels/bin/pip install -r kernels/requirements.txt
    /tmp/kernels/bin/python kernels/build.py          # writes kernels/*.zip and kernels/manifest.json
    /tmp/kernels/bin/python kernels/build.py --check  # builds and compares with what is committed

No card is needed. The result depends on the sources and the pinned versions alone, byte for byte.
"""

import argparse
import hashlib
import io
import json
import os
import pathlib
import re
import sys
import zipfile
os.environ["TRITON_DISABLE_LINE_INFO"] = "1"
from concurrent.futures import ProcessPoolExecutor

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

import attention
import linear
import places
import rows

HERE = pathlib.Path(__file__).parent
TRITON = "3.6.0"
TARGETS = {"sm_80": 80, "sm_89": 89, "sm_90a": 90}  # the PTX is sm_80's
TYPES = {"p": "*fp32", "b": "*bf16", "h": "*fp16", "c": "*i8", "u": "*u8", "n": "*i32", "i": "i32", "f": "fp32"}


class Kernel:
    """A kernel of a source with its constants. args are name:type pairs; `aligned` names those that are
    promised to be multiples of 16 (bytes of an address, or a number)."""

    def __init__(self, name, fn, args, constants, warps, stages, aligned=()):
        self.name, self.fn, self.constants, self.warps, self.stages = name, fn, constants, warps, stages
        self.args = [a.split(":") for a in args.split()]
        self.args = [(n, TYPES[t]) for n, t in self.args]
        self.aligned = [n for n, _ in self.args if n in aligned]
        names = [n for n, _ in self.args] + list(constants)
        assert names == fn.arg_names, (name, names, fn.arg_names)

    def compile(self, capability):
        signature = dict(self.args) | {c: "constexpr" for c in self.constants}
        attrs = {(i,): [["tt.divisibility", 16]] for i, (n, _) in enumerate(self.args) if n in self.aligned}
        src = ASTSource(self.fn, signature, constexprs=self.constants, attrs=attrs)
        return triton.compile(src, target=GPUTarget("cuda", capability, 32), options={"num_warps": self.warps, "num_stages": self.stages})


def linears():
    # kind: type of x in memory, of w, tiles (BM, BN, BK, warps, stages)
    small, big = (64, 64, 64, 4, 3), (128, 128, 64, 8, 3)
    for kind, x, w, tiles in [("f32", "p", "p", [(64, 64, 32, 8, 2)]), ("f32", "b", "p", [(64, 64, 32, 8, 2)]),
                              ("f16", "p", "h", [(64, 64, 32, 8, 2)]), ("f16", "b", "h", [(64, 64, 32, 8, 2)]),
                              ("bf16", "p", "b", [small, big]), ("bf16", "b", "b", [small, big]),
                              ("i8", "c", "c", [small, big]), ("i4", "p", "u", [small]), ("i4", "b", "u", [small])]:
        for bm, bn, bk, warps, stages in tiles:
            for aligned in (False, True):
                yield Kernel(f"linear_{kind}_{dict(p='f32', b='bf16', c='i8')[x]}_{bm}x{bn}" + "_aligned" * aligned, linear.linear,
                             f"x:{x} xs:p w:{w} ws:p bias:p res:p y:p M:i N:i K:i ldx:i ldw:i group:i ldr:i R:i ldy:i act:i has_bias:i half_res:i half_y:i",
                             dict(KIND=kind, BM=bm, BN=bn, BK=bk, GROUP=8), warps, stages,
                             ("x", "w", "ws", "bias", "res", "y", "N", "K", "ldx", "ldw", "ldr", "ldy") if aligned else ("w", "ldw"))


def attentions():
    for name, t, blocks in [("f32", "p", {32: (32, 32, 4), 64: (32, 32, 4), 128: (32, 32, 8), 256: (32, 32, 8)}),
                            ("bf16", "b", {32: (64, 64, 4), 64: (64, 64, 4), 128: (64, 64, 4), 256: (64, 32, 8)})]:
        for db, (bm, bn, warps) in blocks.items():
            for paged in (0, 1):
                for aligned in (False, True)[: 1 + (t == "b")]:
                    yield Kernel(f"attention_{name}_{db}" + "_paged" * paged + "_aligned" * aligned, attention.attention,
                                 f"q:{t} k:{t} v:{t} y:p lens:n sizes:p bias:p pages:n fault:n heads:i G:i Lq:i Lk:i D:i ldq:i ldk:i ldv:i ldy:i scale:f causal:i "
                                 "has_lens:i has_sizes:i has_bias:i R:i ldb:i window:i sinks:i P:i stored:i half_y:i",
                                 dict(PAGED=paged, DB=db, BM=bm, BN=bn), warps, 2,
                                 ("q", "k", "v", "y", "D", "ldq", "ldk", "ldv", "ldy") + ("P",) * paged if aligned else ())


def others():
    bc = dict(BC=1024)
    yield Kernel("norm", rows.norm, "x:p w:p b:p y:p C:i ldx:i ldy:i eps:f centred:i has_w:i has_b:i half_x:i half_y:i", bc, 4, 2)
    yield Kernel("normalize", rows.normalize, "x:p y:p C:i ldx:i ldy:i eps:f", bc, 4, 2)
    yield Kernel("unary", rows.unary, "x:p y:p C:i ldx:i ldy:i act:i half_x:i half_y:i", bc, 4, 2)
    yield Kernel("glu", rows.glu, "x:p y:p C:i ldx:i ldy:i act:i half_x:i half_y:i", bc, 4, 2)
    yield Kernel("quantize", rows.quantize, "x:p y:c s:p C:i ldx:i ldy:i half_x:i", bc, 4, 2)
    yield Kernel("embed", places.embed, "table:p ids:n add:p y:p fault:n C:i V:i ldt:i A:i lda:i ldy:i half_t:i half_y:i", bc, 4, 2)
    yield Kernel("scatter", places.scatter, "x:p at:n y:p fault:n C:i V:i ldx:i ldy:i half_x:i half_y:i", bc, 4, 2)
    yield Kernel("rope", places.rope, "x:p cos:p sin:p at:n y:p fault:n L:i A:i T:i heads:i D:i R:i ldx:i ldc:i lds:i ldy:i interleaved:i half_x:i half_y:i",
                 dict(BC=256), 4, 2)
    yield Kernel("patchify", places.patchify, "x:p y:p H:i GW:i GH:i P:i lead:i ldx:i ldy:i scale0:f scale1:f scale2:f shift0:f shift1:f shift2:f bytes:i half_y:i",
                 bc, 4, 2)
    yield Kernel("meanpool", places.meanpool, "x:p lens:n sizes:p y:p C:i L:i lead:i ldx:i ldy:i has_lens:i has_sizes:i half_x:i", dict(BC=128), 4, 2)


def kernels():
    return [*linears(), *attentions(), *others()]


def build(i):
    """One kernel for every target: its row of the manifest, its binaries, its PTX."""
    k = kernels()[i]
    row = dict(name=k.name, entry=k.fn.__name__, constants=k.constants, warps=k.warps, stages=k.stages,
               args=[dict(name=n, type=t) | (dict(aligned=True) if n in k.aligned else {}) for n, t in k.args], targets={})
    files = {}
    for target, capability in TARGETS.items():
        c = k.compile(capability)
        m = c.metadata
        assert m.global_scratch_size == 0 and m.profile_scratch_size == 0 and m.num_ctas == 1, k.name
        files[target] = c.asm["cubin"]
        row["targets"][target] = dict(shared=m.shared, sha256=hashlib.sha256(files[target]).hexdigest())
        if target == "sm_80":
            ptx = re.sub(r"^\s*\.(loc|file).*\n", "", c.asm["ptx"], flags=re.M)
            files["compute_80"] = re.split(r"^\s*\.section\s+\.debug", ptx, flags=re.M)[0].encode()
            row["targets"]["compute_80"] = dict(shared=m.shared, sha256=hashlib.sha256(files["compute_80"]).hexdigest())
    return row, files


def archive(files):
    """A zip of which nothing depends on when and where it was made."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        for name, data in files:
            z.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED, 9)
    return out.getvalue()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--check", action="store_true", help="compare with what is committed, write nothing")
    p.add_argument("--jobs", type=int, default=2)
    o = p.parse_args()
    assert triton.__version__ == TRITON, f"triton {triton.__version__}, pinned is {TRITON}"
    with ProcessPoolExecutor(o.jobs) as pool:
        built = list(pool.map(build, range(len(kernels()))))
    manifest = dict(triton=TRITON, sources={s: hashlib.sha256((HERE / s).read_bytes()).hexdigest() for s in sorted(f.name for f in HERE.glob("*.py") if f.name != "check.py")},
                    kernels=[row for row, _ in built])
    new = {"manifest.json": (json.dumps(manifest, indent=1) + "\n").encode()}
    for target in [*TARGETS, "compute_80"]:
        new[target + ".zip"] = archive((row["name"], files[target]) for row, files in built)
    wrong = [n for n, data in new.items() if not (HERE / n).exists() or (HERE / n).read_bytes() != data]
    print(f"{len(built)} kernels, {sum(map(len, new.values())) / 1e6:.1f} MB; other than committed: {wrong or 'nothing'}")
    if o.check:
        sys.exit(bool(wrong))
    for n, data in new.items():
        (HERE / n).write_bytes(data)


if __name__ == "__main__":
    main()
