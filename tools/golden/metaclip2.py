"""Goldens of MetaCLIP 2 as transformers saves it (MetaClip2Model): python metaclip2.py"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE] + [HERE]  # safetensors.py here must not hide the library

import torch
from transformers import AutoTokenizer, MetaClip2Config, MetaClip2Model
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

import towers
import xlmr

CASES = {
    "metaclip2": dict(act="quick_gelu", dtype=torch.bfloat16, seed=81, length=19),
    "metaclip2-gelu": dict(act="gelu", dtype=torch.float16, seed=82, length=24),
}


def main():
    towers.pictures()
    names, images = towers.open_pictures()
    for name, c in CASES.items():
        folder = towers.fresh(name)
        vocab = xlmr.vocabulary(folder)
        text = dict(
            vocab_size=vocab, hidden_size=36, intermediate_size=44, num_hidden_layers=2, num_attention_heads=3, hidden_act=c["act"],
            max_position_embeddings=c["length"], eos_token_id=2, bos_token_id=0, pad_token_id=1, projection_dim=22,
        )
        vision = dict(
            hidden_size=40, intermediate_size=52, num_hidden_layers=2, num_attention_heads=2, hidden_act=c["act"], image_size=42,
            patch_size=14, projection_dim=22,
        )
        model = MetaClip2Model(MetaClip2Config(text_config=text, vision_config=vision, projection_dim=22)).eval()
        towers.randomise(model, c["seed"])
        model.to(c["dtype"]).save_pretrained(folder)
        CLIPImageProcessorPil(size={"shortest_edge": 42}, crop_size={"height": 42, "width": 42}).save_pretrained(folder)

        model = MetaClip2Model.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        tokenizer = AutoTokenizer.from_pretrained(folder)
        processor = CLIPImageProcessorPil.from_pretrained(folder)
        pixel_values = processor(images=images, return_tensors="pt")["pixel_values"].float()
        enc = tokenizer(towers.SCRIPTS, padding=True, truncation=True, max_length=c["length"], return_tensors="pt")
        with torch.no_grad():
            out = model(**enc, pixel_values=pixel_values)
            image = model.get_image_features(pixel_values=pixel_values)
            text = model.get_text_features(**enc)
        image = getattr(image, "pooler_output", image)
        text = getattr(text, "pooler_output", text)
        ids = [tokenizer(t, truncation=True, max_length=c["length"])["input_ids"] for t in towers.SCRIPTS]
        px = towers.to_uint8(pixel_values, processor.image_mean, processor.image_std)
        towers.write(name, names, None, towers.SCRIPTS, ids, image, text, out.logits_per_image, meta=towers.digests(px))
        print(type(tokenizer).__name__, sorted(os.listdir(folder)))


if __name__ == "__main__":
    main()
