"""Goldens of vision transformers as timm saves them, and the tables of its architectures: python timm.py

The tables have what each architecture changes of its class's defaults: vit/timm.json of VisionTransformer's, vit/eva.json
of Eva's, for those that this project has the parts of.
"""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE]  # this file must not hide the library
import timm
import timm.models.deit
import timm.models.eva
import timm.models.vision_transformer
from timm.data import create_transform, resolve_model_data_config
from timm.layers import LayerNorm
from timm.layers.mlp import GluMlp
from timm.models import save_for_hf

sys.path.append(HERE)

import torch

import towers
import vit

ROOM = os.path.join(HERE, "..", "..", "vit")
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


def described_eva(kw):
    """Likewise of Eva."""
    row = {k: v for k, v in kw.items() if not k.endswith("_coords")}
    norm = row.pop("norm_layer", None)
    if norm is not None:
        if norm.func is not LayerNorm:
            return None
        row["eps"] = norm.keywords["eps"]
    other = ("use_post_norm", "qk_norm", "num_kv_heads", "attn_only_layer_scale", "gated_attn")
    if any(row.pop(k, None) for k in other) or row.get("rope_type", "cat") not in ("cat", "dinov3"):
        return None
    return row


def table(file, describe, **libraries):
    rows = {}
    for module, create in libraries.items():
        library = getattr(timm.models, module)
        kept = getattr(library, create)
        setattr(library, create, lambda name, pretrained=False, **kw: rows.__setitem__(name, describe(kw)))
        for name in timm.list_models(module=module):
            getattr(library, name)()
        setattr(library, create, kept)
    lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(rows.items()) if v is not None]
    with open(os.path.join(ROOM, file), "w") as f:
        f.write("{\n" + ",\n".join(lines) + "\n}\n")
    print(file, len(lines), "architectures, not", sorted(k for k, v in rows.items() if v is None))


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
    "timm-eva": ("eva_giant_patch14_clip_224", dict(embed_dim=22, depth=2, num_heads=2, img_size=42, mlp_ratio=1.3, num_classes=3),
                 dict(crop_pct=0.9, interpolation="bicubic"), torch.float16),
    "timm-eva02": ("eva02_base_patch14_224", dict(embed_dim=36, depth=2, num_heads=3, img_size=42, num_classes=2),
                   dict(crop_pct=1.0, crop_mode="squash", interpolation="bicubic"), torch.bfloat16),
    "timm-eva02-dynamic": ("eva02_tiny_patch14_224", dict(embed_dim=24, depth=2, num_heads=3, img_size=56, mlp_ratio=1.5, dynamic_img_size=True, num_classes=0),
                           dict(crop_pct=1.0, interpolation="bicubic", input_size=(3, 42, 70)), torch.float16),
    "timm-pe-core": ("vit_pe_core_tiny_patch16_384", dict(embed_dim=24, depth=2, num_heads=2, img_size=48, attn_pool_num_heads=3, attn_pool_mlp_ratio=1.5, mlp_ratio=1, num_classes=4),
                     dict(crop_pct=1.0, interpolation="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3), torch.float16),
    "timm-pe-lang": ("vit_pe_lang_large_patch14_448", dict(embed_dim=24, depth=2, num_heads=1, img_size=42, mlp_ratio=1.5, num_classes=0),
                     dict(crop_pct=1.0, interpolation="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3), torch.bfloat16),
    "timm-rope-gap": ("vit_betwixt_patch16_rope_reg4_gap_256", dict(embed_dim=24, depth=2, num_heads=2, img_size=48, mlp_ratio=1, num_classes=0),
                      dict(crop_pct=0.95, interpolation="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3), torch.float16),
    "timm-dinov3": ("vit_small_plus_patch16_dinov3", dict(embed_dim=24, depth=2, num_heads=2, mlp_ratio=1, num_classes=0),
                    dict(crop_pct=1.0, interpolation="bicubic", input_size=(3, 32, 48)), torch.float16),
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
            if isinstance(model.fc_norm, torch.nn.Identity):  # else its norm comes after the pooling
                arrays["mean"] = states[:, lead:].mean(dim=1)
                if model.cls_token is not None:
                    arrays["cls"] = states[:, 0]
            if labels:
                arrays["logits"] = model(px)
        vit.write(name, names, u8, labels, **arrays)


if __name__ == "__main__":
    table("timm.json", described, vision_transformer="_create_vision_transformer", deit="_create_deit")
    table("eva.json", described_eva, eva="_create_eva")
    goldens()
