"""Goldens of DINOv2, with registers and without, as transformers saves it: python dinov2.py"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE] + [HERE]  # safetensors.py and timm.py here must not hide the libraries

import torch
from transformers import (
    Dinov2Config, Dinov2ForImageClassification, Dinov2Model, Dinov2WithRegistersConfig, Dinov2WithRegistersForImageClassification,
    Dinov2WithRegistersModel,
)
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil

import towers
import vit

CASES = {
    # name: class, configuration, width, heads, patch, trained side, resize to, crop to (height, width); dtype; more
    "dinov2": (Dinov2Model, Dinov2Config, (36, 3, 14, 70), 60, (42, 42), torch.bfloat16, {}),
    "dinov2-giant": (Dinov2ForImageClassification, Dinov2Config, (24, 2, 14, 42), 75, (70, 70), torch.bfloat16,
                     dict(use_swiglu_ffn=True, num_labels=4)),
    "dinov2-wide": (Dinov2Model, Dinov2Config, (20, 1, 14, 42), 60, (42, 84), torch.float16, {}),
    "dinov2-registers": (Dinov2WithRegistersForImageClassification, Dinov2WithRegistersConfig, (28, 2, 14, 84), 64, (56, 56), torch.float16,
                         dict(num_register_tokens=3, num_labels=3)),
    "dinov2-registers-up": (Dinov2WithRegistersModel, Dinov2WithRegistersConfig, (20, 1, 14, 42), 75, (65, 71), torch.float16, {}),
}


def main():
    names, images = vit.some_pictures()
    for seed, (name, (kind, conf, shape, short, crop, dtype, more)) in enumerate(CASES.items(), 61):
        folder = vit.fresh(name)
        w, h, patch, side = shape
        model = kind(conf(hidden_size=w, num_attention_heads=h, mlp_ratio=2, num_hidden_layers=2, patch_size=patch, image_size=side, **more)).eval()
        vit.randomise(model, seed)
        model.to(dtype).save_pretrained(folder)
        processor = BitImageProcessorPil(
            size={"shortest_edge": short}, crop_size={"height": crop[0], "width": crop[1]}, image_mean=vit.MEAN, image_std=vit.STD)
        processor.save_pretrained(folder)
        model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        px = processor(images=images, return_tensors="pt")["pixel_values"].float()
        with torch.no_grad():
            out = model(pixel_values=px)
            states = getattr(model, model.base_model_prefix, model)(pixel_values=px).last_hidden_state
        arrays = vit.features(states, 1 + getattr(model.config, "num_register_tokens", 0), True)
        labels = None
        if hasattr(out, "logits"):
            arrays["logits"] = out.logits
            labels = [model.config.id2label[k] for k in range(model.config.num_labels)]
        vit.write(name, names, towers.to_uint8(px, processor.image_mean, processor.image_std), labels, **arrays)


if __name__ == "__main__":
    main()
