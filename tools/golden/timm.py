"""Goldens of vision transformers as timm saves them, and the table of its architectures: python timm.py

The table, vit/timm.json, has what each architecture changes of VisionTransformer's defaults, for those that are plain
vision transformers. vit/testdata/timm-data.json has what timm makes of pictures' sizes in its modes of cropping.
"""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE]  # this file must not hide the library
import timm
import timm.models.deit
import timm.models.vision_transformer
from timm.data import create_transform, resolve_model_data_config
from timm.layers import LayerNorm
from timm.layers.mlp import GluMlp
from timm.models import save_for_hf

sys.path.append(HERE)

import torch

import towers
import vit

TABLE = os.path.join(HERE, "..", "..", "vit", "timm.json")
OTHER = ("block_fn", "attn_layer", "embed_norm_layer", "scale_attn_norm", "scale_mlp_norm", "qk_norm", "pool_include_prefix")
IDLE = ("weight_init", "fix_init", "strict_img_size")


def described(kw):
    """The arguments of an architecture as the table has them, or None where it is no plain vision transformer."""
    kw = {k: v for k, v in kw.items() if k not in IDLE}
    row = {}
    norm, act, mlp = kw.pop("norm_layer", None), kw.pop("act_layer", None), kw.pop("mlp_layer", None)
    if norm is not None:
        if getattr(norm, "func", None) is not LayerNorm:
            return None
        row["eps"] = norm.keywords["eps"]
    if act is not None:
        row["act_layer"] = "silu" if act is torch.nn.SiLU else act
    if mlp is not None:
        if getattr(mlp, "func", None) is not GluMlp or mlp.keywords != {"act_layer": torch.nn.SiLU, "gate_last": False}:
            return None
        row["mlp_layer"] = "swiglu_packed"
    if any(kw.pop(k, None) for k in OTHER) or not kw.pop("proj_bias", True) or not kw.pop("final_norm", True):
        return None
    return row | kw


def table():
    rows = {}
    for module, create in (("vision_transformer", "_create_vision_transformer"), ("deit", "_create_deit")):
        library = getattr(timm.models, module)
        kept = getattr(library, create)
        setattr(library, create, lambda name, pretrained=False, **kw: rows.__setitem__(name, described(kw)))
        for name in timm.list_models(module=module):
            getattr(library, name)()
        setattr(library, create, kept)
    lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(rows.items()) if v is not None]
    with open(TABLE, "w") as f:
        f.write("{\n" + ",\n".join(lines) + "\n}\n")
    print(len(lines), "architectures")


CASES = {
    # name: architecture, arguments, preprocessing, dtype
    "timm-vit": ("vit_base_patch16_224", dict(embed_dim=45, depth=2, num_heads=3, img_size=56, patch_size=14, mlp_ratio=1.5, num_classes=4),
                 dict(crop_pct=0.9, interpolation="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3), torch.bfloat16),
    "timm-deit-distilled": ("deit_tiny_distilled_patch16_224", dict(embed_dim=24, depth=2, num_heads=2, img_size=48, num_classes=3),
                            dict(crop_pct=1.0, interpolation="bilinear"), torch.float16),
    "timm-dinov2": ("vit_small_patch14_dinov2", dict(embed_dim=28, depth=2, num_heads=2, img_size=42, num_classes=0),
                    dict(crop_pct=1.0, interpolation="bicubic"), torch.float16),
    "timm-dinov2-giant": ("vit_giant_patch14_reg4_dinov2", dict(embed_dim=24, depth=2, num_heads=1, img_size=42, mlp_ratio=2.5, num_classes=0),
                          dict(crop_pct=0.75, crop_mode="squash", interpolation="lanczos"), torch.bfloat16),
    "timm-gap": ("vit_little_patch16_reg4_gap_256", dict(embed_dim=30, depth=2, num_heads=3, img_size=48, mlp_ratio=2, num_classes=5),
                 dict(crop_pct=0.9, crop_mode="border", interpolation="bicubic"), torch.float16),
    "timm-siglip": ("vit_base_patch16_siglip_224", dict(embed_dim=36, depth=2, num_heads=2, img_size=48, mlp_ratio=1.5, num_classes=0),
                    dict(crop_pct=0.9, interpolation="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3), torch.float16),
    "timm-dynamic": ("vit_base_patch32_clip_224", dict(embed_dim=24, depth=2, num_heads=2, img_size=48, patch_size=16, dynamic_img_size=True, num_classes=2, mlp_ratio=2),
                     dict(crop_pct=0.875, interpolation="bicubic", input_size=(3, 64, 96)), torch.float32),
}


def pixels(transform, images):
    px = torch.stack([transform(i) for i in images])
    mean, std = transform.transforms[-1].mean, transform.transforms[-1].std
    return px, towers.to_uint8(px, mean.tolist(), std.tolist())


def goldens():
    names, images = vit.some_pictures()
    for seed, (name, (arch, args, data, dtype)) in enumerate(CASES.items(), 81):
        folder = vit.fresh(name)
        model = timm.create_model(arch, **args).eval()
        vit.randomise(model, seed)
        labels = None
        more = {}
        if args["num_classes"]:
            labels = [f"label {k}" for k in range(args["num_classes"])]
            more["label_names"] = labels if name != "timm-gap" else {str(k): v for k, v in enumerate(labels)}
        save_for_hf(model.to(dtype), folder, model_config=more, model_args=args, safe_serialization=True, data_config=data)
        model = timm.create_model("local-dir:" + folder, pretrained=True).float().eval()
        transform = create_transform(**resolve_model_data_config(model), is_training=False)
        print(transform)
        px, u8 = pixels(transform, images)
        with torch.no_grad():
            states = model.forward_features(px)
            arrays = {"own": model.forward_head(states, pre_logits=True)}
            lead = model.num_prefix_tokens
            if name != "timm-gap":  # its norm comes after the pooling
                arrays["mean"] = states[:, lead:].mean(dim=1)
                if model.has_class_token:
                    arrays["cls"] = states[:, 0]
            if labels:
                arrays["logits"] = model(px)
        vit.write(name, names, u8, labels, **arrays)


if __name__ == "__main__":
    table()
    goldens()
