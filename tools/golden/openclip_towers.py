"""Goldens of open_clip's other towers: timm's, CLIPA, CoCa, XLM-RoBERTa, worldwide vocabularies: python openclip_towers.py"""
import functools
import gzip
import json
import os
import sys
import tempfile
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE] + [HERE]  # safetensors.py here must not hide the library

import open_clip
import timm
import timm.models.vision_transformer as vt
import torch
import transformers
from open_clip import hf_model
from open_clip.coca_model import CoCa
from open_clip.model import CLIP, CustomTextCLIP
from open_clip.tokenizer import HFTokenizer, SimpleTokenizer
from safetensors.torch import load_file, save_file
from timm.layers import LayerNorm, QuickGELU
from timm.models import register_model
from timm.models.eva import Eva
from transformers import BertTokenizer, CLIPTokenizer, Siglip2Tokenizer, T5Tokenizer, XLMRobertaConfig

import openclip
import siglip
import siglip2
import towers
import xlmr

MEAN, STD = openclip.MEAN, openclip.STD
HALF = (0.5,) * 3
IMAGENET = dict(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


def timm_cfg(name, pool, proj, **more):
    return dict(image_size=48, timm_model_name=name, timm_model_pretrained=False, timm_pool=pool, timm_proj=proj, **more)


def text_cfg(length, **more):
    return dict(layers=2, width=36, heads=3, mlp_ratio=1.3, context_length=length, **more)


def native(**more):
    return dict(layers=2, width=40, head_width=20, mlp_ratio=1.2, patch_size=12, image_size=48, **more)


XLMR = dict(
    model_type="xlm-roberta", hidden_size=36, intermediate_size=44, num_hidden_layers=2, num_attention_heads=3, max_position_embeddings=34,
    layer_norm_eps=1e-5, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2,
)

CASES = {
    "openclip-siglip2": dict(
        tokenizer="gemma", seed=61, dtype=torch.bfloat16,
        config=dict(
            embed_dim=48, init_logit_bias=-10, custom_text=True, vision_cfg=timm_cfg("vit_tiny_patch16_siglip_48", "map", "none"),
            text_cfg=text_cfg(
                22, hf_tokenizer_name="timm/ViT-B-16-SigLIP2", tokenizer_kwargs=dict(clean="canonicalize"), no_causal_mask=True,
                proj_bias=True, pool_type="last", norm_kwargs=dict(eps=1e-6), act_kwargs=dict(approximate="tanh"),
            ),
        ),
        preprocess=dict(size=(48, 48), mean=HALF, std=HALF, interpolation="bicubic", resize_mode="squash"),
    ),
    "openclip-clipa": dict(
        tokenizer="bert", seed=62, dtype=torch.float16,
        config=dict(
            embed_dim=28, vision_cfg=native(no_ln_pre=True, pool_type="avg", final_ln_after_pool=True, pos_embed_type="sin_cos_2d"),
            text_cfg=text_cfg(14, hf_tokenizer_name="bert-base-uncased", tokenizer_kwargs=dict(strip_sep_token=True), pool_type="last", no_causal_mask=True),
        ),
        preprocess=dict(size=(48, 48), interpolation="bilinear", resize_mode="squash", **IMAGENET),
    ),
    "openclip-coca": dict(
        seed=63, dtype=torch.float16, coca=True,
        config=dict(
            embed_dim=24, custom_text=True, vision_cfg=native(attentional_pool=True, attn_pooler_heads=4, attn_pooler_queries=5, output_tokens=True),
            text_cfg=text_cfg(19, embed_cls=True, output_tokens=True), multimodal_cfg=text_cfg(19, attn_pooler_heads=3),
        ),
        preprocess=dict(size=(48, 48), mean=MEAN, std=STD),
    ),
    "openclip-coca-even": dict(
        seed=64, dtype=torch.float16, coca=True,
        config=dict(
            embed_dim=40, quick_gelu=True, custom_text=True, vision_cfg=native(attentional_pool=True, attn_pooler_queries=3, output_tokens=True),
            text_cfg=text_cfg(9, embed_cls=True, output_tokens=True), multimodal_cfg=text_cfg(9),
        ),
        preprocess=dict(size=(48, 48), mean=MEAN, std=STD),
    ),
    "openclip-mobileclip2": dict(
        seed=65, dtype=torch.float16,
        config=dict(embed_dim=30, custom_text=True, vision_cfg=timm_cfg("vit_tiny_patch16_clip_48", "token", None), text_cfg=text_cfg(20, no_causal_mask=True)),
        preprocess=dict(size=(48, 48), mean=(0.0,) * 3, std=(1.0,) * 3, interpolation="bilinear"),
    ),
    "openclip-timm-linear": dict(
        seed=66, dtype=torch.float16,
        config=dict(embed_dim=30, vision_cfg=timm_cfg("vit_tiny_patch16_clip_quickgelu_48", "token", "linear"), text_cfg=text_cfg(20)),
        preprocess=dict(size=(48, 48), mean=MEAN, std=STD),
    ),
    "openclip-xlmr": dict(  # the tower's configuration in the folder, the projection that is the default
        tokenizer="xlmr", seed=67, dtype=torch.float16, tower=XLMR, where="config.json",
        config=dict(embed_dim=25, vision_cfg=native(), text_cfg=dict(hf_model_name="xlm-roberta-base", hf_tokenizer_name="xlm-roberta-base", hf_pooler_type="mean_pooler")),
        preprocess=dict(size=(48, 48), mean=MEAN, std=STD),
    ),
    "openclip-xlmr-cls": dict(  # in a folder of its own, cut by the context, the pooler with a dense layer
        tokenizer="xlmr", seed=68, dtype=torch.bfloat16, tower=dict(XLMR, hidden_size=28, num_attention_heads=4, hidden_act="gelu_new"), where="tower/config.json",
        config=dict(
            embed_dim=20, vision_cfg=native(),
            text_cfg=dict(hf_model_name="tower", hf_tokenizer_name="tower", hf_pooler_type="cls_pooler", hf_proj_type="linear", context_length=12),
        ),
        preprocess=dict(size=(48, 48), mean=MEAN, std=STD),
    ),
    "openclip-xlmr-bare": dict(
        tokenizer="xlmr", seed=69, dtype=torch.float32, tower=dict(XLMR, hidden_size=24, num_attention_heads=1, num_hidden_layers=1), where="config.json",
        config=dict(
            embed_dim=24, quick_gelu=True, vision_cfg=native(),
            text_cfg=dict(hf_model_name="xlm-roberta-base", hf_tokenizer_name="xlm-roberta-base", hf_pooler_type="cls_last_hidden_state_pooler", hf_proj_type=None),
        ),
        preprocess=dict(size=(48, 48), mean=MEAN, std=STD),
    ),
    "openclip-worldwide": dict(  # MetaCLIP 2
        tokenizer="t5", seed=70, dtype=torch.float16,
        config=dict(
            embed_dim=26, quick_gelu=True, vision_cfg=native(),
            text_cfg=text_cfg(18, hf_tokenizer_name="google/mt5-base", pool_type="eos", eos_id=1, tokenizer_kwargs=dict(clean="canonicalize")),
        ),
        preprocess=dict(size=(48, 48), mean=MEAN, std=STD),
    ),
    "openclip-eva02": dict(
        seed=71, dtype=torch.float16,
        config=dict(embed_dim=20, custom_text=True, vision_cfg=timm_cfg("eva02_vit_tiny_clip_48", "token", None), text_cfg=text_cfg(21)),
        preprocess=dict(size=(48, 48), mean=MEAN, std=STD),
    ),
    "openclip-pe-core": dict(
        seed=72, dtype=torch.float16,
        config=dict(embed_dim=28, custom_text=True, vision_cfg=timm_cfg("vit_tiny_pe_core_48", "map", None), text_cfg=text_cfg(32)),
        preprocess=dict(size=(48, 48), mean=HALF, std=HALF, interpolation="bilinear", resize_mode="squash"),
    ),
}

TEXTS = towers.SCRIPTS + ["what!? no!!? way", "[SEP] one [SEP] two <pad> three"]


def clip_tower(act):
    def build(pretrained=False, **kwargs):
        args = dict(img_size=48, patch_size=16, embed_dim=48, depth=2, num_heads=2, mlp_ratio=1, pre_norm=True, norm_layer=lambda *a, **k: torch.nn.LayerNorm(*a, eps=1e-5), act_layer=act)
        m = vt.VisionTransformer(**dict(args, **{k: v for k, v in kwargs.items() if k in ("num_classes", "global_pool")}))
        m.default_cfg = {}
        return m

    return build


def eva_tower(**args):
    def build(pretrained=False, **kwargs):
        m = Eva(**dict(args, **{k: v for k, v in kwargs.items() if k in ("num_classes", "global_pool")}))
        m.default_cfg = {}
        return m

    return build


def register(name, build):
    build.__name__, build.__module__ = name, __name__
    globals()[name] = build
    globals()[name] = register_model(build)


# As timm builds the towers of EVA02 and of the Perception Encoder, but for the sizes.
register("eva02_vit_tiny_clip_48", eva_tower(
    img_size=48, patch_size=16, embed_dim=40, depth=2, num_heads=2, qkv_fused=False, mlp_ratio=4 * 2 / 3, swiglu_mlp=True, scale_mlp=True,
    scale_attn_inner=True, use_rot_pos_emb=True, ref_feat_shape=(16, 16),
))
register("vit_tiny_pe_core_48", eva_tower(
    img_size=48, patch_size=12, embed_dim=32, depth=2, num_heads=2, mlp_ratio=1.25, attn_type="rope", use_pre_transformer_norm=True,
    use_rot_pos_emb=True, ref_feat_shape=(4, 4), rope_grid_offset=1.0, rope_grid_indexing="xy", attn_pool_num_heads=4, attn_pool_mlp_ratio=1.5,
    norm_layer=functools.partial(LayerNorm, eps=1e-5),
))

for name, act in {"vit_tiny_patch16_clip_48": torch.nn.GELU, "vit_tiny_patch16_clip_quickgelu_48": QuickGELU}.items():
    register(name, clip_tower(act))


def eva_shapes():
    """The tensors of the towers of timm's Eva that open_clip's configurations name; of the blocks only the first's."""
    out = {}
    for model in open_clip.list_models():
        config = open_clip.get_model_config(model)
        vision = config["vision_cfg"]
        name = vision.get("timm_model_name", "")
        if not name.startswith(("eva02_base", "eva02_large", "vit_pe_")):
            continue
        with torch.device("meta"):
            m = timm.create_model(name, num_classes=config["embed_dim"], global_pool=vision["timm_pool"])
        shapes = {k: list(v.shape) for k, v in m.state_dict().items() if ".0." in k or "blocks" not in k}
        out[model] = dict(model_cfg=config, layers=len(m.blocks), shapes=shapes)
    with open(os.path.join(HERE, "..", "..", "vit", "testdata", "eva-shapes.json"), "w") as f:
        json.dump(out, f)
    print("shapes of", *out)


def bert(folder):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + sorted({*siglip.WORDS, *"abcdefghijklmnopqrstuvwxyz0123456789,!?&.", "##s", "##ing", "東", "京", "к", "##о", "##ш", "##к", "##а"})
    with open(os.path.join(folder, "vocab.txt"), "w") as f:
        f.write("\n".join(words) + "\n")
    BertTokenizer(os.path.join(folder, "vocab.txt")).save_pretrained(folder)
    return len(words)


def make_tokenizer(kind, folder):
    """Writes a tokenizer and says how large its vocabulary is."""
    if kind == "gemma":
        return siglip2.gemma(Siglip2Tokenizer, folder)
    if kind == "bert":
        return bert(folder)
    if kind == "xlmr":
        return xlmr.vocabulary(folder)
    if kind == "t5":
        model, tsv = siglip.vocabulary(folder, normalization_rule_tsv=xlmr.rules(folder)), os.path.join(folder, "rules.tsv")
        tokenizer = T5Tokenizer.from_pretrained(folder, extra_ids=0)
        tokenizer.save_pretrained(folder)
        os.remove(model)
        os.remove(tsv)
        return len(tokenizer)


def build_model(c):
    config = {k: v for k, v in c["config"].items() if k != "custom_text"}
    if c.get("coca"):
        return CoCa(**config)
    if "tower" not in c:
        return (CustomTextCLIP if c["config"].get("custom_text") else CLIP)(**config)
    tower = XLMRobertaConfig(**{k: v for k, v in c["tower"].items() if k != "model_type"})
    text = dict(config["text_cfg"], hf_model_pretrained=False)
    with mock.patch.object(hf_model.AutoConfig, "from_pretrained", lambda name: tower):  # the name is not asked for on any hub
        return CustomTextCLIP(**dict(config, text_cfg=text))


def tokenize(c, folder, clip):
    """The reference's ids, padded."""
    text = c["config"]["text_cfg"]
    length = text.get("context_length", 77)
    if "tokenizer" in c:
        return HFTokenizer(folder, context_length=length, **text.get("tokenizer_kwargs", {}))(TEXTS)
    with tempfile.TemporaryDirectory() as tmp:
        bpe = os.path.join(tmp, "bpe.txt.gz")
        with gzip.open(bpe, "wt") as f:
            f.write("#version\n" + "\n".join(clip[2]))
        return SimpleTokenizer(bpe, context_length=length)(TEXTS)


def bare(row, kind, length):
    """Ids without their padding: what follows the end of the text."""
    pad = {"xlmr": 1}.get(kind, 0)
    keep = 1 if kind == "bert" else 0  # the end has become padding
    n = len(row)
    while n > 0 and row[n - 1] == pad:
        n -= 1
    return row[: min(n + keep, length)]


def main():
    towers.pictures()
    names, images = towers.open_pictures()
    clip = towers.clip_vocabulary(120)
    eva_shapes()
    for name, c in CASES.items():
        folder = towers.fresh(name)
        config = c["config"]
        if "tokenizer" in c:
            vocab = make_tokenizer(c["tokenizer"], folder)
        else:
            CLIPTokenizer(vocab=clip[0], merges=clip[1], model_max_length=77).save_pretrained(folder)
            vocab = len(clip[0])
        if "tower" in c:
            c["tower"]["vocab_size"] = vocab
            os.makedirs(os.path.dirname(os.path.join(folder, c["where"])), exist_ok=True)
            with open(os.path.join(folder, c["where"]), "w") as f:
                json.dump(c["tower"], f, indent=1)
        else:
            config["text_cfg"].setdefault("vocab_size", vocab)
            if "multimodal_cfg" in config:
                config["multimodal_cfg"].setdefault("vocab_size", vocab)
        model = build_model(c).eval()
        towers.randomise(model, c["seed"])
        save_file({k: v.to(c["dtype"]).contiguous() for k, v in model.state_dict().items()}, os.path.join(folder, "open_clip_model.safetensors"))
        openclip.write_config(folder, c)
        stored = load_file(os.path.join(folder, "open_clip_model.safetensors"))
        model.load_state_dict({k: v.float() for k, v in stored.items()})
        padded = tokenize(c, folder, clip)
        numbers(name, c, model, padded, names, images)


def numbers(name, c, model, padded, names, images):
    transform = openclip.image_transform_v2(openclip.PreprocessCfg(**c["preprocess"]), is_train=False)
    pixel_values = torch.stack([transform(i) for i in images])
    first = lambda x: x[0] if isinstance(x, tuple) else x
    with torch.no_grad():
        image, text = first(model.visual(pixel_values)), first(model.text(padded)) if hasattr(model, "text") else model.encode_text(padded)
        unit = [x / x.norm(dim=-1, keepdim=True) for x in (image, text)]
        logits = model.logit_scale.exp() * unit[0] @ unit[1].T
        if getattr(model, "logit_bias", None) is not None:
            logits = logits + model.logit_bias
    px = towers.to_uint8(pixel_values, c["preprocess"]["mean"], c["preprocess"]["std"])
    length = c["config"]["text_cfg"].get("context_length", 77)
    ids = [bare(row, c.get("tokenizer"), length) for row in padded.tolist()]
    towers.write(name, names, None, TEXTS, ids, image, text, logits, meta=towers.digests(px))


if __name__ == "__main__":
    main()
