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


AT = "text_model.transformer.roberta."


def text_tower(model, c):
    """A module with the parameters of the authors' tower, of the sizes of one of transformers."""
    out, n, rank = torch.nn.Module(), len(c["tasks"]), c["rank"]

    def add(name, *shape):
        *path, leaf = (AT + name).split(".")
        at = out
        for part in path:
            if not hasattr(at, part):
                at.add_module(part, torch.nn.Module())
            at = getattr(at, part)
        at.register_parameter(leaf, torch.nn.Parameter(torch.empty(shape)))

    def adapted(name, rows, cols, embedding=False):
        left, right = ("lora_A", "lora_B") if embedding else ("lora_B", "lora_A")
        add(f"{name}.parametrizations.weight.original", rows, cols)
        add(f"{name}.parametrizations.weight.0.{left}", n, rows, rank)
        add(f"{name}.parametrizations.weight.0.{right}", n, rank, cols)

    width, hidden = model.config.hidden_size, model.config.intermediate_size
    for e, rows in (("word_embeddings", model.config.vocab_size), ("token_type_embeddings", model.config.type_vocab_size)):
        adapted("embeddings." + e, rows, width, embedding=True)
    norms = ["emb_ln"]
    for i in range(model.config.num_hidden_layers):
        b = f"encoder.layers.{i}."
        for name, rows, cols in (("mixer.Wqkv", 3 * width, width), ("mixer.out_proj", width, width), ("mlp.fc1", hidden, width), ("mlp.fc2", width, hidden)):
            adapted(b + name, rows, cols)
            add(b + name + ".bias", rows)
        norms += [b + "norm1", b + "norm2"]
    for name in norms:
        add(name + ".weight", width), add(name + ".bias", width)
    return out


def merged(tensors, c):
    """The state of transformers' model: each weight with the adapter of the chosen task."""
    chosen, out = c["tasks"].index(c["task"]) if c["task"] else None, {}
    get = lambda name: tensors[AT + name].to(c["dtype"]).float()

    def weight(name, embedding=False):
        w, a, b = (get(f"{name}.parametrizations.weight.{x}") for x in ("original", "0.lora_A", "0.lora_B"))
        if chosen is None:
            return w
        return w + (a[chosen] @ b[chosen] if embedding else b[chosen] @ a[chosen]) * (c["alpha"] / c["rank"])

    def linear(name, *parts):
        for p, w, b in zip(parts, weight(name).chunk(len(parts)), get(name + ".bias").chunk(len(parts))):
            out[p + ".weight"], out[p + ".bias"] = w, b

    def norm(name, part):
        out[part + ".weight"], out[part + ".bias"] = get(name + ".weight"), get(name + ".bias")

    for e in ("word_embeddings", "token_type_embeddings"):
        out[f"embeddings.{e}.weight"] = weight("embeddings." + e, embedding=True)
    norm("emb_ln", "embeddings.LayerNorm")
    for i in range(c["base"]["num_hidden_layers"]):
        a, b = f"encoder.layers.{i}.", f"layers.{i}."
        linear(a + "mixer.Wqkv", *(b + f"self_attn.{x}_proj" for x in "qkv"))
        linear(a + "mixer.out_proj", b + "self_attn.o_proj")
        linear(a + "mlp.fc1", b + "mlp.fc1")
        linear(a + "mlp.fc2", b + "mlp.fc2")
        norm(a + "norm1", b + "post_attention_layernorm")
        norm(a + "norm2", b + "post_mlp_layernorm")
    return out


def heads(c):
    """A module with what is in neither tower: the scale, and the projections that a case has."""
    out, width, to = torch.nn.Module(), c["base"]["hidden_size"], c["top"].get("projection_dim", c["text"]["embed_dim"])
    out.logit_scale = torch.nn.Parameter(torch.empty(()))
    if c["text"].get("proj_type"):
        out.text_model = torch.nn.Module()
        out.text_model.proj = torch.nn.Linear(width, to)
    if c["top"]:
        out.text_projection = torch.nn.Linear(width, to, bias=False)
        out.visual_projection = torch.nn.Linear(c["vision"]["width"], to, bias=False)
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
        folder = towers.fresh(name)
        c["base"] = dict(c["base"], vocab_size=xlmr.vocabulary(folder))
        known = {k: v for k, v in c["base"].items() if k != "rotary_emb_base"}
        text = JinaEmbeddingsV3Model(JinaEmbeddingsV3Config(**known, rope_parameters=dict(rope_type="default", rope_theta=c["theta"])), add_pooling_layer=False).eval()
        vision = eva(c["vision"]).eval()
        tower, projections = text_tower(text, c), heads(c)
        for i, (module, randomise) in enumerate(((tower, towers.randomise), (vision, vit.randomise), (projections, towers.randomise))):
            randomise(module, 10 * c["seed"] + i)
        tensors = {**tower.state_dict(), **vision_names(vision, c["vision"]), **projections.state_dict()}
        half = lambda state: {k: v.to(c["dtype"]).float() for k, v in state.items()}
        text.load_state_dict(merged(tensors, c))
        vision.load_state_dict(half(vision.state_dict()))
        projections.load_state_dict(half(projections.state_dict()))
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
            own = projections.text_model.proj if c["text"].get("proj_type") else torch.nn.Identity()
            t = getattr(projections, "text_projection", own)(pooled)
            i = getattr(projections, "visual_projection", torch.nn.Identity())(vision(px))
            unit = [x / x.norm(dim=-1, keepdim=True) for x in (i, t)]
            logits = projections.logit_scale.exp() * unit[0] @ unit[1].T
        ids = [tokenizer(s, truncation=True, max_length=limit)["input_ids"] for s in TEXTS]
        towers.write(name, names, None, TEXTS, ids, i, t, logits, meta=towers.digests(towers.to_uint8(px, openclip.MEAN, openclip.STD)))


if __name__ == "__main__":
    main()
