"""The dual encoder's shape, its start and its published folder (transformers' CLIPModel)."""
import json
import os
import shutil

import numpy as np
import torch
from transformers import CLIPConfig, CLIPModel

from tokenizer import LENGTH, TextEncoder

PICTURE, PATCH, PROJECTION = 96, 12, 256
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
# name: (picture width, layers; text width, layers; batch)
SIZES = {'smoke': (64, 2, 64, 1, 32), 'small': (192, 6, 192, 4, 192), 'large': (256, 6, 256, 3, 2048)}
TOKENIZER_FILES = ('tokenizer.json', 'vocab.json', 'merges.txt', 'tokenizer_config.json')


def config(size, vocabulary):
    vw, vl, tw, tl, _ = SIZES[size]
    end = vocabulary - 1
    text = dict(vocab_size=vocabulary, hidden_size=tw, intermediate_size=tw * 4, num_hidden_layers=tl, num_attention_heads=tw // 64,
                max_position_embeddings=LENGTH, hidden_act='quick_gelu', bos_token_id=end - 1, eos_token_id=end, pad_token_id=end,
                projection_dim=PROJECTION)
    vision = dict(hidden_size=vw, intermediate_size=vw * 4, num_hidden_layers=vl, num_attention_heads=vw // 64, image_size=PICTURE,
                  patch_size=PATCH, hidden_act='quick_gelu', projection_dim=PROJECTION)
    return CLIPConfig(projection_dim=PROJECTION, text_config=text, vision_config=vision)


def fresh(size, vocabulary):
    """A model of that size whose position embeddings start as sine and cosine."""
    # Plain attention, compiled, is 1.5 times faster on a CPU than its flash attention.
    m = CLIPModel._from_config(config(size, vocabulary), attn_implementation='eager')
    m.vision_model.embeddings.position_embedding.weight.data.copy_(positions(PICTURE // PATCH, m.config.vision_config.hidden_size))
    return m


def positions(n, width):
    """[1 + n*n, width]: 2-D sine-cosine, the class token's row 0.

    CLIP's own start of deviation 0.02 drowns in the patch embeddings: after 263,000 pairs the class token could not tell left from right.
    """
    f = 1 / 100 ** (np.arange(width // 4) / (width // 4)) * np.pi
    y, x = np.mgrid[:n, :n].reshape(2, -1, 1) / n * 2
    grid = np.concatenate([np.sin(x * f), np.cos(x * f), np.sin(y * f), np.cos(y * f)], 1)
    return torch.tensor(np.concatenate([np.zeros((1, width)), grid]), dtype=torch.float32)


@torch.no_grad()
def start_from(model, folder, tokenizer_folder):
    """Takes over a model of the same sizes whose tokenizer has fewer pieces: a new piece starts as the mean of what spelt it before."""
    old = CLIPModel.from_pretrained(folder)
    state, key = old.state_dict(), 'text_model.embeddings.token_embedding.weight'
    small, target = state.pop(key), model.text_model.embeddings.token_embedding.weight
    missing = model.load_state_dict(state, strict=False)
    if [k for k in missing.missing_keys if k != key] or missing.unexpected_keys:
        raise SystemExit(f'{folder} has other parts: {missing}')
    before, after = (json.load(open(os.path.join(f, 'vocab.json'), encoding='utf-8')) for f in (folder, tokenizer_folder))
    merges = [m.split(' ') for m in open(os.path.join(tokenizer_folder, 'merges.txt'), encoding='utf-8').read().split('\n')[1:] if m]
    spelt = {a + b: (a, b) for a, b in merges}

    def row(piece):
        if piece in before:
            return small[before[piece]]
        a, b = spelt[piece]
        return (row(a) + row(b)) / 2 ** .5
    for piece, i in after.items():
        target[i] = row(piece)


def pixels(pictures, device='cpu'):
    """[n, 96, 96, 3] uint8 -> [n, 3, 96, 96] float32, normalised as CLIP does."""
    x = torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).float() / 255
    return (x - torch.tensor(MEAN, device=device).view(1, 3, 1, 1)) / torch.tensor(STD, device=device).view(1, 3, 1, 1)


def save_folder(model, tokenizer_folder, out):
    """Writes the published layout: config.json, model.safetensors in f16, preprocessor_config.json and the tokenizer."""
    half = CLIPModel(model.config)
    half.load_state_dict(model.state_dict())
    half.half().save_pretrained(out)
    with open(os.path.join(out, 'preprocessor_config.json'), 'w', encoding='utf-8') as f:
        json.dump(dict(image_processor_type='CLIPImageProcessor', do_resize=True, size=dict(shortest_edge=PICTURE), do_center_crop=True,
                       crop_size=dict(height=PICTURE, width=PICTURE), do_normalize=True, image_mean=list(MEAN), image_std=list(STD),
                       do_convert_rgb=True, resample=3, do_rescale=True, rescale_factor=1 / 255), f)
    for name in TOKENIZER_FILES:
        shutil.copyfile(os.path.join(tokenizer_folder, name), os.path.join(out, name))


class Encoders:
    """A folder's two towers for evaluation: pictures(...) and texts(...) -> unit vectors [n, 256] float32."""

    def __init__(self, folder, device='cpu'):
        self.model = CLIPModel.from_pretrained(folder, dtype=torch.float32, attn_implementation='sdpa').eval().to(device)
        self.tokens, self.device = TextEncoder(folder), device

    @torch.no_grad()
    def pictures(self, pictures, batch=128):
        out = []
        for i in range(0, len(pictures), batch):
            x = pixels(np.stack(pictures[i:i + batch]), self.device)
            out.append(self.model.visual_projection(self.model.vision_model(pixel_values=x).pooler_output))
        return torch.nn.functional.normalize(torch.cat(out), dim=-1).cpu()

    @torch.no_grad()
    def texts(self, texts, batch=256):
        out = []
        for i in range(0, len(texts), batch):
            ids = torch.from_numpy(self.tokens(texts[i:i + batch])).to(self.device)
            out.append(self.model.text_projection(self.model.text_model(input_ids=ids).pooler_output))
        return torch.nn.functional.normalize(torch.cat(out), dim=-1).cpu()
