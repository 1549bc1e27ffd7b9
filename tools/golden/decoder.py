"""Goldens of text decoders as transformers saves them (GPT2LMHeadModel, LlamaForCausalLM, Qwen2ForCausalLM,
BartForConditionalGeneration): python decoder.py

A case is a model's folder, text/decoder/testdata/NAME/, and beside it NAME.json (prompts, their ids, what greedy search
and decoding make of them) and NAME.safetensors (the logits of every fourth position of the first prompt, and of the last
position of the others). Numbers are computed in float32 from the weights as stored. sampling.json and
sampling.safetensors hold what the logits processors make of some logits.
"""
import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE] + [HERE]  # safetensors.py here must not hide the library

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer, BartConfig, GenerationConfig, GPT2Config, LlamaConfig, MistralConfig, MT5Config, Qwen2Config, T5Config
from transformers import BartForConditionalGeneration, GPT2LMHeadModel, LlamaForCausalLM, MistralForCausalLM, MT5ForConditionalGeneration, Qwen2ForCausalLM, T5ForConditionalGeneration
from transformers.generation import logits_process as lp

import towers

ROOT = os.path.join(HERE, "..", "..", "text", "decoder", "testdata")

PROMPTS = [
    "The quick brown fox jumps over the lazy dog, and",
    "a",
    "How many cats are there? 12 or 345!\n",
    "café ☕ naïve — 東京 🐈 it's they'll",
]

TRAIN = [
    "The quick brown fox jumps over the lazy dog and runs away from the two cats.",
    "How many cats are in the picture? There are three cats and a dog near the house.",
    "What does the sign say? It's a stop sign, isn't it? They'll see 12 or 345 of them.",
    "un café très élégant, naïve et déjà vu; der Straße entlang.",
]


def byte_bpe(size, specials, digits=False):
    tok = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), level]) if digits else level
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(TRAIN, trainers.BpeTrainer(
        vocab_size=size, special_tokens=specials, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
    return tok


def sentencepiece_bpe(size):
    tok = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tok.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    tok.decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    specials = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % b for b in range(256)]
    tok.pre_tokenizer, pre = pre_tokenizers.Metaspace(replacement="▁"), tok.pre_tokenizer
    tok.train_from_iterator(TRAIN, trainers.BpeTrainer(vocab_size=size, special_tokens=specials, show_progress=False))
    state = json.loads(tok.to_str())  # bytes are ordinary tokens of such a vocabulary
    state["added_tokens"] = [t for t in state["added_tokens"] if not t["content"].startswith("<0x")]
    tok = Tokenizer.from_str(json.dumps(state))
    tok.pre_tokenizer = pre
    tok.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return tok


def write_tokenizer(folder, kind):
    config = {"clean_up_tokenization_spaces": False, "model_max_length": 1000}
    if kind == "gpt2":
        tok = byte_bpe(300, ["<|endoftext|>"])
        config |= {"tokenizer_class": "GPT2Tokenizer", "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    elif kind == "smollm":
        tok = byte_bpe(297, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], digits=True)
        config |= {"tokenizer_class": "GPT2Tokenizer", "bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "unk_token": "<|endoftext|>"}
    elif kind == "bart":
        tok = byte_bpe(310, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
        tok.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
        config |= {"tokenizer_class": "BartTokenizer", "bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "cls_token": "<s>", "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>"}
    elif kind == "t5":
        tok = Tokenizer(models.Unigram())
        tok.pre_tokenizer, tok.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
        tok.train_from_iterator(TRAIN, trainers.UnigramTrainer(vocab_size=150, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False))
        tok.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
        config |= {"tokenizer_class": "T5Tokenizer", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "extra_ids": 0}
    elif kind == "qwen2":
        tok = byte_bpe(305, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
        config |= {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    else:
        tok = sentencepiece_bpe(350)
        config |= {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": True, "legacy": False}
    tok.save(os.path.join(folder, "tokenizer.json"))
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as f:
        json.dump(config, f, indent=1)
    return tok.get_vocab_size()


def gpt2(**more):
    return lambda vocab: GPT2Config(**(dict(vocab_size=vocab, n_positions=64, n_embd=36, n_layer=2, n_head=3, eos_token_id=0, bos_token_id=0) | more))


def llama(kind=LlamaConfig, **more):
    rope = more.pop("rope", None)
    c = dict(hidden_size=40, intermediate_size=51, num_hidden_layers=2, num_attention_heads=5, max_position_embeddings=96, rms_norm_eps=1e-5,
             bos_token_id=1, eos_token_id=2, pad_token_id=None)
    if rope:
        c["rope_parameters"] = {"rope_theta": 10000.0} | rope
    return lambda vocab: kind(**(c | more | {"vocab_size": vocab}))


def bart(**more):
    c = dict(d_model=36, encoder_layers=2, decoder_layers=3, encoder_attention_heads=3, decoder_attention_heads=2, encoder_ffn_dim=51, decoder_ffn_dim=43,
             max_position_embeddings=48)
    return lambda vocab: BartConfig(**(c | more | {"vocab_size": vocab}))


def t5(kind=T5Config, **more):
    c = dict(d_model=32, d_kv=8, d_ff=45, num_layers=3, num_decoder_layers=2, num_heads=3, relative_attention_num_buckets=16, relative_attention_max_distance=24,
             decoder_start_token_id=0)
    return lambda vocab: kind(**(c | more | {"vocab_size": vocab}))


CASES = {
    # name: config, tokenizer, more vocabulary rows than tokens, dtype, shard size, seed
    "gpt2": (gpt2(n_embd=24), "gpt2", 0, torch.float32, None, 1),
    "gpt2-old": (gpt2(n_inner=53, n_head=2, scale_attn_by_inverse_layer_idx=True, activation_function="gelu"), "gpt2", 3, torch.float16, "40KB", 2),
    "gpt2-untied": (gpt2(n_embd=33, n_head=1, n_positions=40, scale_attn_weights=False, tie_word_embeddings=False), "gpt2", 1, torch.bfloat16, None, 3),
    "llama-mha": (llama(), "llama", 0, torch.float16, "40KB", 4),
    "llama-gqa": (llama(num_attention_heads=6, hidden_size=48, num_key_value_heads=2, head_dim=10, attention_bias=True, mlp_bias=True,
                        rope=dict(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=24)),
                  "llama", 5, torch.bfloat16, None, 5),
    "llama-mqa": (llama(num_key_value_heads=1, rope=dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=24)), "llama", 2, torch.float16, None, 6),
    "llama-linear": (llama(rope=dict(rope_type="linear", factor=2.5)), "llama", 0, torch.bfloat16, None, 7),
    "llama-dynamic": (llama(max_position_embeddings=32, rope=dict(rope_type="dynamic", factor=3.0)), "llama", 0, torch.bfloat16, None, 8),
    "smollm2": (llama(hidden_size=36, num_attention_heads=9, num_key_value_heads=3, intermediate_size=75, tie_word_embeddings=True,
                      rope=dict(rope_type="default", rope_theta=100000.0)), "smollm", 4, torch.bfloat16, None, 9),
    "qwen2": (llama(Qwen2Config, num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=True, eos_token_id=0, bos_token_id=None,
                    rope=dict(rope_type="yarn", rope_theta=1e6, factor=3.0, original_max_position_embeddings=32, attention_factor=1.05, beta_fast=24)),
              "qwen2", 6, torch.bfloat16, None, 10),
}

CASES |= {
    "bart": (bart(scale_embedding=True, forced_bos_token_id=0), "bart", 3, torch.bfloat16, None, 11),
    "bart-plain": (bart(activation_function="relu", forced_eos_token_id=None, tie_word_embeddings=False), "bart", 0, torch.float16, "60KB", 12),
}

CASES |= {
    "t5": (t5(), "t5", 3, torch.float32, "60KB", 13),
    "t5-gated": (t5(feed_forward_proj="gated-gelu", num_decoder_layers=1, d_kv=10, relative_attention_num_buckets=8, relative_attention_max_distance=11, tie_word_embeddings=False), "t5", 0, torch.bfloat16, None, 14),
    "mt5": (t5(MT5Config, num_layers=1, num_decoder_layers=1, d_kv=7), "t5", 0, torch.float16, None, 15),
}

CASES |= {
    "mistral": (llama(MistralConfig, num_attention_heads=4, num_key_value_heads=2, sliding_window=9), "llama", 2, torch.bfloat16, None, 16),
    "qwen2-window": (llama(Qwen2Config, num_attention_heads=4, num_key_value_heads=1, num_hidden_layers=3, use_sliding_window=True, sliding_window=11, max_window_layers=1,
                           eos_token_id=0, bos_token_id=None), "qwen2", 0, torch.float16, None, 17),
}

MODELS = {MistralConfig: MistralForCausalLM, MT5Config: MT5ForConditionalGeneration, T5Config: T5ForConditionalGeneration, BartConfig: BartForConditionalGeneration, GPT2Config: GPT2LMHeadModel, LlamaConfig: LlamaForCausalLM, Qwen2Config: Qwen2ForCausalLM}


def age(name, folder):
    """Files as other generations of publishers wrote them."""
    if name == "gpt2-old":  # the first published folders: names at the root, buffers among the weights

        def old(tensors):
            out = {k.removeprefix("transformer."): v for k, v in tensors.items()}
            for i in range(2):
                out[f"h.{i}.attn.bias"] = torch.ones(1, 1, 64, 64).tril()
            return out

        index = json.load(open(os.path.join(folder, "model.safetensors.index.json")))
        tensors = {}
        for shard in set(index["weight_map"].values()):
            tensors |= load_file(os.path.join(folder, shard))
            os.remove(os.path.join(folder, shard))
        os.remove(os.path.join(folder, "model.safetensors.index.json"))
        save_file({k: v.contiguous() for k, v in old(tensors).items()}, os.path.join(folder, "model.safetensors"), {"format": "pt"})
    if name in ("llama-gqa", "llama-linear", "llama-mha", "llama-dynamic"):

        def rope(d):
            p = d.pop("rope_parameters")
            d["rope_theta"] = p.pop("rope_theta")
            d["rope_scaling"] = p if p["rope_type"] != "default" else None
            if name == "llama-linear":
                p["type"] = p.pop("rope_type")
            d["torch_dtype"] = d.pop("dtype", "float32")

        towers.edit(folder, "config.json", rope)
    if name == "llama-mha":  # sparse: the class's defaults count

        def sparse(d):
            for k in ("num_key_value_heads", "hidden_act", "attention_bias", "mlp_bias", "head_dim", "tie_word_embeddings", "eos_token_id", "rope_theta"):
                d.pop(k, None)

        towers.edit(folder, "config.json", sparse)
        os.remove(os.path.join(folder, "generation_config.json"))
    if name == "bart-plain":

        def limits(d):
            d["no_repeat_ngram_size"], d["min_length"] = 3, 9

        towers.edit(folder, "generation_config.json", limits)
    if name == "smollm2":
        with open(os.path.join(folder, "generation_config.json"), "w") as f:
            json.dump({"eos_token_id": [2, 0], "bos_token_id": 1, "repetition_penalty": 1.3, "max_new_tokens": 24}, f)


def generate(model, tokenizer, prompt, n):
    ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
    if model.config.is_encoder_decoder:
        out = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=n)
        full = model(ids, decoder_input_ids=out).logits[0]
        new = out[0, 1:].tolist()
        return {"prompt": prompt, "ids": ids[0].tolist(), "begin": out[0].tolist(), "new": new, "text": tokenizer.decode(new, skip_special_tokens=True)}, full
    full = model(ids).logits[0]
    out = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=n)[0]
    new = out[ids.shape[1]:].tolist()
    text = tokenizer.decode(out.tolist(), skip_special_tokens=True)
    head = tokenizer.decode(ids[0].tolist(), skip_special_tokens=True)
    text = text[len(head):] if text.startswith(head) else None  # stray bytes can make those before them no text
    return {"prompt": prompt, "ids": ids[0].tolist(), "new": new, "text": text}, full


def case(name, build, kind, extra, dtype, shard, seed):
    folder = os.path.join(ROOT, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    vocab = write_tokenizer(folder, kind) + extra
    config = build(vocab)
    model = MODELS[type(config)](config).eval()
    towers.randomise(model, seed)
    if hasattr(model, "final_logits_bias"):
        model.final_logits_bias.copy_(torch.randn(model.final_logits_bias.shape, generator=torch.Generator().manual_seed(seed)))
    model.tie_weights()
    model = model.to(dtype)
    model.generation_config = GenerationConfig.from_model_config(config)
    model.save_pretrained(folder, max_shard_size=shard or "5GB")
    age(name, folder)

    tokenizer = AutoTokenizer.from_pretrained(folder)
    n = 28 if name == "gpt2-untied" else 40  # some go past what they were trained for, none past what they hold
    runs, logits = [], {}
    for i, prompt in enumerate(PROMPTS):
        auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        model = auto.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()  # dynamic RoPE keeps state
        with torch.no_grad():
            room = getattr(config, "max_position_embeddings", 512) - len(tokenizer(prompt)["input_ids"])
            run, full = generate(model, tokenizer, prompt, min(n, room) if "gpt2" in name else n)
        runs.append(run)
        logits[f"logits.{i}"] = (full[::4] if i == 0 else full[-1:]).contiguous()
    save_file(logits, folder + ".safetensors")
    with open(folder + ".json", "w") as f:
        json.dump({"runs": runs}, f, ensure_ascii=False, indent=1)
    print(name, vocab, [len(r["ids"]) for r in runs], [len(r["new"]) for r in runs], sorted(os.listdir(folder)))


SAMPLINGS = [
    {"temperature": 0.7},
    {"temperature": 1.9, "top_k": 7},
    {"top_k": 5000},
    {"top_p": 0.8},
    {"top_p": 0.001},
    {"temperature": 0.5, "top_p": 0.95, "min_p": 0.05},
    {"min_p": 0.2},
    {"repetition_penalty": 1.4},
    {"repetition_penalty": 0.6, "temperature": 1.3, "top_k": 11, "top_p": 0.7, "min_p": 0.1},
]


def sampling():
    g = torch.Generator().manual_seed(3)
    logits = torch.randn(4, 101, generator=g) * torch.tensor([[0.5], [2], [4], [8]])
    logits[3, 50:60] = logits[3, 3]  # ties
    seen = torch.randint(0, 101, (4, 9), generator=g)
    out = {"logits": logits}
    for i, s in enumerate(SAMPLINGS):
        chain = lp.LogitsProcessorList()
        if "repetition_penalty" in s:
            chain.append(lp.RepetitionPenaltyLogitsProcessor(s["repetition_penalty"]))
        if "temperature" in s:
            chain.append(lp.TemperatureLogitsWarper(s["temperature"]))
        if "top_k" in s:
            chain.append(lp.TopKLogitsWarper(s["top_k"]))
        if "top_p" in s:
            chain.append(lp.TopPLogitsWarper(s["top_p"]))
        if "min_p" in s:
            chain.append(lp.MinPLogitsWarper(s["min_p"]))
        out[f"probs.{i}"] = chain(seen, logits.clone()).softmax(-1)
    save_file(out, os.path.join(ROOT, "sampling.safetensors"))
    with open(os.path.join(ROOT, "sampling.json"), "w") as f:
        json.dump({"seen": seen.tolist(), "samplings": SAMPLINGS}, f)


def main():
    os.makedirs(ROOT, exist_ok=True)
    sampling()
    for name, c in CASES.items():
        if len(sys.argv) < 2 or name in sys.argv[1:]:
            case(name, *c)


if __name__ == "__main__":
    main()
