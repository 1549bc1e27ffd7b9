"""Goldens of jina-clip-v2, in the layout of jinaai/jina-clip-v2: python jina.py

The code of its authors is not a package. Its towers are those of libraries, with other names for the tensors: EVA02 is timm's
Eva; jina-embeddings-v3 is that of transformers, once the low-rank adapter of a task has been added to its weights (for texts
"w + b @ a", for embeddings "w + a @ b", times alpha / rank).
"""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE] + [HERE]  # safetensors.py and timm.py here must not hide the libraries

import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from safetensors.torch import load_file, save_file
from timm.models.eva import Eva
from transformers import AutoTokenizer, JinaEmbeddingsV3Config, JinaEmbeddingsV3Model

import openclip
import towers
import vit
import xlmr

TEXTS = towers.SCRIPTS + ["what!? no!!? way", "one <pad> two <mask> three"]
BASE = dict(hidden_size=48, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=40)

CASES = {
    # As published: an adapter for queries, nothing after the towers.
    "jina-clip": dict(
        seed=101, dtype=torch.bfloat16, tasks=["retrieval.query"], task="retrieval.query", rank=4, alpha=4, base=BASE, theta=20000.0,
        text=dict(embed_dim=48, pooler_type="mean_pooler"),
        vision=dict(embed_dim=48, width=48, head_width=16, image_size=50, patch_size=14, layers=2, mlp_ratio=2.6667, qkv_bias=True, subln=True,
                    naive_swiglu=True, rope_embeddings=True, intp_freq=True, pt_hw_seq_len=16, ls_init_value=None),
        top={}, preprocess=dict(size=50, resize_mode="shortest", interpolation="bicubic"),
    ),
    # Other values of the same configuration: the second of three adapters, projections, plain MLPs, layer scales.
    "jina-clip-linear": dict(
        seed=102, dtype=torch.float16, tasks=["classification", "text-matching", "separation"], task="text-matching", rank=2, alpha=3,
        base=dict(BASE, hidden_size=36, num_attention_heads=3, rotary_emb_base=100.0, type_vocab_size=2), theta=100.0,
        text=dict(embed_dim=30, pooler_type="cls_pooler", proj_type="linear", proj_bias=True),
        vision=dict(embed_dim=30, width=32, head_width=8, image_size=48, patch_size=16, layers=2, mlp_ratio=1.3, qkv_bias=True, subln=False,
                    naive_swiglu=False, rope_embeddings=True, intp_freq=False, pt_hw_seq_len=3, ls_init_value=0.1, proj_type="linear"),
        top={}, preprocess=dict(size=48, resize_mode="longest", interpolation="bilinear", fill_color=7),
    ),
    # No adapter, the projections of the whole model.
    "jina-clip-projected": dict(
        seed=103, dtype=torch.float32, tasks=["retrieval.query", "retrieval.passage"], task=None, rank=1, alpha=1, base=dict(BASE, hidden_size=24, num_attention_heads=2), theta=20000.0,
        text=dict(embed_dim=24, pooler_type=None),
        vision=dict(embed_dim=24, width=24, head_width=12, image_size=48, patch_size=16, layers=1, mlp_ratio=2, qkv_bias=False, subln=False,
                    naive_swiglu=True, rope_embeddings=False, ls_init_value=None),
        top=dict(add_projections=True, projection_dim=20), preprocess=dict(size=48, resize_mode="squash"),
    ),
}


def eva(v):
    grid = v["image_size"] // v["patch_size"]
    return Eva(
        img_size=v["image_size"], patch_size=v["patch_size"], embed_dim=v["width"], depth=v["layers"], num_heads=v["width"] // v["head_width"],
        mlp_ratio=v["mlp_ratio"], qkv_bias=v["qkv_bias"], qkv_fused=not v["subln"], swiglu_mlp=v["naive_swiglu"], scale_mlp=v["subln"],
        scale_attn_inner=v["subln"], use_rot_pos_emb=v["rope_embeddings"], ref_feat_shape=v["pt_hw_seq_len"] if v.get("intp_freq") else grid,
        init_values=v["ls_init_value"], num_classes=v["embed_dim"] if v.get("proj_type") else 0, global_pool="token",
    )


def vision_names(model, v):
    """timm's tensors by the names of EVA02's authors."""
    out = {}
    for k, x in model.state_dict().items():
        k = k.replace("attn.norm.", "attn.inner_attn_ln.").replace("mlp.norm.", "mlp.ffn_ln.")
        k = k.replace("q_proj.bias", "q_bias").replace("v_proj.bias", "v_bias")
        if v["naive_swiglu"] and "mlp.fc1." in k:  # timm packs them where there is no norm
            one, two = x.chunk(2)
            out["vision_model." + k.replace("fc1", "w1")], out["vision_model." + k.replace("fc1", "w2")] = one, two
            continue
        if v["naive_swiglu"]:
            k = k.replace("fc1_g", "w1").replace("fc1_x", "w2").replace("fc2", "w3")
        out["vision_model." + k] = x
    return out


def text_names(model, c, g):
    """The tensors of transformers by the names of the authors, each weight as a sum of an original and adapters."""
    at, state, out, layers = "text_model.transformer.roberta.", model.state_dict(), {}, c["base"]["num_hidden_layers"]
    n, rank = len(c["tasks"]), c["rank"]
    chosen = c["tasks"].index(c["task"]) if c["task"] else None

    def adapted(name, weight, embedding=False):
        rows, cols = weight.shape
        left, right = torch.randn(n, rows, rank, generator=g) * 0.3, torch.randn(n, rank, cols, generator=g) * 0.3 / rank
        left, right, weight = left.to(c["dtype"]), right.to(c["dtype"]), weight.to(c["dtype"])
        out[f"{at}{name}.parametrizations.weight.original"] = weight
        out[f"{at}{name}.parametrizations.weight.0.lora_A"] = left if embedding else right
        out[f"{at}{name}.parametrizations.weight.0.lora_B"] = right if embedding else left
        if chosen is None:
            return weight.float()
        return weight.float() + left[chosen].float() @ right[chosen].float() * (c["alpha"] / rank)

    def linear(name, *parts):
        merged = adapted(name, torch.cat([state[p + ".weight"] for p in parts])).chunk(len(parts))
        bias = out[at + name + ".bias"] = torch.cat([state[p + ".bias"] for p in parts]).to(c["dtype"])
        for p, w, b in zip(parts, merged, bias.float().chunk(len(parts))):
            state[p + ".weight"], state[p + ".bias"] = w, b

    def norm(name, part):
        for k in (".weight", ".bias"):
            out[at + name + k] = state[part + k].to(c["dtype"])
            state[part + k] = out[at + name + k].float()

    for e in ("word_embeddings", "token_type_embeddings"):
        state[f"embeddings.{e}.weight"] = adapted("embeddings." + e, state[f"embeddings.{e}.weight"], embedding=True)
    norm("emb_ln", "embeddings.LayerNorm")
    for i in range(layers):
        a, b = f"encoder.layers.{i}.", f"layers.{i}."
        linear(a + "mixer.Wqkv", *(b + f"self_attn.{x}_proj" for x in "qkv"))
        linear(a + "mixer.out_proj", b + "self_attn.o_proj")
        linear(a + "mlp.fc1", b + "mlp.fc1")
        linear(a + "mlp.fc2", b + "mlp.fc2")
        norm(a + "norm1", b + "post_attention_layernorm")
        norm(a + "norm2", b + "post_mlp_layernorm")
    model.load_state_dict(state)
    return out


def write_folder(folder, c, tensors):
    text = dict(
        c["text"], model_type="jina_clip_text", hf_model_name_or_path="jinaai/jina-embeddings-v3", default_instruction_task=None,
        default_lora_task=c["task"], hf_model_config_kwargs=dict(
            c["base"], lora_adaptations=c["tasks"], lora_alpha=c["alpha"], lora_rank=c["rank"], lora_dropout_p=0.0, load_trained_adapters=False,
            lora_main_params_trainable=False, use_flash_attn=True, task_instructions={t: "Represent this: " for t in c["tasks"]},
        ),
    )
    config = dict(
        model_type="jina_clip", architectures=["JinaCLIPModel"], add_projections=False, projection_dim=c["vision"]["embed_dim"], logit_scale_init_value=2.6592,
        matryoshka_dimensions=[8, 16], text_config=text, vision_config=dict(c["vision"], model_type="jina_clip_vision", patch_dropout=0.1), truncate_dim=None,
    )
    pre = dict(c["preprocess"], mean=openclip.MEAN, std=openclip.STD, image_processor_type="JinaCLIPImageProcessor", processor_class="JinaCLIPProcessor")
    for name, data in (("config.json", {**config, **c["top"]}), ("preprocessor_config.json", pre)):
        with open(os.path.join(folder, name), "w") as f:
            json.dump(data, f, indent=1)
    save_file({k: v.to(c["dtype"]).contiguous() for k, v in tensors.items()}, os.path.join(folder, "model.safetensors"))


def main():
    towers.pictures()
    names, images = towers.open_pictures()
    for name, c in CASES.items():
        folder, g = towers.fresh(name), torch.Generator().manual_seed(c["seed"])
        c["base"] = dict(c["base"], vocab_size=xlmr.vocabulary(folder))
        known = {k: v for k, v in c["base"].items() if k != "rotary_emb_base"}
        text = JinaEmbeddingsV3Model(JinaEmbeddingsV3Config(**known, rope_parameters=dict(rope_type="default", rope_theta=c["theta"])), add_pooling_layer=False).eval()
        vision = eva(c["vision"]).eval()
        towers.randomise(text, c["seed"])
        vit.randomise(vision, c["seed"] + 1)
        half = lambda x: x.to(c["dtype"]).float()
        vision.load_state_dict({k: half(v) for k, v in vision.state_dict().items()})
        tensors = {**text_names(text, c, g), **vision_names(vision, c["vision"]), "logit_scale": torch.tensor(3.0)}
        heads, linear = {}, lambda o, i, *bias: [half(torch.randn(o, i, generator=g) / i**0.5)] + [half(torch.randn(o, generator=g) * 0.2)] * len(bias)
        width, out = c["base"]["hidden_size"], c["top"].get("projection_dim", c["text"]["embed_dim"])
        if c["text"].get("proj_type"):
            heads["text"] = tensors["text_model.proj.weight"], tensors["text_model.proj.bias"] = linear(out, width, True)
        if c["top"]:
            heads["text"] = (tensors["text_projection.weight"],) = linear(out, width)
            heads["image"] = (tensors["visual_projection.weight"],) = linear(out, c["vision"]["width"])
        write_folder(folder, c, tensors)

        tokenizer, limit = AutoTokenizer.from_pretrained(folder), c["base"]["max_position_embeddings"] - 2
        enc = tokenizer(TEXTS, padding=True, truncation=True, max_length=limit, return_tensors="pt")["input_ids"]
        mask = (enc != 1).long()
        pre = {k: v for k, v in c["preprocess"].items()}
        transform = image_transform_v2(PreprocessCfg(**pre, mean=openclip.MEAN, std=openclip.STD), is_train=False)
        px = torch.stack([transform(i) for i in images])
        with torch.no_grad():
            states = text(input_ids=enc, attention_mask=mask).last_hidden_state
            pooled = states[:, 0] if c["text"]["pooler_type"] == "cls_pooler" else (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
            t = torch.nn.functional.linear(pooled, *heads["text"]) if "text" in heads else pooled
            i = vision(px)
            i = torch.nn.functional.linear(i, *heads["image"]) if "image" in heads else i
            unit = [x / x.norm(dim=-1, keepdim=True) for x in (i, t)]
            logits = torch.tensor(3.0).exp() * unit[0] @ unit[1].T
        ids = [tokenizer(s, truncation=True, max_length=limit)["input_ids"] for s in TEXTS]
        towers.write(name, names, None, TEXTS, ids, i, t, logits, meta=towers.digests(towers.to_uint8(px, openclip.MEAN, openclip.STD)))


if __name__ == "__main__":
    main()
