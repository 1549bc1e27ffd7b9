"""Goldens of masked autoencoders, as transformers saves them: python mae.py

Beside what vit.py has: the decoder's output for the first picture, with torch's own noise for a seed.
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE] + [HERE]  # safetensors.py and timm.py here must not hide the libraries

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import ViTMAEConfig, ViTMAEForPreTraining
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

import towers
import vit

CASES = {
    # name: width, heads, hidden, patch, side; decoder's width, heads, hidden, layers; dtype, normalised pixels, ratio, seed
    "mae": ((36, 3, 40, 12, 72), (20, 2, 30, 2), torch.float16, False, 0.75, 5),
    "mae-norm": ((24, 2, 30, 10, 45), (12, 1, 20, 1), torch.bfloat16, True, 0.6, 1234567),
}


def publish(folder):
    """The names that published folders have."""
    path = os.path.join(folder, "model.safetensors")
    with safe_open(path, "pt") as f:
        tensors = {k.replace("decoder.decoder_encoder.layer.", "decoder.decoder_layers."): f.get_tensor(k) for k in f.keys()}
    save_file(tensors, path, metadata={"format": "pt"})


def main():
    names, images = vit.some_pictures()
    for name, (enc, dec, dtype, normalise, ratio, seed) in CASES.items():
        folder = vit.fresh(name)
        config = ViTMAEConfig(
            hidden_size=enc[0], num_attention_heads=enc[1], intermediate_size=enc[2], patch_size=enc[3], image_size=enc[4], num_hidden_layers=2,
            decoder_hidden_size=dec[0], decoder_num_attention_heads=dec[1], decoder_intermediate_size=dec[2], decoder_num_hidden_layers=dec[3],
            norm_pix_loss=normalise, mask_ratio=ratio,
        )
        model = ViTMAEForPreTraining(config).eval()
        vit.randomise(model, 101)
        model.to(dtype).save_pretrained(folder)
        processor = ViTImageProcessorPil(size={"height": enc[4], "width": enc[4]}, resample=3, image_mean=vit.MEAN, image_std=vit.STD)
        processor.save_pretrained(folder)
        model = ViTMAEForPreTraining.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        px = processor(images=images, return_tensors="pt")["pixel_values"].float()
        with torch.no_grad():
            model.vit.config.mask_ratio = 0.0
            arrays = vit.features(model.vit(pixel_values=px).last_hidden_state, 1, True)
            model.vit.config.mask_ratio = ratio
            torch.manual_seed(seed)
            hidden = model.vit(pixel_values=px[:1])
            arrays["painted"] = model.decoder(hidden.last_hidden_state, hidden.ids_restore).logits
            arrays["mask"] = hidden.mask
            if enc[4] % enc[3] == 0:  # the reference computes the loss of such pictures only
                torch.manual_seed(seed)
                arrays["loss"] = model(pixel_values=px[:1]).loss.reshape(1, 1)
        if name == "mae":
            publish(folder)
        vit.write(name, names, towers.to_uint8(px, processor.image_mean, processor.image_std), None, **arrays)


if __name__ == "__main__":
    main()
