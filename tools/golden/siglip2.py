"""Goldens of SigLIP 2 as transformers saves it, at one resolution and NaFlex: python siglip2.py"""
import json
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE] + [HERE]  # safetensors.py here must not hide the library

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, GemmaTokenizer, Siglip2Config, Siglip2Model, Siglip2Tokenizer, SiglipConfig, SiglipModel
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil, get_image_size_for_max_num_patches

import siglip
import towers

CASES = {
    # name: vision width, heads, hidden, patch, patches of the table, budget; text width, heads, hidden, projection, length
    "siglip2-fixed": dict(vision=(56, 7, 44, 12, None, None), text=(40, 2, 52, 56, 64), dtype=torch.bfloat16, seed=51, side=48),
    "siglip2-naflex": dict(vision=(48, 4, 40, 8, 25, 30), text=(40, 1, 40, 48, 20), dtype=torch.float32, seed=52),
    "siglip2-naflex-sparse": dict(vision=(36, 3, 50, 16, 256, 256), text=(36, 2, 44, None, 64), dtype=torch.float16, seed=53, sparse=True),
}


def gemma(cls, folder):
    """A byte-fallback BPE like Gemma's: <pad> 0, <eos> 1, <bos> 2, <unk> 3, <mask> 4, bytes, merges."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    t = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    t.normalizer = normalizers.Replace(" ", "▁")
    t.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    corpus = [" ".join(siglip.WORDS[(i * 7 + j * (1 + i % 5)) % len(siglip.WORDS)] for j in range(9)) for i in range(400)]
    corpus += ["Κόσμος ο μικρός", "東京の猫", "кошка на крыше", "Two DOGS"]
    t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=430, special_tokens=special + [f"<0x{i:02X}>" for i in range(256)], show_progress=False))
    model = json.loads(t.to_str())["model"]
    merges = [tuple(m) for m in model["merges"]]
    cls(
        vocab=model["vocab"], merges=merges, add_bos_token=False, add_eos_token=True, padding_side="right", do_lower_case=True,
        model_input_names=["input_ids"],
    ).save_pretrained(folder)
    return len(model["vocab"])


def build(c, vocab):
    w, h, i, patch, table, _ = c["vision"]
    tw, th, ti, out, length = c["text"]
    text = dict(
        vocab_size=vocab, hidden_size=tw, intermediate_size=ti, num_hidden_layers=2, num_attention_heads=th,
        max_position_embeddings=length, projection_size=out, pad_token_id=0, bos_token_id=2, eos_token_id=1,
    )
    vision = dict(hidden_size=w, intermediate_size=i, num_hidden_layers=2, num_attention_heads=h, patch_size=patch)
    if table is None:
        return SiglipModel(SiglipConfig(text_config=text, vision_config=dict(vision, image_size=c["side"])))
    return Siglip2Model(Siglip2Config(text_config=text, vision_config=dict(vision, num_patches=table)))


def sparse(folder):
    """Files as Google published them, with nothing that is the default."""

    def config(d):
        for part in ("text_config", "vision_config"):
            for k in ("hidden_act", "layer_norm_eps", "num_channels", "attention_dropout", "dtype", "projection_size", "bos_token_id",
                      "eos_token_id", "pad_token_id", "max_position_embeddings", "num_patches", "patch_size"):
                d[part].pop(k, None)

    towers.edit(folder, "config.json", config)

    def processor(d):
        for k in list(d):
            if k != "image_processor_type":
                d.pop(k)

    towers.edit(folder, "preprocessor_config.json", processor)


def pixels(inputs, patch, mean, std):
    """Patches back to the bytes of the pictures."""
    all = []
    for values, (h, w) in zip(inputs["pixel_values"], inputs["spatial_shapes"].tolist()):
        px = values[: h * w].reshape(h, w, patch, patch, 3).permute(0, 2, 1, 3, 4).reshape(h * patch, w * patch, 3)
        all.append(towers.to_uint8(px.permute(2, 0, 1)[None], mean, std)[0])
    return all


def sizes():
    """What pictures of many shapes are resized to."""
    r, rows = random.Random(4), []
    for i in range(600):
        w, h = [int(2 ** r.uniform(0, 13)) for _ in range(2)]
        patch, most = r.choice([(16, 256), (16, 1024), (14, 200), (32, 64), (16, 1), (8, 777)])
        th, tw = get_image_size_for_max_num_patches(h, w, patch, most)
        rows.append([w, h, patch, most, tw, th])
    with open(os.path.join(HERE, "..", "..", "vit", "testdata", "naflex.json"), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(x) for x in rows) + "\n]\n")


def main():
    sizes()
    towers.pictures()
    names, images = towers.open_pictures()
    for name, c in CASES.items():
        folder = towers.fresh(name)
        flex, (_, _, _, patch, _, most), length = c["vision"][4] is not None, c["vision"], c["text"][4]
        vocab = gemma(Siglip2Tokenizer if flex else GemmaTokenizer, folder)
        model = build(c, vocab).eval()
        towers.randomise(model, c["seed"])
        model.to(c["dtype"]).save_pretrained(folder)
        if flex:
            Siglip2ImageProcessorPil(patch_size=patch, max_num_patches=most).save_pretrained(folder)
        else:
            SiglipImageProcessorPil(size={"height": c["side"], "width": c["side"]}, resample=2).save_pretrained(folder)
        if c.get("sparse"):
            sparse(folder)

        model = type(model).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        tokenizer = AutoTokenizer.from_pretrained(folder)
        ids = tokenizer(towers.SCRIPTS, padding="max_length", truncation=True, max_length=length, return_tensors="pt")["input_ids"]
        bare = [tokenizer(t, truncation=True, max_length=length)["input_ids"] for t in towers.SCRIPTS]
        processor = (Siglip2ImageProcessorPil if flex else SiglipImageProcessorPil).from_pretrained(folder)
        inputs = processor(images=images, return_tensors="pt")
        inputs["pixel_values"] = inputs["pixel_values"].float()
        if flex:
            px = pixels(inputs, patch, processor.image_mean, processor.image_std)
        else:
            px = towers.to_uint8(inputs["pixel_values"], processor.image_mean, processor.image_std)
        with torch.no_grad():
            out = model(input_ids=ids, **inputs)
        raw_image, raw_text = out.vision_model_output.pooler_output, out.text_model_output.pooler_output
        towers.write(name, names, None, towers.SCRIPTS, bare, raw_image, raw_text, out.logits_per_image, meta=towers.digests(px))
        print(type(tokenizer).__name__, sorted(os.listdir(folder)))


if __name__ == "__main__":
    main()
