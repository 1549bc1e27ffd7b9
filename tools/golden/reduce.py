"""Goldens of shortened sequences, vit/testdata/reduce/NAME.safetensors: python reduce.py TOME

TOME is a checkout of facebookresearch/ToMe (CC-BY-NC 4.0; nothing of it is copied here), whose matching and merging are run
between the attention and the MLP of folders that other scripts have made, as its patch of timm does. Pruning is EViT's
(arXiv 2202.07800, section 3) with its fused token.
"""
import math
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE] + [HERE]  # safetensors.py here must not hide the library

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, CLIPModel

ROOT = os.path.join(HERE, "..", "..")
OUT = os.path.join(ROOT, "vit", "testdata", "reduce")
CLIP = ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711])
CASES = {
    # name: folder, where its pixels are, merged a block, share that is kept (exact in float32)
    "clip-legacy": ("fusion/testdata/clip-legacy", "fusion/testdata/clip-legacy", 5, 0.5),
    "clip-odd-bf16": ("fusion/testdata/clip-odd-bf16", "fusion/testdata/clip-odd-bf16", 99, 0.25),
    "builtin": ("internal/builtin/search", None, 8, 0.625),
    "deit": ("vit/testdata/deit", "vit/testdata/deit", 2, 0.5),
}


def attention(heads, q, k, v, size):
    split = lambda t: t.unflatten(2, (heads, -1)).transpose(1, 2)
    q, k, v = split(q), split(k), split(v)
    a = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
    if size is not None:
        a = a + size.log()[:, None, None, :, 0]
    a = a.softmax(-1)
    return (a @ v).transpose(1, 2).flatten(2), k.mean(1), a


def prune(x, a, keep, lead):
    n = x.shape[1] - lead
    left = math.ceil(keep * n)
    p = a[:, :, 0, lead:].mean(1)  # (B, N)
    idx = p.topk(left, dim=1).indices.sort(dim=1).values
    rest = torch.ones_like(p).scatter(1, idx, 0) * p
    pick = x[:, lead:].gather(1, idx[..., None].expand(-1, -1, x.shape[2]))
    return torch.cat([x[:, :lead], pick, (x[:, lead:] * rest[..., None]).sum(1, keepdim=True)], 1)


def run(x, layers, parts, lead, merge, keep, tome):
    """The blocks of a tower: parts(layer, x) gives norm1, q, k, v, out, norm2, mlp."""
    size, n = None, len(layers)
    for i, layer in enumerate(layers):
        heads, norm1, q, k, v, out, norm2, mlp = parts(layer)
        h = norm1(x)
        y, metric, a = attention(heads, q(h), k(h), v(h), size)
        x = x + out(y)
        if merge:
            f, _ = tome.bipartite_soft_matching(metric, merge, lead > 0, lead > 1)
            x, size = tome.merge_wavg(f, x, size)
        elif i in (n // 4, n // 2, 3 * n // 4):
            x = prune(x, a, keep, lead)
        x = x + mlp(norm2(x))
    return x


def clip_parts(layer):
    a = layer.self_attn
    return a.num_heads, layer.layer_norm1, a.q_proj, a.k_proj, a.v_proj, a.out_proj, layer.layer_norm2, layer.mlp


def deit_parts(layer):
    names = dict(layer.named_modules())
    a = layer.attention
    inner = getattr(a, "attention", a)
    heads = inner.num_attention_heads
    pick = lambda *options: next(names[o] for o in options if o in names)
    q, k, v = (pick(f"attention.attention.{n}", f"attention.{n[0]}_proj") for n in ("query", "key", "value"))
    out = pick("attention.output.dense", "attention.o_proj", "attention.out_proj")
    if "mlp" in names:
        mlp = layer.mlp
    else:
        mlp = lambda x: names["output.dense"](layer.intermediate(x))
    return heads, layer.layernorm_before, q, k, v, out, layer.layernorm_after, mlp


def main():
    sys.path.insert(0, sys.argv[1])
    from tome import merge as tome

    os.makedirs(OUT, exist_ok=True)
    for name, (folder, source, r, keep) in CASES.items():
        path = os.path.join(ROOT, folder)
        clip = name != "deit"
        model = (CLIPModel if clip else AutoModel).from_pretrained(path, dtype=torch.float32, attn_implementation="eager").eval()
        if source:
            pixels = load_file(os.path.join(ROOT, source + ".safetensors"))["pixels"][:3]
        else:
            side = model.config.vision_config.image_size
            g = torch.Generator().manual_seed(5)
            coarse = torch.randint(0, 256, (3, 3, 9, 9), generator=g).float()
            pixels = torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic").round().clamp(0, 255).byte().permute(0, 2, 3, 1)
        mean, std = CLIP if clip else ([0.5] * 3, [0.5] * 3)
        if not clip:
            import json
            with open(os.path.join(path, "preprocessor_config.json")) as f:
                conf = json.load(f)
            mean, std = conf["image_mean"], conf["image_std"]
        x = pixels.permute(0, 3, 1, 2).float() / 255
        x = (x - torch.tensor(mean).view(1, 3, 1, 1)) / torch.tensor(std).view(1, 3, 1, 1)
        out = {"pixels": pixels.contiguous()}
        for what, merge, share in (("merge", r, 0), ("prune", 0, keep)):
            with torch.no_grad():
                if clip:
                    v = model.vision_model
                    h = run(v.pre_layrnorm(v.embeddings(x)), v.encoder.layers, clip_parts, 1, merge, share, tome)
                    y = model.visual_projection(v.post_layernorm(h[:, 0]))
                else:
                    layers = model.layers if hasattr(model, "layers") else model.encoder.layer
                    y = model.layernorm(run(model.embeddings(x), layers, deit_parts, 2, merge, share, tome)[:, 0])
            out[what] = y.contiguous()
            print(name, what, tuple(y.shape))
        out["settings"] = torch.tensor([r, keep], dtype=torch.float32)
        save_file(out, os.path.join(OUT, name + ".safetensors"))
        os.chmod(os.path.join(OUT, name + ".safetensors"), 0o644)


if __name__ == "__main__":
    main()
