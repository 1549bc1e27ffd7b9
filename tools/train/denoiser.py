"""Trains the drawing model's denoiser and puts the pipeline together (StableDiffusionPipeline's layout).

    python tools/train/denoiser.py --world /data/world --encoder /data/encoder/search --autoencoder /data/autoencoder/vae \
        --out /data/drawing --minutes 300

A UNet over the autoencoder's latents, told what to draw by the dual encoder's own text tower, frozen; v-prediction (arXiv:2202.00512)
with zero terminal noise-to-signal (arXiv:2305.08891), one caption in ten left out for guidance. Judged by the dual encoder: how often
it takes a drawing for its prompt among others.
"""
import argparse
import json
import os
import random
import shutil

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image
from transformers import CLIPTextModel, CLIPTokenizer

import loop
from autoencoder import SIDE, tensor
from captions import Captions
from clip_model import TOKENIZER_FILES, Encoders
from paint import paint
from scene import SceneMaker
from tokenizer import LENGTH, TextEncoder
from world import World

# name: (channels of the blocks, layers a block, heads, pictures a batch)
SIZES = {'smoke': ((16, 32), 1, (1, 2), 8), 'small': ((64, 128, 128), 1, (2, 4, 4), 32), 'large': ((96, 192, 288), 1, (3, 6, 9), 1024)}
NOTHING = .1  # of the captions are left out
STEPS, GUIDANCE = 25, 3.


def build(size, latents, side, width):
    channels, layers, heads, _ = SIZES[size]
    n = len(channels)
    return UNet2DConditionModel(sample_size=side, in_channels=latents, out_channels=latents, block_out_channels=channels, layers_per_block=layers,
                                down_block_types=('CrossAttnDownBlock2D',) * (n - 1) + ('DownBlock2D',),
                                up_block_types=('UpBlock2D',) + ('CrossAttnUpBlock2D',) * (n - 1), cross_attention_dim=width,
                                attention_head_dim=heads, norm_num_groups=16)


def schedule():
    return DDIMScheduler(num_train_timesteps=1000, beta_start=.00085, beta_end=.012, beta_schedule='scaled_linear', clip_sample=False,
                         set_alpha_to_one=True, steps_offset=1, prediction_type='v_prediction', rescale_betas_zero_snr=True,
                         timestep_spacing='trailing')


class Pairs:
    """Pictures [n, 3, 96, 96] and the ids of their captions [n, 32]; half of the captions are whole descriptions."""

    def __init__(self, world, tokens, seed):
        self.world, self.tokens, self.seed = world, tokens, seed
        self.maker, self.captions = SceneMaker(world), Captions(world)

    def next(self, n):
        pictures, texts = [], []
        for _ in range(n):
            self.seed += 1
            r, s = random.Random(self.seed), self.maker.scene(self.seed)
            pictures.append(paint(self.world, s, SIDE))
            text = self.captions.full(s) if r.random() < .5 else self.captions.caption(s, self.seed, r.choice(['all', 'relation']))[0]
            texts.append('' if r.random() < NOTHING else text)
        return tensor(np.stack(pictures)), torch.from_numpy(self.tokens(texts, LENGTH, True))


def save_pipeline(a, unet, folder):
    """model_index.json and the parts' folders, in f16: vae, unet, scheduler, text_encoder, tokenizer."""
    shutil.copytree(a.autoencoder, os.path.join(folder, 'vae'), dirs_exist_ok=True)
    half = UNet2DConditionModel.from_config(unet.config)
    half.load_state_dict(unet.state_dict())
    half.half().save_pretrained(os.path.join(folder, 'unet'))
    schedule().save_pretrained(os.path.join(folder, 'scheduler'))
    CLIPTextModel.from_pretrained(a.encoder, dtype=torch.float16).save_pretrained(os.path.join(folder, 'text_encoder'))
    os.makedirs(os.path.join(folder, 'tokenizer'), exist_ok=True)
    for name in TOKENIZER_FILES:
        shutil.copyfile(os.path.join(a.encoder, name), os.path.join(folder, 'tokenizer', name))
    parts = dict(vae=['diffusers', 'AutoencoderKL'], unet=['diffusers', 'UNet2DConditionModel'], scheduler=['diffusers', 'DDIMScheduler'],
                 text_encoder=['transformers', 'CLIPTextModel'], tokenizer=['transformers', 'CLIPTokenizer'])
    none = {k: [None, None] for k in ('feature_extractor', 'image_encoder', 'safety_checker')}
    with open(os.path.join(folder, 'model_index.json'), 'w', encoding='utf-8') as f:
        json.dump(dict(_class_name='StableDiffusionPipeline', _diffusers_version='0.42.1', **parts, **none, requires_safety_checker=False), f, indent=1)


def draw(folder, prompts, steps=STEPS, seed=0):
    """-> [n, 96, 96, 3] uint8, by diffusers' own pipeline."""
    pipe = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    out = pipe(list(prompts), num_inference_steps=steps, guidance_scale=GUIDANCE, height=SIDE, width=SIDE, output_type='np',
               generator=torch.Generator().manual_seed(seed)).images
    return (out * 255).round().astype(np.uint8)


def judge(a, folder, log, n):
    """Draws unseen prompts; how often the dual encoder takes the drawing for its own prompt among n, and the true scene for it."""
    world = World(a.world)
    maker, captions = SceneMaker(world, held_out=True), Captions(world)
    scenes = [maker.scene(902_000_000_000 + i, things=1 + i % 3) for i in range(n)]
    prompts = [captions.full(s) for s in scenes]
    drawn = draw(folder, prompts, 4 if a.smoke else STEPS)
    sheet(drawn).save(os.path.join(a.out, 'drawn.png'))
    e = Encoders(a.encoder)
    texts, own = e.texts(prompts), torch.arange(n)
    for name, pictures in (('drawings', list(drawn)), ('true scenes', [paint(world, s, SIDE) for s in scenes])):
        log.say(f'{name} taken for their prompt among {n}: {((e.pictures(pictures) @ texts.T).argmax(1) == own).float().mean():.3f} (chance {1 / n:.3f})')


def sheet(pictures, columns=8):
    rows = -(-len(pictures) // columns)
    out = Image.new('RGB', (columns * SIDE, rows * SIDE), 'white')
    for i, p in enumerate(pictures):
        out.paste(Image.fromarray(p), (i % columns * SIDE, i // columns * SIDE))
    return out


class Trainer:
    def __init__(self, a):
        self.a = a
        self.vae = AutoencoderKL.from_pretrained(a.autoencoder, torch_dtype=torch.float32).eval().requires_grad_(False).to(a.device)
        self.text = CLIPTextModel.from_pretrained(a.encoder, dtype=torch.float32).eval().requires_grad_(False).to(a.device)
        with torch.no_grad():
            z = self.vae.encode(torch.zeros(1, 3, SIDE, SIDE, device=a.device)).latent_dist.mode()
        self.unet = build(a.size, z.shape[1], z.shape[2], self.text.config.hidden_size).to(a.device)
        self.opts, self.average = loop.optimisers(self.unet.named_parameters(), a.rate, muon=False), loop.Average(self.unet)
        self.schedule, self.predict = schedule(), torch.compile(self.unet) if a.compile else self.unet

    def step(self, pictures, ids, factor):
        loop.set_rate(self.opts, factor)
        device, s = self.a.device, self.schedule
        with torch.no_grad():
            z = self.vae.encode(pictures.to(device)).latent_dist.mode() * self.vae.config.scaling_factor
            told = self.text(input_ids=ids.to(device)).last_hidden_state
        noise, t = torch.randn_like(z), torch.randint(0, 1000, (len(z),), device=device)
        with torch.autocast(device, dtype=torch.bfloat16, enabled=not self.a.smoke):
            v = self.predict(s.add_noise(z, noise, t), t, encoder_hidden_states=told).sample
        loss = F.mse_loss(v.float(), s.get_velocity(z, noise, t))
        for o in self.opts:
            o.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.unet.parameters(), 1.)
        for o in self.opts:
            o.step()
        self.average.update()
        return dict(loss=loss.item())


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    loop.arguments(p, minutes=300., compile=0)
    p.add_argument('--size', default='small', choices=list(SIZES))
    p.add_argument('--encoder', required=True, help='the dual encoder whose text tower tells what to draw')
    p.add_argument('--autoencoder', required=True, help="the autoencoder's folder")
    p.add_argument('--rate', type=float, default=5e-4)
    a = p.parse_args()
    loop.settle(a)
    log, clock, trainer = loop.Log(a.out, 'denoiser'), loop.Clock(a), Trainer(a)
    data, n = Pairs(World(a.world), TextEncoder(a.encoder), 60_000_000 + a.seed * 1_000_000_000), a.batch or SIZES[a.size][3]
    means = loop.run(a, log, clock, os.path.join(a.out, 'checkpoint.pt'), [trainer.unet], trainer.average, trainer.opts, data,
                     lambda factor: (trainer.step(*data.next(n), factor), n))
    trainer.average.exchange()
    folder = os.path.join(a.out, 'drawing')
    save_pipeline(a, trainer.unet, folder)
    CLIPTokenizer.from_pretrained(os.path.join(folder, 'tokenizer'))
    judge(a, folder, log, 8 if a.smoke else 64)
    if a.smoke:
        loop.export_check(log, means)


if __name__ == '__main__':
    main()
