"""Goldens of models that write down the text in a picture as transformers saves them (VisionEncoderDecoderModel of a ViT or
DeiT and TrOCRForCausalLM): python trocr.py [NAME...]

A case is a model's folder, fusion/answer/testdata/NAME/, and beside it NAME.json (pictures, the digests of their pixels, what
greedy search makes of them) and NAME.safetensors (states of the encoder of every other picture, logits of all positions).
Pixels are those of the processors that use Pillow. Numbers are computed in float32 from the weights as stored.
"""
import hashlib
import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE] + [HERE]  # safetensors.py here must not hide the library

import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer, DeiTConfig, DeiTImageProcessorPil, DeiTModel, GenerationConfig, TrOCRConfig, TrOCRForCausalLM, TrOCRProcessor
from transformers import ViTConfig, ViTImageProcessorPil, ViTModel, VisionEncoderDecoderConfig, VisionEncoderDecoderModel

import answer
import decoder
import towers

ROOT = answer.ROOT
PICTURES = ["wide.png", "tall.jpg", "grey.png", "long.png"]


def vit(kind=ViTConfig, **more):
    return kind(**(dict(hidden_size=16, intermediate_size=37, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=8) | more))


def text(**more):
    return lambda vocab: TrOCRConfig(**(dict(vocab_size=vocab, d_model=24, decoder_layers=2, decoder_attention_heads=3, decoder_ffn_dim=41,
                                             max_position_embeddings=40, cross_attention_hidden_size=16, use_cache=True) | more))


CASES = {
    # name: encoder, decoder, image processor, more vocabulary rows than tokens, dtype, seed
    "trocr": (vit(qkv_bias=False), text(), ViTImageProcessorPil(size={"height": 32, "width": 32}, resample=2), 2, torch.bfloat16, 1),
    "trocr-waves": (vit(hidden_act="gelu_new"), text(use_learned_position_embeddings=False, layernorm_embedding=False, scale_embedding=True, activation_function="relu"),
                    ViTImageProcessorPil(size={"height": 32, "width": 32}, resample=3), 0, torch.float16, 2),
    "trocr-deit": (vit(DeiTConfig, hidden_size=18, num_attention_heads=3),
                   text(cross_attention_hidden_size=None, scale_embedding=True, tie_word_embeddings=False, decoder_start_token_id=0),
                   DeiTImageProcessorPil(size={"height": 40, "width": 40}, crop_size={"height": 32, "width": 32}), 1, torch.float16, 3),
}


def age(name, folder):
    """Files as other generations of publishers wrote them."""
    if name == "trocr-waves":  # random weights would write one letter
        towers.edit(folder, "generation_config.json", lambda d: d.update(no_repeat_ngram_size=2))
    if name == "trocr":
        at = os.path.join(folder, "processor_config.json")
        image = json.load(open(at))["image_processor"] | {"image_processor_type": "ViTImageProcessor"}
        os.remove(at)
        with open(os.path.join(folder, "preprocessor_config.json"), "w") as f:
            json.dump(image, f, indent=1)


def read(model, processor, name):
    image = processor.image_processor
    px = processor(images=answer.decoder_picture(name), return_tensors="pt")["pixel_values"]
    states = model.encoder(px).last_hidden_state
    out = model.generate(px, do_sample=False, max_new_tokens=24)
    logits = model(pixel_values=px, decoder_input_ids=out).logits[0]
    new = out[0, 1:].tolist()
    run = {"picture": name, "new": new, "text": processor.tokenizer.decode(new, skip_special_tokens=True),
           "pixels": hashlib.sha256(towers.to_uint8(px, image.image_mean, image.image_std)[0].numpy().tobytes()).hexdigest()}
    return run, states[0], logits


def case(name, encoder, build, image, extra, dtype, seed):
    folder = os.path.join(ROOT, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    vocab = decoder.write_tokenizer(folder, "bart") + extra
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, build(vocab))
    model = VisionEncoderDecoderModel(config).eval()
    towers.randomise(model, seed)
    for n, p in model.named_parameters():  # so that what was written does not drown what was seen
        p.data *= 3 if "encoder_attn.out_proj" in n or "encoder_attn.q_proj" in n else 0.15 if "embed_tokens" in n and config.decoder.scale_embedding else 1
    model = model.to(dtype)
    d = config.decoder
    model.generation_config = GenerationConfig(decoder_start_token_id=d.decoder_start_token_id, eos_token_id=2, pad_token_id=1, bos_token_id=0)
    model.save_pretrained(folder)
    TrOCRProcessor(image, AutoTokenizer.from_pretrained(folder)).save_pretrained(folder)
    age(name, folder)
    model = VisionEncoderDecoderModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    places = model.decoder.model.decoder.embed_positions
    if not config.decoder.use_learned_position_embeddings:  # loading leaves the table unmade
        places.weights = places.get_embedding(config.decoder.max_position_embeddings + 2, config.decoder.d_model, 1)
    processor = TrOCRProcessor(image, AutoTokenizer.from_pretrained(folder))
    runs, arrays = [], {}
    for i, picture in enumerate(PICTURES):
        with torch.no_grad():
            run, states, logits = read(model, processor, picture)
        runs.append(run)
        if i % 2 == 0:
            arrays[f"states.{i}"] = states.contiguous()
        arrays[f"logits.{i}"] = logits[:-1:4].contiguous()
    save_file(arrays, folder + ".safetensors")
    with open(folder + ".json", "w") as f:
        json.dump({"runs": runs}, f, ensure_ascii=False, indent=1)
    print(name, [r["new"] for r in runs], sorted(os.listdir(folder)))


def main():
    for name, c in CASES.items():
        if len(sys.argv) < 2 or name in sys.argv[1:]:
            case(name, *c)


if __name__ == "__main__":
    main()
