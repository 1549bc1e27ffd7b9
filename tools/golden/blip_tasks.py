"""Goldens of the models of BLIP that take no questions, as transformers saves them (BlipForConditionalGeneration,
BlipForImageTextRetrieval): python blip_tasks.py [NAME...]

As blip.py. For captions NAME.json has pictures, what captions begin with, the ids that greedy search makes of that, and the
whole as text; NAME.safetensors has the states of pictures and the logits of all positions. For matching NAME.json has pictures,
texts, and the probability of each that it is about the picture.
"""
import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE] + [HERE]  # safetensors.py here must not hide the library

import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import AutoTokenizer, BlipConfig, BlipForConditionalGeneration, BlipForImageTextRetrieval, BlipImageProcessorPil, BlipProcessor

import blip
import towers

RUNS = [("wide.png", None), ("tall.jpg", "a picture of"), ("grey.png", "The sign"), ("palette.png", None)]
TEXTS = ["a stop sign", "Two cats and a dog near the HOUSE, 12 of them!", "x"]
VISION = dict(image_size=32, patch_size=8, hidden_size=24, intermediate_size=37, num_hidden_layers=2, num_attention_heads=3)
TEXT = dict(hidden_size=24, encoder_hidden_size=24, intermediate_size=41, num_hidden_layers=2, num_attention_heads=3)


def build(folder, cls, seed, dtype):
    tok = blip.wordpiece(folder, 160, ["[DEC]", "[ENC]"])
    t = dict(vocab_size=tok.get_vocab_size() + 2, max_position_embeddings=48, bos_token_id=tok.token_to_id("[DEC]"), sep_token_id=3, pad_token_id=0) | TEXT
    model = cls(BlipConfig(vision_config=VISION, text_config=t, image_text_hidden_size=15))
    towers.randomise(model.eval(), seed)
    for k, v in model.named_parameters():  # so that what is said depends on the picture and the text, and changes as it goes on
        if "cls.predictions.bias" in k:
            v.data *= 0.1
            v.data[-4:] = -9  # rows that the tokenizer does not know
        if "position_embeddings" in k or "word_embeddings" in k:
            v.data *= 3
        if ".attention.output.dense.weight" in k or ".attention.self" in k and "text" in k and k.endswith("weight"):
            v.data *= 4
        if "crossattention.output.dense" in k:
            v.data *= 0.25
        if "crossattention.self.query" in k or "cls.predictions.transform.LayerNorm.weight" in k or "itm_head.weight" in k:
            v.data *= 4
    if hasattr(model, "tie_weights"):
        model.tie_weights()
    model.to(dtype).save_pretrained(folder)
    BlipProcessor(BlipImageProcessorPil(size={"height": 32, "width": 32}), AutoTokenizer.from_pretrained(folder)).save_pretrained(folder)
    if cls is BlipForConditionalGeneration:  # random weights would write one word
        towers.edit(folder, "generation_config.json", lambda d: d.update(no_repeat_ngram_size=2))
    processor = BlipProcessor(BlipImageProcessorPil(size={"height": 32, "width": 32}), AutoTokenizer.from_pretrained(folder))
    return cls.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval(), processor


def picture(name):
    return Image.open(os.path.join(towers.PICTURES, name)).convert("RGB")


def caption(model, processor):
    runs, arrays = [], {}
    for i, (name, prefix) in enumerate(RUNS):
        inputs = processor(images=picture(name), text=prefix, return_tensors="pt")
        start = 1 if prefix is None else inputs["input_ids"].shape[1] - 1
        seen = model.vision_model(inputs["pixel_values"])[0]
        out = model.generate(**inputs, do_sample=False, max_length=20, no_repeat_ngram_size=2)
        arrays[f"picture.{i}"] = seen[0].contiguous()
        arrays[f"logits.{i}"] = model.text_decoder(input_ids=out, encoder_hidden_states=seen).logits[0, start - 1 : -1 : 4].contiguous()
        ids = out[0].tolist()
        runs.append({"picture": name, "prefix": prefix or "", "new": ids[start:], "text": processor.decode(ids, skip_special_tokens=True)})
    return runs, arrays


def match(model, processor):
    runs, arrays = [], {}
    for i, (name, _) in enumerate(RUNS):
        likely = []
        for text in TEXTS:
            inputs = processor(images=picture(name), text=text, return_tensors="pt")
            likely.append(torch.softmax(model(**inputs).itm_score, -1)[0, 1].item())
        arrays[f"picture.{i}"] = model.vision_model(inputs["pixel_values"])[0][0].contiguous()
        runs.append({"picture": name, "texts": TEXTS, "likely": likely})
    return runs, arrays


CASES = {
    "blip-caption": (BlipForConditionalGeneration, caption, torch.bfloat16, 51),
    "blip-match": (BlipForImageTextRetrieval, match, torch.float16, 32),
}


def main():
    for name, (cls, run, dtype, seed) in CASES.items():
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        folder = os.path.join(blip.ROOT, name)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        model, processor = build(folder, cls, seed, dtype)
        with torch.no_grad():
            runs, arrays = run(model, processor)
        save_file(arrays, folder + ".safetensors")
        with open(folder + ".json", "w") as f:
            json.dump({"runs": runs}, f, ensure_ascii=False, indent=1)
        print(name, [r.get("text", r.get("likely")) for r in runs], sorted(os.listdir(folder)))


if __name__ == "__main__":
    main()
