"""Goldens of open_clip's own folders (open_clip_config.json): python openclip.py"""
import gzip
import json
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE] + [HERE]  # safetensors.py here must not hide the library

import timm
import timm.models.vision_transformer as vt
import torch
from open_clip.model import CLIP, CustomTextCLIP
from open_clip.tokenizer import SimpleTokenizer, basic_clean, canonicalize_text
from open_clip.transform import PreprocessCfg, image_transform_v2
from timm.models import register_model
from safetensors.torch import load_file, save_file
from transformers import CLIPTokenizer, SiglipTokenizer

import siglip
import towers

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)

CASES = {
    "openclip": dict(
        config=dict(
            embed_dim=28,
            vision_cfg=dict(layers=2, width=48, head_width=24, mlp_ratio=1.3637, patch_size=14, image_size=56),
            text_cfg=dict(layers=2, width=40, heads=1, mlp_ratio=1.5, context_length=20),
        ),
        preprocess=dict(size=(56, 56), mean=MEAN, std=STD), dtype=torch.float32, seed=21,
    ),
    "openclip-quick-squash": dict(
        config=dict(
            embed_dim=20, quick_gelu=True, custom_text=True,
            vision_cfg=dict(layers=2, width=40, head_width=40, mlp_ratio=1, patch_size=12, image_size=48),
            text_cfg=dict(layers=2, width=32, heads=2, mlp_ratio=1, context_length=20),
        ),
        preprocess=dict(size=(48, 48), mean=MEAN, std=STD, interpolation="bilinear", resize_mode="squash"), dtype=torch.float16, seed=22,
    ),
    "openclip-longest-avg": dict(
        config=dict(
            embed_dim=24, custom_text=True,
            vision_cfg=dict(
                layers=2, width=32, head_width=16, mlp_ratio=1, patch_size=16, image_size=64, no_ln_pre=True, pool_type="avg",
                final_ln_after_pool=True, act_kwargs=dict(approximate="tanh"), norm_kwargs=dict(eps=1e-6),
            ),
            text_cfg=dict(layers=2, width=32, heads=2, mlp_ratio=1, context_length=20, proj_bias=True),
        ),
        preprocess=dict(size=(64, 64), mean=MEAN, std=STD, resize_mode="longest", fill_color=0), dtype=torch.float16, seed=23,
    ),
    "openclip-siglip": dict(
        config=dict(
            embed_dim=48, init_logit_bias=-10, custom_text=True,
            vision_cfg=dict(image_size=48, timm_model_name="vit_tiny_patch16_siglip_48", timm_model_pretrained=False, timm_pool="map", timm_proj="none"),
            text_cfg=dict(
                layers=2, width=48, heads=2, mlp_ratio=1, context_length=16, vocab_size=73, no_causal_mask=True, proj_bias=True,
                pool_type="last", norm_kwargs=dict(eps=1e-6), hf_tokenizer_name="timm/ViT-B-16-SigLIP", tokenizer_kwargs=dict(clean="canonicalize"),
            ),
        ),
        preprocess=dict(size=(48, 48), mean=(0.5,) * 3, std=(0.5,) * 3, resize_mode="squash"), dtype=torch.float16, seed=24,
    ),
}


@register_model
def vit_tiny_patch16_siglip_48(pretrained=False, **kwargs):
    """A tower built as timm builds its SigLIP ones, small enough to commit."""
    args = dict(img_size=48, patch_size=16, embed_dim=48, depth=2, num_heads=2, mlp_ratio=1, class_token=False, global_pool="map")
    return vt.VisionTransformer(**dict(args, **{k: v for k, v in kwargs.items() if k in ("num_classes", "global_pool")}))


def timm_towers():
    """The sizes of timm's SigLIP and CLIP towers, for the table that stands for their names."""
    out = {}
    for name in timm.list_models(["vit_*_siglip_*", "vit_*_clip_*"]):
        if any(part in name for part in ("_gap_", "tiny", "_plus_")):
            continue
        with torch.device("meta"):
            m = timm.create_model(name, num_classes=0)
        b = m.blocks[0]
        kind = type(b.mlp.act).__name__.lower()
        act = "tanh" if "tanh" in kind or getattr(b.mlp.act, "approximate", "none") == "tanh" else "quick" if "quick" in kind else "gelu"
        assert m.cls_token is None or isinstance(m.norm_pre, torch.nn.LayerNorm) and m.patch_embed.proj.bias is None
        out[name] = dict(
            width=m.embed_dim, layers=len(m.blocks), heads=b.attn.num_heads, hidden=b.mlp.fc1.out_features,
            patch=m.patch_embed.patch_size[0], side=m.patch_embed.img_size[0], eps=m.norm.eps, act=act, **{"class": m.cls_token is not None},
        )
    with open(os.path.join(towers.HERE, "..", "..", "vit", "testdata", "timm.json"), "w") as f:
        json.dump(out, f, indent=1)


def siglip_case(name, c, names, images):
    """SigLIP as open_clip publishes it: a tower of timm, a SentencePiece tokenizer, text padded to its full length."""
    folder = towers.fresh(name)
    config = c["config"]
    SiglipTokenizer(siglip.vocabulary(folder), model_max_length=16).save_pretrained(folder)
    model = CustomTextCLIP(**build(config)).eval()
    towers.randomise(model, c["seed"])
    save_file({k: v.to(c["dtype"]).contiguous() for k, v in model.state_dict().items()}, os.path.join(folder, "open_clip_model.safetensors"))
    write_config(folder, c)
    stored = load_file(os.path.join(folder, "open_clip_model.safetensors"))
    model.load_state_dict({k: v.float() for k, v in stored.items()})
    tokenizer = SiglipTokenizer.from_pretrained(folder)
    texts = [canonicalize_text(basic_clean(t)) for t in towers.TEXTS]
    padded = tokenizer(texts, return_tensors="pt", max_length=16, padding="max_length", truncation=True)["input_ids"]
    numbers(name, c, model, padded, names, images)


def write_config(folder, c):
    pre = {k: v for k, v in c["preprocess"].items() if k != "size"}
    with open(os.path.join(folder, "open_clip_config.json"), "w") as f:
        json.dump({"model_cfg": c["config"], "preprocess_cfg": pre}, f, indent=1)


def build(config):
    return {k: v for k, v in config.items() if k != "custom_text"}


def main():
    towers.pictures()
    names, images = towers.open_pictures()
    vocab, merges, lines = towers.clip_vocabulary(120)
    timm_towers()
    for name, c in CASES.items():
        config = c["config"]
        if "timm_model_name" in config["vision_cfg"]:
            siglip_case(name, c, names, images)
            continue
        folder = towers.fresh(name)
        config["text_cfg"].setdefault("vocab_size", len(vocab))
        make = CustomTextCLIP if config.get("custom_text") else CLIP
        model = make(**build(config)).eval()
        towers.randomise(model, c["seed"])
        save_file({k: v.to(c["dtype"]).contiguous() for k, v in model.state_dict().items()}, os.path.join(folder, "open_clip_model.safetensors"))
        CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=77).save_pretrained(folder)
        write_config(folder, c)
        stored = load_file(os.path.join(folder, "open_clip_model.safetensors"))
        model.load_state_dict({k: v.float() for k, v in stored.items()})
        with tempfile.TemporaryDirectory() as tmp:
            bpe = os.path.join(tmp, "bpe.txt.gz")
            with gzip.open(bpe, "wt") as f:
                f.write("#version\n" + "\n".join(lines))
            length = config["text_cfg"]["context_length"]
            tokenizer = SimpleTokenizer(bpe, context_length=length)
            padded = tokenizer(towers.TEXTS)
        numbers(name, c, model, padded, names, images)


def numbers(name, c, model, padded, names, images):
    transform = image_transform_v2(PreprocessCfg(**c["preprocess"]), is_train=False)
    pixel_values = torch.stack([transform(i) for i in images])
    with torch.no_grad():
        image, text = model.encode_image(pixel_values), model.encode_text(padded)
        unit = [x / x.norm(dim=-1, keepdim=True) for x in (image, text)]
        logits = model.logit_scale.exp() * unit[0] @ unit[1].T
        if model.logit_bias is not None:
            logits = logits + model.logit_bias
    px = towers.to_uint8(pixel_values, c["preprocess"]["mean"], c["preprocess"]["std"])
    ids = [bare(row, c) for row in padded.tolist()]
    towers.write(name, names, px, towers.TEXTS, ids, image, text, logits)


def bare(row, c):
    """Ids without their padding."""
    pad = 0
    if c["config"]["text_cfg"].get("pool_type") == "last":
        pad = 1
        while len(row) > 1 and row[-1] == pad and row[-2] == pad:
            row = row[:-1]
        return row
    while row and row[-1] == pad:
        row = row[:-1]
    return row


if __name__ == "__main__":
    main()
