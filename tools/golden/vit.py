"""Goldens of vision transformers that know pictures only, as transformers saves them: python vit.py

A case is a model's folder, vit/testdata/NAME/, and beside it NAME.json (files, labels) and NAME.safetensors (pixels;
vectors by the class token and by the mean of the patches; logits where there is a head). Numbers are computed in
float32 from the weights as stored.
"""
import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE] + [HERE]  # safetensors.py and timm.py here must not hide the libraries

import torch
from safetensors.torch import save_file
from transformers import (
    DeiTConfig, DeiTForImageClassificationWithTeacher, DeiTModel, IJepaConfig, IJepaModel, ViTConfig, ViTForImageClassification,
    ViTModel, ViTMSNConfig, ViTMSNModel,
)
from transformers.models.deit.image_processing_pil_deit import DeiTImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

import towers

ROOT = os.path.join(HERE, "..", "..", "vit", "testdata")
CASES = {
    # name: class, configuration, processor, width, heads, hidden, patch, side; dtype
    "vit": (ViTModel, ViTConfig, ViTImageProcessorPil, (45, 3, 50, 12, 50), torch.float16, {}),
    "vit-head": (ViTForImageClassification, ViTConfig, ViTImageProcessorPil, (24, 1, 40, 14, 42), torch.float16,
                 dict(qkv_bias=False, hidden_act="gelu_new", id2label={0: "a cat", 1: "Hund", 2: "véhicule, car"})),
    "vit-msn": (ViTMSNModel, ViTMSNConfig, ViTImageProcessorPil, (20, 2, 28, 16, 32), torch.bfloat16, {}),
    "deit": (DeiTModel, DeiTConfig, DeiTImageProcessorPil, (36, 2, 28, 16, 48), torch.bfloat16, {}),
    "deit-teacher": (DeiTForImageClassificationWithTeacher, DeiTConfig, DeiTImageProcessorPil, (20, 2, 28, 16, 32), torch.float16,
                     dict(num_labels=5)),
    "ijepa": (IJepaModel, IJepaConfig, ViTImageProcessorPil, (28, 4, 30, 14, 42), torch.float16, {}),
}
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def some_pictures():
    """A few of towers' pictures, of all kinds; written by clip.py."""
    names, images = towers.open_pictures()
    keep = [i for i, n in enumerate(names) if n not in ("palette.png", "tiny.png")]
    return [names[i] for i in keep], [images[i] for i in keep]


def fresh(name):
    folder = os.path.join(ROOT, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


def randomise(model, seed):
    """towers.randomise, with layer scales and class tokens that matter."""
    towers.randomise(model, seed)
    g = torch.Generator().manual_seed(seed + 1000)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            if "lambda1" in name or "gamma" in name:
                p.copy_(0.8 + 0.3 * torch.randn(p.shape, generator=g))
            elif "token" in name or "pos_embed" in name or "position_embeddings" in name:
                p.copy_(0.5 * torch.randn(p.shape, generator=g))


def write(name, names, pixels, labels=None, **arrays):
    """Writes the numbers of a case."""
    save_file({"pixels": pixels, **{k: v.float().contiguous() for k, v in arrays.items()}}, os.path.join(ROOT, name + ".safetensors"))
    with open(os.path.join(ROOT, name + ".json"), "w") as f:
        json.dump({"pictures": names, "shape": list(pixels.shape[1:3]), "labels": labels}, f, ensure_ascii=False)
    for path in [os.path.join(ROOT, name + ".safetensors"), *(os.path.join(ROOT, name, f) for f in os.listdir(os.path.join(ROOT, name)))]:
        os.chmod(path, 0o644)
    size = sum(os.path.getsize(os.path.join(ROOT, name, f)) for f in os.listdir(os.path.join(ROOT, name)))
    print(f"{name}: folder {size / 1000:.0f} kB, numbers {os.path.getsize(os.path.join(ROOT, name + '.safetensors')) / 1000:.0f} kB", sorted(arrays))


def features(states, lead, has_class):
    """Vectors of a last hidden state (N, L, C)."""
    out = {"mean": states[:, lead:].mean(dim=1)}
    if has_class:
        out["cls"] = states[:, 0]
    return out


def main():
    names, images = some_pictures()
    for seed, (name, (kind, conf, proc, shape, dtype, more)) in enumerate(CASES.items(), 41):
        folder = fresh(name)
        w, h, i, patch, side = shape
        config = conf(hidden_size=w, num_attention_heads=h, intermediate_size=i, num_hidden_layers=2, patch_size=patch, image_size=side, **more)
        model = kind(config).eval()
        randomise(model, seed)
        model.to(dtype).save_pretrained(folder)
        if proc is DeiTImageProcessorPil:
            processor = proc(size={"height": side + 9, "width": side + 9}, crop_size={"height": side, "width": side}, image_mean=MEAN, image_std=STD)
        else:
            processor = proc(size={"height": side, "width": side})
        processor.save_pretrained(folder)
        if name == "vit":  # as it was published for years

            def old(d):
                d.clear()
                d.update(feature_extractor_type="ViTFeatureExtractor", size=side, resample=2, do_resize=True, do_normalize=True,
                         image_mean=[0.5] * 3, image_std=[0.5] * 3)

            towers.edit(folder, "preprocessor_config.json", old)
        model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        px = processor(images=images, return_tensors="pt")["pixel_values"].float()
        with torch.no_grad():
            out = model(pixel_values=px, output_hidden_states=True)
            base = getattr(model, model.base_model_prefix, model)
            states = base(pixel_values=px).last_hidden_state
        labels = None
        arrays = features(states, {"deit": 2, "deit-teacher": 2, "ijepa": 0}.get(name, 1), name != "ijepa")
        if hasattr(out, "logits"):
            arrays["logits"] = out.logits
            labels = [model.config.id2label[k] for k in range(model.config.num_labels)]
        write(name, names, towers.to_uint8(px, processor.image_mean, processor.image_std), labels, **arrays)


if __name__ == "__main__":
    main()
