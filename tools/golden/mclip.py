"""Goldens of M-CLIP (XLM-RoBERTa for texts, with the pictures of a CLIP in vision/): python mclip.py"""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE] + [HERE]  # safetensors.py here must not hide the library

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, CLIPModel, XLMRobertaConfig, XLMRobertaModel
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

import openclip_towers
import towers
import xlmr


class MultilingualCLIP(torch.nn.Module):
    """As in the package multilingual-clip (pt_multilingual_clip.py)."""

    def __init__(self, tower, out):
        super().__init__()
        self.transformer = XLMRobertaModel(tower)
        self.LinearTransformation = torch.nn.Linear(tower.hidden_size, out)

    def forward(self, ids, mask):
        embs = self.transformer(input_ids=ids, attention_mask=mask)[0]
        embs = (embs * mask.unsqueeze(2)).sum(dim=1) / mask.sum(dim=1)[:, None]
        return self.LinearTransformation(embs)


def main():
    towers.pictures()
    names, images = towers.open_pictures()
    name = os.path.join("towers", "mclip")
    os.makedirs(os.path.join(towers.ROOT, "towers"), exist_ok=True)
    folder, vision = towers.fresh(name), os.path.join(towers.ROOT, "clip-legacy")
    vocab = xlmr.vocabulary(folder)
    config = dict(openclip_towers.XLMR, vocab_size=vocab, hidden_size=33)
    os.makedirs(os.path.join(folder, "tower"))
    with open(os.path.join(folder, "tower", "config.json"), "w") as f:
        json.dump(config, f, indent=1)
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump({"model_type": "M-CLIP", "architectures": ["MultilingualCLIP"], "modelBase": "tower", "transDim": 33, "numDims": 24}, f, indent=1)
    model = MultilingualCLIP(XLMRobertaConfig(**{k: v for k, v in config.items() if k != "model_type"}), 24).eval()
    towers.randomise(model, 91)
    save_file({k: v.half().contiguous() for k, v in model.state_dict().items()}, os.path.join(folder, "model.safetensors"))
    model.load_state_dict({k: v.float() for k, v in load_file(os.path.join(folder, "model.safetensors")).items()})

    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = [t for t in towers.SCRIPTS if len(tokenizer(t)["input_ids"]) <= 32]  # M-CLIP cuts nothing
    enc = tokenizer(texts, padding=True, return_tensors="pt")
    clip = CLIPModel.from_pretrained(vision, dtype=torch.float32).eval()
    pixels = CLIPImageProcessorPil.from_pretrained(vision)(images=images, return_tensors="pt")["pixel_values"].float()
    with torch.no_grad():
        text = model(enc["input_ids"], enc["attention_mask"])
        image = clip.get_image_features(pixel_values=pixels)
        image = getattr(image, "pooler_output", image)
        unit = [x / x.norm(dim=-1, keepdim=True) for x in (image, text)]
        logits = clip.logit_scale.exp() * unit[0] @ unit[1].T
    ids = [tokenizer(t)["input_ids"] for t in texts]
    towers.write(name, names, None, texts, ids, image, text, logits)


if __name__ == "__main__":
    main()
