"""Goldens of BLIP and ViLT as transformers saves them (BlipForQuestionAnswering, ViltForQuestionAnswering): python blip.py [NAME...]

As answer.py; NAME.json has pictures, the digests of their pixels, questions, their ids, what greedy search makes of them and
how likely candidates are; NAME.safetensors has the states of pictures and of questions.
"""
import hashlib
import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE] + [HERE]  # safetensors.py here must not hide the library

import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, BlipConfig, BlipForQuestionAnswering, BlipImageProcessorPil, BlipProcessor, ViltConfig, ViltForQuestionAnswering, ViltImageProcessorPil

import decoder
import towers

ROOT = os.path.join(HERE, "..", "..", "fusion", "answer", "testdata")
RUNS = [
    ("wide.png", "What is this?"), ("tall.jpg", "How many cats are there? 12 or 345!"), ("grey.png", "what does the sign say?"),
    ("tiny.png", "Café ☕ — 東京"), ("palette.png", "Is it a line?"),
]
CANDIDATES = ["yes", "no", "two cats", "a stop sign", "12", "the dog and the house"]


def wordpiece(folder, size, specials):
    tok = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tok.normalizer = normalizers.BertNormalizer(lowercase=True)
    tok.pre_tokenizer, tok.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
    tok.train_from_iterator(decoder.TRAIN, trainers.WordPieceTrainer(vocab_size=size, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    tok.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tok.add_special_tokens(specials)
    tok.save(os.path.join(folder, "tokenizer.json"))
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as f:
        json.dump({"tokenizer_class": "BertTokenizer", "do_lower_case": True, "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]",
                   "mask_token": "[MASK]", "model_max_length": 64}, f, indent=1)
    return tok


def blip(side, vision, text, tower):
    def build(folder):
        tok = wordpiece(folder, 160, ["[DEC]", "[ENC]"])
        t = dict(vocab_size=tok.get_vocab_size() + 2, max_position_embeddings=48, bos_token_id=tok.token_to_id("[DEC]"), sep_token_id=3, pad_token_id=0) | text
        c = BlipConfig(vision_config=dict(image_size=side, patch_size=8) | vision, text_config=t)
        p = BlipProcessor(BlipImageProcessorPil(size={"height": side, "width": side}), AutoTokenizer.from_pretrained(folder))
        return BlipForQuestionAnswering(c), p

    return build


def vilt(short, divisor, **more):
    def build(folder):
        tok = wordpiece(folder, 150, [])
        labels = {i: w for i, w in enumerate(["yes", "no", "2", "red", "a dog", "stop", "night"])}
        c = ViltConfig(**(dict(vocab_size=tok.get_vocab_size() + 3, max_position_embeddings=40, image_size=48, patch_size=8, id2label=labels, label2id={w: i for i, w in labels.items()}) | more))
        return ViltForQuestionAnswering(c), ViltImageProcessorPil(size={"shortest_edge": short}, size_divisor=divisor)

    return build


VILT = {
    "vilt": (vilt(32, 8, hidden_size=24, intermediate_size=37, num_hidden_layers=2, num_attention_heads=3), torch.float32, 23),
    "vilt-published": (vilt(48, 16, hidden_size=18, intermediate_size=29, num_hidden_layers=3, num_attention_heads=2, qkv_bias=False, modality_type_vocab_size=3), torch.bfloat16, 24),
}

CASES = {
    "blip": (blip(32, dict(hidden_size=24, intermediate_size=37, num_hidden_layers=2, num_attention_heads=3),
                  dict(hidden_size=24, encoder_hidden_size=24, intermediate_size=41, num_hidden_layers=2, num_attention_heads=3), None), torch.float32, 21),
    "blip-published": (blip(40, dict(hidden_size=16, intermediate_size=29, num_hidden_layers=1, num_attention_heads=2),
                            dict(hidden_size=16, encoder_hidden_size=16, intermediate_size=30, num_hidden_layers=3, num_attention_heads=8), None), torch.float16, 22),
}


def age(name, folder):
    """Files as their publishers wrote them: the image processor apart, tied and constant tensors among the weights."""
    if name == "blip-published":
        at = os.path.join(folder, "processor_config.json")
        image = json.load(open(at)).get("image_processor")
        os.remove(at)
        with open(os.path.join(folder, "preprocessor_config.json"), "w") as f:
            json.dump(image | {"image_processor_type": "BlipImageProcessor"}, f, indent=1)
        at = os.path.join(folder, "model.safetensors")
        t = load_file(at)
        t["text_decoder.cls.predictions.decoder.bias"] = t["text_decoder.cls.predictions.bias"].clone()
        for side in ("text_encoder", "text_decoder.bert"):
            t[f"{side}.embeddings.position_ids"] = torch.arange(48)[None]
        save_file(t, at, {"format": "pt"})
        towers.edit(folder, "config.json", lambda d: [d["text_config"].pop(k, None) for k in ("num_attention_heads", "hidden_act", "layer_norm_eps")])


def ask(model, processor, name, question):
    image = Image.open(os.path.join(towers.PICTURES, name)).convert("RGB")
    inputs = processor(images=image, text=question, return_tensors="pt")
    seen = model.vision_model(inputs["pixel_values"])[0]
    states = model.text_encoder(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], encoder_hidden_states=seen)[0]
    out = model.generate(**inputs, do_sample=False, max_new_tokens=12)[0, 1:].tolist()
    start, end = model.config.text_config.bos_token_id, model.config.text_config.sep_token_id
    likely = []
    for c in CANDIDATES:
        ids = processor.tokenizer(c, add_special_tokens=False)["input_ids"] + [end]
        logits = model.text_decoder(input_ids=torch.tensor([[start] + ids[:-1]]), encoder_hidden_states=states).logits[0]
        likely.append(torch.log_softmax(logits, -1)[range(len(ids)), ids].sum().item())
    px = towers.to_uint8(inputs["pixel_values"].float(), [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711])
    run = {"pictures": [name], "question": question, "ids": inputs["input_ids"][0].tolist(), "new": out, "text": processor.tokenizer.decode(out, skip_special_tokens=True),
           "tiles": [hashlib.sha256(p.numpy().tobytes()).hexdigest() for p in px], "candidates": CANDIDATES, "likely": likely}
    return run, seen[0], states[0]


def case(name, build, dtype, seed):
    folder = os.path.join(ROOT, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    model, processor = build(folder)
    towers.randomise(model.eval(), seed)
    for k, v in model.named_parameters():  # so that answers depend on the picture and the question, and change as they go on
        if "cls.predictions.bias" in k:
            v.data *= 0.1
            v.data[-4:] = -9  # rows that the tokenizer does not know
        if "cls.predictions.transform.dense.weight" in k or "attention.output.dense.weight" in k:
            v.data *= 4
        if "crossattention.output.dense.weight" in k or "cls.predictions.transform.LayerNorm.weight" in k or "position_embeddings" in k:
            v.data *= 3
    model.tie_weights()
    model.to(dtype).save_pretrained(folder)
    processor.save_pretrained(folder)
    age(name, folder)
    model = BlipForQuestionAnswering.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    runs, arrays = [], {}
    for i, (picture, question) in enumerate(RUNS):
        with torch.no_grad():
            run, seen, states = ask(model, processor, picture, question)
        runs.append(run)
        arrays[f"picture.{i}"], arrays[f"question.{i}"] = seen.contiguous(), states.contiguous()
    save_file(arrays, folder + ".safetensors")
    with open(folder + ".json", "w") as f:
        json.dump({"runs": runs}, f, ensure_ascii=False, indent=1)
    print(name, [r["text"] for r in runs], sorted(os.listdir(folder)))


def vilt_case(name, build, dtype, seed):
    folder = os.path.join(ROOT, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    model, pixels = build(folder)
    towers.randomise(model.eval(), seed)
    model.to(dtype).save_pretrained(folder)
    pixels.save_pretrained(folder)
    model = ViltForQuestionAnswering.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    tokenizer, runs, arrays = AutoTokenizer.from_pretrained(folder), [], {}
    torch.manual_seed(1)  # the order of patches is drawn
    for i, (picture, question) in enumerate(RUNS):
        image = Image.open(os.path.join(towers.PICTURES, picture)).convert("RGB")
        px = pixels(image, return_tensors="pt")
        ids = tokenizer(question, return_tensors="pt")
        with torch.no_grad():
            logits = model(input_ids=ids["input_ids"], pixel_values=px["pixel_values"], pixel_mask=px["pixel_mask"]).logits
        tiles = towers.to_uint8(px["pixel_values"].float(), [0.5] * 3, [0.5] * 3)
        runs.append({"pictures": [picture], "question": question, "ids": ids["input_ids"][0].tolist(), "text": model.config.id2label[logits[0].argmax().item()],
                     "tiles": [hashlib.sha256(p.numpy().tobytes()).hexdigest() for p in tiles]})
        arrays[f"logits.{i}"] = logits.contiguous()
    save_file(arrays, folder + ".safetensors")
    with open(folder + ".json", "w") as f:
        json.dump({"runs": runs}, f, ensure_ascii=False, indent=1)
    print(name, [r["text"] for r in runs], sorted(os.listdir(folder)))


def main():
    for name, c in VILT.items():
        if len(sys.argv) < 2 or name in sys.argv[1:]:
            vilt_case(name, *c)
    for name, c in CASES.items():
        if len(sys.argv) < 2 or name in sys.argv[1:]:
            case(name, *c)


if __name__ == "__main__":
    main()
