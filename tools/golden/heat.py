"""Goldens of patch vectors, fusion/testdata/heat/NAME.safetensors, of folders that clip.py, siglip.py and openclip_towers.py have made: python heat.py"""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE] + [HERE]  # safetensors.py here must not hide the library

import torch
from open_clip.model import CustomTextCLIP
from safetensors.torch import load_file, save_file
from timm.layers import apply_rot_embed_cat
from transformers import AutoModel

import openclip
import openclip_towers
import towers

ROOT = os.path.join(HERE, "..", "..", "fusion", "testdata")
MEAN = {"clip": [0.48145466, 0.4578275, 0.40821073], "siglip": [0.5, 0.5, 0.5]}
STD = {"clip": [0.26862954, 0.26130258, 0.27577711], "siglip": [0.5, 0.5, 0.5]}


def normalised(pixels, family):
    x = pixels.permute(0, 3, 1, 2).float() / 255
    return (x - torch.tensor(MEAN[family]).view(1, 3, 1, 1)) / torch.tensor(STD[family]).view(1, 3, 1, 1)


def clip(model, x):
    """Key-key attention of the last layer, no residual stream, no MLP: then the norm and the projection of the class token."""
    v = model.vision_model
    h = v.pre_layrnorm(v.embeddings(x))
    for layer in v.encoder.layers[:-1]:
        h = layer(h, None)
        h = h[0] if isinstance(h, tuple) else h
    last = v.encoder.layers[-1]
    n, a = last.layer_norm1(h), last.self_attn
    heads = lambda t: t.unflatten(2, (a.num_heads, -1)).transpose(1, 2)
    k, val = heads(a.k_proj(n)), heads(a.v_proj(n))
    y = torch.softmax(k @ k.transpose(-1, -2) * k.shape[-1] ** -0.5, -1) @ val
    y = a.out_proj(y.transpose(1, 2).flatten(2))
    return model.visual_projection(v.post_layernorm(y))[:, 1:]


def siglip(model, x):
    """The pooling head on one patch at a time."""
    v = model.vision_model
    h = v(pixel_values=x).last_hidden_state  # after the last norm
    return v.head(h.flatten(0, 1)[:, None]).view(h.shape)


def eva02(m, x):
    """As clip, of a tower of timm's, with keys that are turned by their positions, and a norm before the last linear."""
    h, rope = m._pos_embed(m.patch_embed(x))
    for block in m.blocks[:-1]:
        h = block(h, rope=rope)
    n, a = m.blocks[-1].norm1(h), m.blocks[-1].attn
    heads = lambda t: t.unflatten(2, (a.num_heads, -1)).transpose(1, 2)
    k, val = heads(a.k_proj(n)), heads(a.v_proj(n))
    k = torch.cat([k[:, :, :1], apply_rot_embed_cat(k[:, :, 1:], rope)], 2)
    y = torch.softmax(k @ k.transpose(-1, -2) * k.shape[-1] ** -0.5, -1) @ val
    return m.head(m.norm(a.proj(a.norm(y.transpose(1, 2).flatten(2)))))[:, 1:]


def pe(m, x):
    """As siglip, of the Perception Encoder, without its class token."""
    h = m.forward_features(x)[:, 1:]
    return m.head(m.attn_pool(h.flatten(0, 1)[:, None])).unflatten(0, h.shape[:2])


def write(name, pixels, y):
    out = os.path.join(ROOT, "heat", name + ".safetensors")
    save_file({"pixels": pixels.contiguous(), "patches": y.flatten(0, 1).contiguous()}, out)
    os.chmod(out, 0o644)
    print(name, tuple(y.shape))


def main():
    for name, patches in {"clip-legacy": clip, "clip-odd-bf16": clip, "siglip-72": siglip}.items():
        family = "siglip" if patches is siglip else "clip"
        model = AutoModel.from_pretrained(os.path.join(ROOT, name), dtype=torch.float32, attn_implementation="eager").eval()
        pixels = load_file(os.path.join(ROOT, name + ".safetensors"))["pixels"][:2]
        with torch.no_grad():
            write(name, pixels, patches(model, normalised(pixels, family)))
    images = towers.open_pictures()[1][:2]
    for name, patches in {"openclip-eva02": eva02, "openclip-pe-core": pe}.items():
        folder, pre = os.path.join(ROOT, name), openclip_towers.CASES[name]["preprocess"]
        with open(os.path.join(folder, "open_clip_config.json")) as f:
            model = CustomTextCLIP(**openclip.build(json.load(f)["model_cfg"])).eval()
        model.load_state_dict({k: v.float() for k, v in load_file(os.path.join(folder, "open_clip_model.safetensors")).items()})
        transform = openclip.image_transform_v2(openclip.PreprocessCfg(**pre), is_train=False)
        x = torch.stack([transform(i) for i in images])
        with torch.no_grad():
            write(name, towers.to_uint8(x, pre["mean"], pre["std"]), patches(model.visual.trunk, x))


if __name__ == "__main__":
    main()
