"""The goldens that emblem carries with it, one a family: python certificate.py [NAME...]

A golden is internal/certificate/goldens/NAME.zip: a model's folder but for its weights, which a formula makes, and what
the reference library makes of them. The generators of the tests' goldens do the work: each is run for one case, with
weights by the formula, and a second time with a last linear layer that shows what goes into it. A new family is a new
line in GOLDENS.
"""
import glob
import importlib.util
import json
import os
import re
import shutil
import sys
import tempfile
import zipfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE]  # files here must not hide the libraries

import numpy as np
import safetensors.torch
import timm  # before this directory is on the path
import torch
from PIL import Image

sys.path.append(HERE)
import towers
import vit

OUT = os.path.join(HERE, "..", "..", "internal", "certificate", "goldens")

GOLDENS = {
    # family, or one kind of it: generator, its case
    "clip": ("clip", "clip-odd-bf16"),
    "metaclip_2": ("metaclip2", "metaclip2"),
    "siglip": ("siglip", "siglip-72"),
    "siglip.gemma": ("siglip2", "siglip2-fixed"),
    "siglip2": ("siglip2", "siglip2-naflex"),
    "open_clip": ("openclip", "openclip-quick-squash"),
    "open_clip.clipa": ("openclip_towers", "openclip-clipa"),
    "open_clip.coca": ("openclip_towers", "openclip-coca"),
    "open_clip.xlmr": ("openclip_towers", "openclip-xlmr"),
    "M-CLIP": ("mclip", "towers/mclip"),
    "vit": ("vit", "vit"),
    "vit.head": ("vit", "vit-head"),
    "vit_msn": ("vit", "vit-msn"),
    "deit": ("vit", "deit"),
    "ijepa": ("vit", "ijepa"),
    "dinov2": ("dinov2", "dinov2"),
    "dinov2.giant": ("dinov2", "dinov2-giant"),
    "dinov2_with_registers": ("dinov2", "dinov2-registers"),
    "vit_mae": ("mae", "mae"),
    "timm": ("timm", "timm-vit"),
    "timm.siglip": ("timm", "timm-siglip"),
    "timm.dinov2": ("timm", "timm-dinov2"),
    "timm.dinov3": ("timm", "timm-dinov3"),
    "timm.eva02": ("timm", "timm-eva02"),
    "timm.pe-core": ("timm", "timm-pe-core"),
    "jina_clip": ("jina", "jina-clip"),
    "imagebind": ("imagebind", "imagebind"),  # wants the checkouts of imagebind.py, as IMAGEBIND and PYTORCHVIDEO
}

# The last linear layers: what pooling makes goes through them into the space of pictures and texts.
LAST = re.compile(
    r"(visual_projection|text_projection|text\.text_projection|text_model\.head|visual\.head\.proj|text\.proj|text\.proj\.2"
    r"|LinearTransformation|modality_heads\.(vision\.2|text\.proj\.1))"
    r"\.(weight|bias)|visual\.proj|text_projection|text\.text_projection"
)
ROWS = 6  # texts that are encoded; all are tokenized


class Formula:
    """Weights that a few numbers describe: centre + k/2^shift, k from torch's generator, a bf16 or an f16 each."""

    def __init__(self, show):
        self.show, self.known = show, {}

    def fill(self, model, _seed):
        with torch.no_grad():
            for i, (name, p) in enumerate(sorted(model.named_parameters()), 1):
                if self.show and LAST.fullmatch(name):
                    p.copy_(torch.eye(*p.shape) if p.ndim == 2 else torch.zeros(p.shape))
                    continue
                row = dict(seed=i, **self.how(name, p))
                k = torch.floor(torch.rand(p.numel(), generator=torch.Generator().manual_seed(i)) * 2 ** row["bits"]) - 2 ** row["bits"] // 2
                p.copy_((row["centre"] + k / 2 ** row["shift"]).reshape(p.shape))
                self.known[digest(p)] = row

    @staticmethod
    def how(name, p):
        """As towers.randomise and vit.randomise: every part matters."""
        if "logit_scale" in name or "logit_bias" in name:
            return dict(centre=3.0 if "scale" in name else -3.0, bits=0, shift=0)
        if "lambda1" in name or "gamma" in name:
            return dict(centre=0.75, bits=6, shift=7)
        if p.ndim == 1 and ("norm" in name or "ln_" in name) and name.endswith("weight"):
            return dict(centre=1.0, bits=6, shift=7)
        if "token" in name or "pos_embed" in name or "embedding" in name and "patch" not in name or "probe" in name or "latent" in name:
            return dict(centre=0.0, bits=8, shift=7)
        if p.ndim < 2:
            return dict(centre=0.0, bits=8, shift=8)
        fan = p[0].numel() if not name.endswith(("proj", "text_projection")) else p.shape[0]
        fan = p.shape[-1] if "lora" in name else fan  # one adapter of several
        return dict(centre=0.0, bits=8, shift=round(np.log2(74 * fan**0.5 / 1.2)))

    def tensors(self, folder):
        """How each tensor of a folder is made, and those that no formula makes."""
        rows, rest = [], {}
        for path in sorted(glob.glob(os.path.join(folder, "*.safetensors"))):
            for name, p in safetensors.torch.load_file(path).items():
                if name.endswith(".mask"):  # ImageBind's, which is no parameter
                    continue
                row = self.known.get(digest(p))
                if row is None:
                    rest[name] = p.contiguous()
                else:
                    rows.append(dict(name=name, shape=list(p.shape), **row))
        return sorted(rows, key=lambda r: r["name"]), rest


def digest(p):
    return p.detach().float().numpy().tobytes()


def picture(w, h):
    """A picture that arithmetic makes: slopes, hard edges, and something of every size."""
    y, x = np.mgrid[0:h, 0:w]
    return Image.fromarray(np.stack([(x * (7 + c) + y * (13 - 2 * c) + x * y // (5 + c)) % 256 for c in range(3)], axis=2).astype(np.uint8))


PICTURES = {"wide": (131, 87), "small": (33, 50)}


class Run:
    """One run of a generator: where it writes, and what it found."""

    def __init__(self, module, case, show):
        self.formula, self.pixels, self.found = Formula(show), [], {}
        with tempfile.TemporaryDirectory() as root:
            shutil.copytree(os.path.join(towers.HERE, "..", "..", "fusion", "testdata", "clip-legacy"), os.path.join(root, "clip-legacy"))
            self.patch(module, case, root)
            (module.goldens if hasattr(module, "goldens") else module.main)()
            folder = os.path.join(root, case)
            self.files = {os.path.relpath(f, folder): open(f, "rb").read() for f in sorted(glob.glob(folder + "/**", recursive=True)) if os.path.isfile(f)}
            self.files = {k: v for k, v in self.files.items() if ".safetensors" not in k}
            if not show:
                self.tensors, self.rest = self.formula.tensors(folder)

    def patch(self, module, case, root):
        towers.ROOT = vit.ROOT = root
        towers.randomise = vit.randomise = self.formula.fill
        towers.pictures = lambda: None
        towers.PICTURES = os.path.join(root, "pictures")
        os.makedirs(towers.PICTURES)
        for name, size in PICTURES.items():
            picture(*size).save(os.path.join(towers.PICTURES, name), "png")
        towers.open_pictures = lambda: (list(PICTURES), [picture(*size) for size in PICTURES.values()])
        towers.to_uint8 = self.to_uint8
        towers.write = lambda name, names, pixels, texts, ids, image, text, logits, meta={}, **more: self.write(
            texts=texts, ids=ids, image=image, text=text[:ROWS], scores=logits[:, :ROWS])
        vit.write = lambda name, names, pixels, labels=None, **arrays: self.write(labels=labels, **arrays)
        for idle in ("timm_towers", "sizes", "eva_shapes"):
            if hasattr(module, idle):
                setattr(module, idle, lambda: None)
        if hasattr(module, "CASES"):
            module.CASES = {case: CASES[module.__name__][case]}

    def to_uint8(self, *args):
        px = TO_UINT8(*args)
        self.pixels += [p for p in px]
        return px

    def write(self, **found):
        self.found = {k: v for k, v in found.items() if v is not None}


TO_UINT8 = towers.to_uint8
CASES = {}


def load(name):
    if name == "vit":
        CASES[vit.__name__] = CASES.get(vit.__name__) or dict(vit.CASES)
        return vit
    if name == "imagebind":
        sys.argv[1:] = os.environ["IMAGEBIND"], os.environ["PYTORCHVIDEO"]
    spec = importlib.util.spec_from_file_location("golden_" + name, os.path.join(HERE, name + ".py"))
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    CASES[module.__name__] = dict(getattr(module, "CASES", {}))
    return module


def golden(name, generator, case):
    module = load(generator)
    run, shown = Run(module, case, False), Run(module, case, True)
    f = run.found
    if "own" not in f and "text" not in f:
        f["own"] = f["mean" if name == "ijepa" else "cls"]
    arrays = {k: v for k, v in f.items() if isinstance(v, torch.Tensor) and k not in ("cls", "mean")}
    arrays["image"] = arrays.pop("own", arrays.get("image"))
    if "painted" in arrays:  # a few patches show the decoder
        arrays["painted"] = arrays["painted"][0, :8]
    arrays.pop("loss", None)
    for kind in ("image", "text"):
        if kind in shown.found and not torch.equal(shown.found[kind][: len(arrays[kind])], arrays[kind]):
            row = shown.found[kind][: len(arrays[kind])]
            arrays[kind + "_features"] = row[:, : row.any(dim=0).nonzero().max() + 1]  # the layer may be wider than what goes into it
    if not run.pixels:  # it knows texts only
        arrays.pop("image", None), arrays.pop("scores", None)
        arrays.pop("image_features", None)
    for i, p in enumerate(run.pixels):
        arrays[f"pixels.{i}"] = p
    meta = dict(generator=f"{generator}.py", case=case, texts=f.get("texts", []), ids=f.get("ids", []), tensors=run.tensors)
    run.files["golden.weights"] = safetensors.torch.save(run.rest)
    write(name, run.files, meta, {k: v.contiguous() if v.dtype == torch.uint8 else v.float().contiguous() for k, v in arrays.items()})


def write(name, files, meta, arrays):
    """Writes a golden, the same bytes every time."""
    path = os.path.join(OUT, name + ".zip")
    files = dict(files, **{"golden.json": json.dumps(meta, ensure_ascii=False).encode(), "golden.safetensors": safetensors.torch.save(arrays)})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        for file, data in sorted(files.items()):
            z.writestr(zipfile.ZipInfo(file), data, zipfile.ZIP_DEFLATED)
    elements = sum(int(np.prod(t["shape"])) for t in meta["tensors"])
    print(f"{name}: {os.path.getsize(path) / 1000:.1f} kB, {elements} weights,", {k: list(v.shape) for k, v in arrays.items()})


if __name__ == "__main__":
    os.makedirs(OUT, exist_ok=True)
    for name in list(sys.argv[1:] or GOLDENS):
        golden(name, *GOLDENS[name])
