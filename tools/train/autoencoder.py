"""Trains the drawing model's autoencoder (AutoencoderKL's layout): pictures to small latents and back.

    python tools/train/autoencoder.py --world /data/world --out /data/autoencoder --minutes 60

It learns on crops of scenes and is measured on whole ones, in known styles and the unseen one, beside the same number of latent cells
as a reduced picture. It sits at about 14 dB for its first thousand steps. preview.json is a linear map from latents to colours, for
previews without the decoder.
"""
import argparse
import json
import os
import random

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL

import loop
from paint import paint
from scene import SceneMaker
from world import FIRST_SETS, HELD_OUT_SETS, World

SIDE, CROP = 96, 48
# name: (channels of the blocks, latent channels, layers a block, crops a batch)
SIZES = {'smoke': ((8, 16, 16), 4, 1, 8), 'small': ((32, 64, 96), 4, 1, 16), 'large': ((64, 128, 128), 4, 2, 128)}
NOISE, PULL = .01, 1e-4  # of the latents: a smooth space without a wide KL


def build(size):
    channels, z, layers, _ = SIZES[size]
    n = len(channels)
    return AutoencoderKL(in_channels=3, out_channels=3, down_block_types=('DownEncoderBlock2D',) * n, up_block_types=('UpDecoderBlock2D',) * n,
                         block_out_channels=channels, layers_per_block=layers, latent_channels=z, norm_num_groups=4, sample_size=SIDE,
                         mid_block_add_attention=False, scaling_factor=1.)


def tensor(pictures, device='cpu'):
    """[n, h, w, 3] uint8 -> [n, 3, h, w] from -1 to 1."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1


class Crops:
    def __init__(self, world, seed, side):
        self.maker, self.world, self.seed, self.side = SceneMaker(world), world, seed, side

    def next(self, n):
        """[n, 3, side, side]; four crops a scene."""
        out = []
        while len(out) < n:
            self.seed += 1
            im, r = paint(self.world, self.maker.scene(self.seed), SIDE), random.Random(self.seed)
            for _ in range(4):
                y, x = r.randint(0, SIDE - self.side), r.randint(0, SIDE - self.side)
                out.append(im[y:y + self.side, x:x + self.side])
        return tensor(np.stack(out[:n]))


@torch.no_grad()
def psnr(model, world_folder, sets, device, n=128):
    """-> (mean PSNR of n whole scenes in dB, that of as many cells of reduced pictures, latents [n, z, h, w], pictures [n, 3, 96, 96])."""
    world = World(world_folder, sets)
    maker = SceneMaker(world, held_out=True)
    x = tensor(np.stack([paint(world, maker.scene(900_500_000_000 + i), SIDE) for i in range(n)]), device)
    z = torch.cat([model.encode(part).latent_dist.mode() for part in x.split(32)])
    y = torch.cat([model.decode(part).sample for part in z.split(32)]).clamp(-1, 1)
    small = F.interpolate(F.interpolate(x, z.shape[-2:], mode='area'), (SIDE, SIDE), mode='bicubic').clamp(-1, 1)
    return decibels(x, y), decibels(x, small), z, x


def decibels(x, y):
    return (-10 * torch.log10((((x - y) / 2) ** 2).mean((1, 2, 3)).clamp_min(1e-8))).mean().item()


def finish(model, a, log, folder):
    """Measures, sets the scaling factor so that latents have a deviation of 1, fits the preview, exports in f16."""
    model.eval()
    for name, sets in (('unseen style', HELD_OUT_SETS), ('known styles', FIRST_SETS)):
        db, base, z, x = psnr(model, a.world, sets, a.device, 16 if a.smoke else 128)
        log.say(f'PSNR of whole scenes, {name}: {db:.2f} dB; reduced pictures {base:.2f} dB')
    model.register_to_config(scaling_factor=float(1 / z.std()))
    small = F.interpolate(x, z.shape[-2:], mode='area').permute(0, 2, 3, 1).reshape(-1, 3)
    cells = z.permute(0, 2, 3, 1).reshape(-1, z.shape[1])
    cells = torch.cat([cells, torch.ones_like(cells[:, :1])], 1)
    fit = torch.linalg.lstsq(cells.cpu(), small.cpu()).solution
    half = AutoencoderKL.from_config(model.config)
    half.load_state_dict(model.state_dict())
    half.half().save_pretrained(folder)
    with open(os.path.join(folder, 'preview.json'), 'w', encoding='utf-8') as f:
        json.dump(dict(weight=fit[:-1].tolist(), bias=fit[-1].tolist()), f)


def check(folder):
    model = AutoencoderKL.from_pretrained(folder, torch_dtype=torch.float32)
    y = model.decode(model.encode(torch.zeros(1, 3, SIDE, SIDE)).latent_dist.mode()).sample
    if y.shape != (1, 3, SIDE, SIDE) or not torch.isfinite(y).all():
        raise SystemExit(f'{folder}: its picture is {y.shape}')
    print('loads in diffusers')


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    loop.arguments(p, minutes=60., compile=0)
    p.add_argument('--size', default='small', choices=list(SIZES))
    p.add_argument('--rate', type=float, default=1e-3)
    a = p.parse_args()
    loop.settle(a)
    model, log, clock = build(a.size).to(a.device), loop.Log(a.out, 'autoencoder'), loop.Clock(a)
    opts, average = loop.optimisers(model.named_parameters(), a.rate, muon=False), loop.Average(model)
    data, n = Crops(World(a.world), 50_000_000, 32 if a.smoke else CROP), a.batch or SIZES[a.size][3]

    def through(x):
        q = model.encode(x).latent_dist
        return model.decode(q.mean + NOISE * torch.randn_like(q.mean)).sample, q.mean
    through_fast = torch.compile(through) if a.compile else through

    def step(factor):
        loop.set_rate(opts, factor)
        x = data.next(n).to(a.device)
        with torch.autocast(a.device, dtype=torch.bfloat16, enabled=not a.smoke):
            y, z = through_fast(x)
        square = F.mse_loss(y.float(), x)
        loss = F.l1_loss(y.float(), x) + 2 * square + PULL * z.float().pow(2).mean()
        for o in opts:
            o.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.)
        for o in opts:
            o.step()
        average.update()
        return dict(loss=loss.item(), psnr=10 * np.log10(4 / max(square.item(), 1e-9))), n
    means = loop.run(a, log, clock, os.path.join(a.out, 'checkpoint.pt'), [model], average, opts, data, step)
    average.exchange()
    finish(model, a, log, os.path.join(a.out, 'vae'))
    if a.smoke:
        loop.export_check(log, means)
        check(os.path.join(a.out, 'vae'))


if __name__ == '__main__':
    main()
