"""Goldens of models that answer questions about pictures as transformers saves them (Idefics3ForConditionalGeneration,
SmolVLMForConditionalGeneration, LlavaForConditionalGeneration): python answer.py [NAME...]

A case is a model's folder, fusion/answer/testdata/NAME/, and beside it NAME.json (pictures, the digests of their pixels,
questions, prompts as text and ids, what greedy search makes of them) and NAME.safetensors (features of pictures in the
decoder's space, logits after prompts). Pixels are those of the processors that use Pillow. Numbers are computed in float32
from the weights as stored. buckets.json holds the rows of the table of positions for all sizes of it.
"""
import hashlib
import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE] + [HERE]  # safetensors.py here must not hide the library

import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken
from transformers import AutoModelForImageTextToText, AutoTokenizer, CLIPImageProcessorPil, CLIPVisionConfig, GenerationConfig, Idefics3Config
from transformers import Idefics3ForConditionalGeneration, Idefics3ImageProcessorPil, Idefics3Processor, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration
from transformers import LlavaProcessor, SmolVLMConfig, SmolVLMForConditionalGeneration, SmolVLMImageProcessorPil, SmolVLMProcessor, SmolVLMVideoProcessor
from transformers.models.idefics3.modeling_idefics3 import Idefics3VisionConfig, Idefics3VisionEmbeddings
from transformers.models.smolvlm import processing_smolvlm

import decoder
import towers

processing_smolvlm.num2words = str  # of videos only, and not installed

ROOT = os.path.join(HERE, "..", "..", "fusion", "answer", "testdata")

SMOLVLM_CHAT = (
    "<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}{% if message['content'][0]['type'] == 'image' %}{{':'}}"
    "{% else %}{{': '}}{% endif %}{% for line in message['content'] %}{% if line['type'] == 'text' %}{{line['text']}}"
    "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
LLAVA_CHAT = (
    "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': '}}{% endif %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{{ content['text'] + ' '}}{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)

# Pictures, and how closely they are looked at where that is not the model's own way.
RUNS = [
    (["wide.png"], "What is this?", {}),
    (["tall.jpg"], "How many cats? 12 or 345!", {}),
    (["grey.png"], "What does the sign say?", {"do_image_splitting": False}),
    (["tiny.png"], "café ☕ — 東京", {}),
    (["long.png"], "Is it\n\na line?", {}),
    (["palette.png", "alpha.png"], "Which of the two is older?", {}),
]


def smolvlm_tokenizer(folder):
    tok = decoder.byte_bpe(272, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], digits=True)
    extra = ["<global-img>"] + [f"<row_{r}_col_{c}>" for r in range(1, 7) for c in range(1, 7)]
    extra += ["<fake_token_around_image>", "<image>", "<end_of_utterance>"]
    tok.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in extra])
    tok.save(os.path.join(folder, "tokenizer.json"))
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as f:
        json.dump({"clean_up_tokenization_spaces": False, "model_max_length": 1000, "tokenizer_class": "GPT2Tokenizer",
                   "bos_token": "<|im_start|>", "eos_token": "<end_of_utterance>", "unk_token": "<|endoftext|>", "pad_token": "<|im_end|>"}, f, indent=1)
    return tok


def llava_tokenizer(folder):
    tok = decoder.sentencepiece_bpe(290)
    tok.add_special_tokens([AddedToken("<image>", normalized=False, special=True), AddedToken("<pad>", normalized=False, special=True)])
    tok.save(os.path.join(folder, "tokenizer.json"))
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as f:
        json.dump({"clean_up_tokenization_spaces": False, "model_max_length": 1000, "tokenizer_class": "LlamaTokenizer", "bos_token": "<s>",
                   "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "add_bos_token": True, "legacy": False}, f, indent=1)
    return tok


def text(vocab, **more):
    return dict(model_type="llama", vocab_size=vocab, hidden_size=24, intermediate_size=41, num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=1,
                max_position_embeddings=320, rms_norm_eps=1e-5, rope_parameters={"rope_type": "default", "rope_theta": 100000.0}, pad_token_id=2,
                bos_token_id=1) | more


def idefics(config, model, processor, vision, scale, tile, longest, seq):
    def build(folder):
        tok = smolvlm_tokenizer(folder)
        ids = {t: tok.token_to_id(t) for t in ("<image>", "<end_of_utterance>")}
        c = config(vision_config=vision, text_config=text(tok.get_vocab_size() + 3), scale_factor=scale, image_token_id=ids["<image>"], pad_token_id=2)
        pixels, make = processor
        pixels = pixels(size={"longest_edge": longest}, max_image_size={"longest_edge": tile})
        more = [SmolVLMVideoProcessor()] if make is SmolVLMProcessor else []
        p = make(pixels, AutoTokenizer.from_pretrained(folder), *more, image_seq_len=seq, chat_template=SMOLVLM_CHAT)
        g = GenerationConfig(bos_token_id=1, eos_token_id=ids["<end_of_utterance>"], pad_token_id=2)
        return model(c), p, g

    return build


def llava(vision, **more):
    def build(folder):
        tok = llava_tokenizer(folder)
        c = LlavaConfig(vision_config=CLIPVisionConfig(**vision), text_config=text(tok.get_vocab_size() + 5, bos_token_id=1, eos_token_id=2),
                        image_token_index=tok.token_to_id("<image>"), **more)
        side = vision["image_size"]
        pixels = CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
        strategy = more.get("vision_feature_select_strategy", "default")
        p = LlavaProcessor(pixels, AutoTokenizer.from_pretrained(folder), patch_size=vision["patch_size"], vision_feature_select_strategy=strategy,
                           chat_template=LLAVA_CHAT, num_additional_image_tokens=1)
        return LlavaForConditionalGeneration(c), p, GenerationConfig(bos_token_id=1, eos_token_id=2, pad_token_id=2)

    return build


CASES = {
    # name: what builds it, dtype, seed
    "idefics3": (idefics(Idefics3Config, Idefics3ForConditionalGeneration, (Idefics3ImageProcessorPil, Idefics3Processor),
                         dict(hidden_size=16, intermediate_size=37, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=4), 4, 32, 128, 4),
                 torch.bfloat16, 1),
    "smolvlm": (idefics(SmolVLMConfig, SmolVLMForConditionalGeneration, (SmolVLMImageProcessorPil, SmolVLMProcessor),
                        dict(hidden_size=18, intermediate_size=29, num_hidden_layers=2, num_attention_heads=3, image_size=36, patch_size=4), 2, 24, 72, 9),
                torch.float16, 2),
    "llava": (llava(dict(hidden_size=16, intermediate_size=37, num_hidden_layers=3, num_attention_heads=2, image_size=32, patch_size=8)), torch.float16, 3),
    "llava-published": (llava(dict(hidden_size=18, intermediate_size=29, num_hidden_layers=2, num_attention_heads=3, image_size=28, patch_size=7),
                              vision_feature_layer=-1, vision_feature_select_strategy="full", projector_hidden_act="gelu_pytorch_tanh"), torch.bfloat16, 4),
}


def age(name, folder):
    """Files as their publishers wrote them."""
    if name == "smolvlm":  # the class's defaults count
        towers.edit(folder, "config.json", lambda d: [d["vision_config"].pop(k) for k in ("hidden_act", "layer_norm_eps", "num_channels")])
    if name.startswith("llava"):
        os.rename(os.path.join(folder, "processor_config.json"), os.path.join(folder, "was.json"))
        was = json.load(open(os.path.join(folder, "was.json")))
        os.remove(os.path.join(folder, "was.json"))
        image = was.pop("image_processor") | {"image_processor_type": "CLIPImageProcessor"}
        for at, d in (("preprocessor_config.json", image), ("processor_config.json", was)):
            with open(os.path.join(folder, at), "w") as f:
                json.dump(d, f, indent=1)
    if name == "llava-published":
        at = os.path.join(folder, "model.safetensors")
        tensors = {k.replace("vision_tower.", "vision_tower.vision_model."): v for k, v in load_file(at).items()}
        save_file(tensors, at, {"format": "pt"})


def tiles(name, inputs):
    """The bytes of tiles, of all pictures in order."""
    px = inputs["pixel_values"]
    if px.ndim == 5:
        px = px[0]
    mean, std = ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]) if name.startswith("llava") else ([0.5] * 3, [0.5] * 3)
    return towers.to_uint8(px.float(), mean, std)


def answer(name, model, processor, names, question, how):
    pictures = [decoder_picture(n) for n in names]
    content = [{"type": "image"}] * len(names) + [{"type": "text", "text": question}]
    prompt = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    inputs = processor(text=[prompt], images=[pictures] if not name.startswith("llava") else pictures, return_tensors="pt", **how)
    features = model.get_image_features(**{k: v for k, v in inputs.items() if k.startswith("pixel")}, **feature_args(model.config)).pooler_output
    features = torch.cat([f.reshape(-1, f.shape[-1]) for f in features])
    logits = model(**inputs).logits[0, -1:]
    out = model.generate(**inputs, do_sample=False, max_new_tokens=12)[0]
    ids = inputs["input_ids"][0].tolist()
    new = out[len(ids):].tolist()
    both, head = (processor.tokenizer.decode(i, skip_special_tokens=True) for i in (out.tolist(), ids))
    px = tiles(name, inputs)
    run = {"pictures": names, "question": question, "how": how, "prompt": prompt, "ids": ids, "new": new,
           "text": both[len(head):] if both.startswith(head) else None,  # stray bytes can make those before them no text
           "tiles": [hashlib.sha256(p.numpy().tobytes()).hexdigest() for p in px]}
    return run, features, logits


def feature_args(c):
    if c.model_type != "llava":
        return {}
    return {"vision_feature_layer": c.vision_feature_layer, "vision_feature_select_strategy": c.vision_feature_select_strategy}


def decoder_picture(name):
    from PIL import Image

    return Image.open(os.path.join(towers.PICTURES, name)).convert("RGB")


def case(name, build, dtype, seed):
    folder = os.path.join(ROOT, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    model, processor, generation = build(folder)
    towers.randomise(model.eval(), seed)
    model = model.to(dtype)
    model.generation_config = generation
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    age(name, folder)
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    runs, arrays = [], {}
    for i, (names, question, how) in enumerate(RUNS):
        if name.startswith("llava"):
            how = {}
        with torch.no_grad():
            run, features, logits = answer(name, model, processor, names, question, how)
        runs.append(run)
        if i in (0, 3, 5):
            arrays[f"features.{i}"] = features.contiguous()
        arrays[f"logits.{i}"] = logits.contiguous()
    save_file(arrays, folder + ".safetensors")
    with open(folder + ".json", "w") as f:
        json.dump({"runs": runs}, f, ensure_ascii=False, indent=1)
    print(name, [len(r["ids"]) for r in runs], [len(r["tiles"]) for r in runs], [r["new"] for r in runs], sorted(os.listdir(folder)))


def buckets():
    """For tables of 1 to 40 positions a side, and as many or fewer patches, the positions of these."""
    out = {}
    for side in list(range(1, 41)):
        e = Idefics3VisionEmbeddings(Idefics3VisionConfig(hidden_size=1, image_size=side, patch_size=1))
        e.patch_embedding.weight.data.zero_(), e.patch_embedding.bias.data.zero_()
        e.position_embedding.weight.data = torch.arange(side * side, dtype=torch.float32).view(-1, 1)
        for patches in {side, max(side // 2, 1), max(side - 1, 1), side + 3}:
            with torch.no_grad():
                y = e(torch.zeros(1, 3, patches, patches), torch.ones(1, patches, patches, dtype=torch.bool))[0, :, 0]
            out[f"{side} {patches}"] = [int(v) for v in y[:patches]]
    with open(os.path.join(HERE, "..", "..", "vit", "testdata", "buckets.json"), "w") as f:
        json.dump(out, f, separators=(",", ":"))


def main():
    os.makedirs(ROOT, exist_ok=True)
    if len(sys.argv) < 2:
        buckets()
    for name, c in CASES.items():
        if len(sys.argv) < 2 or name in sys.argv[1:]:
            case(name, *c)


if __name__ == "__main__":
    main()
