"""The peers' models: CLIP's towers with random weights, exported once into a cache directory.

Shapes are static, one file a batch, since every peer is at its best so.
"""
import os

import numpy as np

TOWERS = {"vit-b-32": "image", "clip-text-b": "text"}


def inputs(tower, batch, tokens):
    rng = np.random.default_rng(batch)
    if TOWERS[tower] == "image":
        return {"pixel_values": rng.standard_normal((batch, 3, 224, 224), dtype=np.float32)}
    ids = rng.integers(1000, 40000, (batch, tokens), dtype=np.int64)
    ids[:, 0], ids[:, -1] = 49406, 49407
    return {"input_ids": ids}


def torch_model(tower):
    import torch
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection, CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(1)
    if TOWERS[tower] == "image":  # the classes' defaults are ViT-B/32 and its text tower
        return CLIPVisionModelWithProjection(CLIPVisionConfig()).eval()
    return CLIPTextModelWithProjection(CLIPTextConfig()).eval()


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
