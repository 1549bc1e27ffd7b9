"""Goldens of CLIP as transformers saves it (CLIPModel): python clip.py"""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE] + [HERE]  # safetensors.py here must not hide the library

import torch
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

import towers

CASES = {
    # name: vision width, heads, hidden, patch, side; text width, heads, hidden; more
    "clip-legacy": dict(
        vision=(24, 1, 40, 14, 70), text=(40, 1, 40), act="quick_gelu", dtype=torch.float32, projection=24, legacy=True, seed=1
    ),
    "clip-gelu-sharded": dict(
        vision=(80, 1, 32, 8, 40), text=(72, 1, 32), act="gelu", dtype=torch.float16, projection=33, shard="60KB", seed=2
    ),
    "clip-odd-bf16": dict(
        vision=(45, 3, 75, 12, 60), text=(33, 3, 51), act="quick_gelu", dtype=torch.bfloat16, projection=20, sparse=True, seed=3
    ),
}


def config(c, vocab):
    w, h, i, patch, side = c["vision"]
    tw, th, ti = c["text"]
    eos = 2 if c.get("legacy") else vocab["<|endoftext|>"]
    return CLIPConfig(
        text_config=dict(
            vocab_size=len(vocab), hidden_size=tw, intermediate_size=ti, num_hidden_layers=2, num_attention_heads=th,
            max_position_embeddings=24, hidden_act=c["act"], eos_token_id=eos, bos_token_id=vocab["<|startoftext|>"], pad_token_id=1,
            projection_dim=c["projection"],
        ),
        vision_config=dict(
            hidden_size=w, intermediate_size=i, num_hidden_layers=2, num_attention_heads=h, image_size=side, patch_size=patch,
            hidden_act=c["act"], projection_dim=c["projection"],
        ),
        projection_dim=c["projection"],
    )


def age(folder, c, side):
    """Files as other generations of publishers wrote them."""
    if c.get("legacy"):

        def old(d):
            d["size"], d["crop_size"] = side, side
            d["feature_extractor_type"] = "CLIPFeatureExtractor"
            for k in ("image_processor_type", "do_rescale", "rescale_factor", "do_convert_rgb"):
                d.pop(k, None)

        towers.edit(folder, "preprocessor_config.json", old)

        def dtype(d):
            d["torch_dtype"] = "float32"
            d.pop("dtype", None)
            d["text_config_dict"], d["vision_config_dict"] = None, None

        towers.edit(folder, "config.json", dtype)
    if c.get("sparse"):

        def sparse(d):
            for part in ("text_config", "vision_config"):
                for k in ("hidden_act", "layer_norm_eps", "num_channels", "attention_dropout", "projection_dim", "dtype"):
                    d[part].pop(k, None)

        towers.edit(folder, "config.json", sparse)
        with open(os.path.join(folder, "preprocessor_config.json")) as f:  # where CLIPProcessor saves it now
            image = json.load(f)
        os.remove(os.path.join(folder, "preprocessor_config.json"))
        with open(os.path.join(folder, "processor_config.json"), "w") as f:
            json.dump({"image_processor": image, "processor_class": "CLIPProcessor"}, f, indent=1)


def main():
    towers.pictures()
    names, images = towers.open_pictures()
    vocab, merges, _ = towers.clip_vocabulary(120)
    for name, c in CASES.items():
        folder = towers.fresh(name)
        side = c["vision"][4]
        model = CLIPModel(config(c, vocab)).eval()
        towers.randomise(model, c["seed"])
        model = model.to(c["dtype"])
        model.save_pretrained(folder, max_shard_size=c.get("shard", "5GB"))
        CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=24).save_pretrained(folder)
        CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side}).save_pretrained(folder)
        age(folder, c, side)

        model = CLIPModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        tokenizer = CLIPTokenizer.from_pretrained(folder)
        processor = CLIPImageProcessorPil.from_pretrained(folder)
        pixel_values = processor(images=images, return_tensors="pt")["pixel_values"].float()
        enc = tokenizer(towers.TEXTS, padding=True, truncation=True, max_length=24, return_tensors="pt")
        with torch.no_grad():
            out = model(**enc, pixel_values=pixel_values)
            image = model.get_image_features(pixel_values=pixel_values)
            text = model.get_text_features(**enc)
        image = getattr(image, "pooler_output", image)
        text = getattr(text, "pooler_output", text)
        ids = [tokenizer(t, truncation=True, max_length=24)["input_ids"] for t in towers.TEXTS]
        px = towers.to_uint8(pixel_values, processor.image_mean, processor.image_std)
        towers.write(name, names, px, towers.TEXTS, ids, image, text, out.logits_per_image)
        print(sorted(os.listdir(folder)))


if __name__ == "__main__":
    main()
