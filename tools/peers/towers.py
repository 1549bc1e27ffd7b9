"""The peers' models: published towers with random weights, exported once into a cache directory.

Shapes are static, one file a batch, since every peer is at its best so.
"""
import os

import numpy as np

TOWERS = {"clip-text-b": "text", "smolvlm-256m-prefill": "text", "smolvlm-256m-decode": "text", **dict.fromkeys(["vit-b-32", "vit-b-16", "vit-l-14", "so400m-14-384", "dinov2-s", "dinov2-b"], "image")}


def inputs(tower, batch, tokens):
    rng = np.random.default_rng(batch)
    if TOWERS[tower] == "image":
        side = 384 if tower.endswith("-384") else 224
        return {"pixel_values": rng.standard_normal((batch, 3, side, side), dtype=np.float32)}
    ids = rng.integers(1000, 40000, (batch, tokens), dtype=np.int64)
    if tower.startswith("clip"):
        ids[:, 0], ids[:, -1] = 49406, 49407
    return {"input_ids": ids}


def pooled(model):
    """A model whose first output is its pooled vector."""
    import torch

    class Pooled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, pixel_values):
            return (self.model(pixel_values).pooler_output,)

    return Pooled().eval()


def torch_model(tower):
    import torch
    import transformers as t

    torch.manual_seed(1)
    if tower == "clip-text-b":
        return t.CLIPTextModelWithProjection(t.CLIPTextConfig()).eval()
    if tower.startswith("smolvlm"):
        return t.LlamaForCausalLM(t.LlamaConfig(
            vocab_size=49280, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3,
            max_position_embeddings=8192, rope_theta=1e5, rms_norm_eps=1e-5, tie_word_embeddings=False)).eval()
    if tower == "so400m-14-384":
        return pooled(t.SiglipVisionModel(t.SiglipVisionConfig(
            hidden_size=1152, intermediate_size=4304, num_hidden_layers=27, num_attention_heads=16, image_size=384, patch_size=14)))
    if tower.startswith("dinov2"):
        width = {"s": 384, "b": 768}[tower[-1]]
        return pooled(t.Dinov2Model(t.Dinov2Config(hidden_size=width, num_attention_heads=width // 64, image_size=224, patch_size=14)))
    config = {
        "vit-b-32": {},  # the class's defaults
        "vit-b-16": dict(patch_size=16),
        "vit-l-14": dict(patch_size=14, hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, projection_dim=768),
    }[tower]
    return t.CLIPVisionModelWithProjection(t.CLIPVisionConfig(**config)).eval()


def path(cache, kind, tower, batch, tokens, end):
    length = f"-{tokens}" if TOWERS[tower] == "text" else ""
    return os.path.join(cache, f"{tower}{length}-b{batch}-{kind}.{end}")


def onnx_file(cache, tower, batch, tokens):
    file = path(cache, "f32", tower, batch, tokens, "onnx")
    if not os.path.exists(file):
        import torch

        class Vectors(torch.nn.Module):
            def __init__(self, model):
                super().__init__()
                self.model = model

            def forward(self, x):
                return self.model(x)[0]

        data = inputs(tower, batch, tokens)
        (name, value), = data.items()
        with torch.inference_mode():
            torch.onnx.export(
                Vectors(torch_model(tower)).eval(), (torch.from_numpy(value),), file + ".part", input_names=[name],
                output_names=["vectors"], dynamo=True, external_data=False, optimize=True, verbose=False,
            )
        os.replace(file + ".part", file)
    return file


def int8_onnx_file(cache, tower, batch, tokens):
    """onnxruntime's dynamic quantisation: weights once, activations as they come."""
    file = path(cache, "int8", tower, batch, tokens, "onnx")
    if not os.path.exists(file):
        from onnxruntime.quantization import QuantType, quantize_dynamic

        quantize_dynamic(onnx_file(cache, tower, batch, tokens), file + ".part", weight_type=QuantType.QInt8)
        os.replace(file + ".part", file)
    return file


def int8_openvino_file(cache, tower, batch, tokens):
    """NNCF's post-training quantisation for transformers, calibrated on noise: for speed that is as good as any."""
    file = path(cache, "nncf", tower, batch, tokens, "xml")
    if not os.path.exists(file):
        import nncf
        import openvino as ov

        model = ov.Core().read_model(onnx_file(cache, tower, batch, tokens))
        (name, _), = inputs(tower, batch, tokens).items()
        rng = np.random.default_rng(7)
        samples = [{name: rng.standard_normal((batch, 3, 224, 224), dtype=np.float32)} for _ in range(8)]
        model = nncf.quantize(model, nncf.Dataset(samples), model_type=nncf.ModelType.TRANSFORMER, subset_size=len(samples))
        ov.save_model(model, file, compress_to_fp16=False)
    return file
