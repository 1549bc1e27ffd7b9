"""Trains the dual encoder: a CLIPModel that knows the world's pictures and captions.

    python tools/train/dual_encoder.py --world /data/world --out /data/encoder --minutes 60
    python tools/train/dual_encoder.py ... --cool 20        # the last stretch: resumes, and the learning rate falls to nothing
    python tools/train/dual_encoder.py ... --export         # the average of the checkpoint as a folder, no training

Beside CLIP's loss (none of this is in the saved model):
  * two batches in five are twins that differ in one fact, with parallel captions: hard negatives both ways;
  * captions that are true of another picture of the batch are taken out of its softmax;
  * words: short queries for the concepts and classes of the batch against all its pictures, each word's pictures against those without
    it. That is how people search, and what the first model was weakest at;
  * patches: a linear head tells the concept at each patch;
  * where: tables read each concept's place from the class token, and each mentioned concept's from the end of the text; without them the
    class token carries no position and relations stay at chance;
  * prefixes: the same loss on the first 64 and 128 of the 256 dimensions (Matryoshka, arXiv:2205.13147).
"""
import argparse
import os
import random
import subprocess
import sys

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F

import loop
from captions import Captions
from clip_model import PATCH, PICTURE, SIZES, fresh, pixels, save_folder, start_from
from paint import degrade, paint, palette
from scene import SceneMaker
from tokenizer import TextEncoder
from world import World

CAPTION, WORD = 24, 10  # tokens in training; longer captions are cut
PREFIXES = (64, 128)
TWINS, CROWDS = .4, .3  # of a batch
WEIGHTS = dict(clip=1., words=.6, patches=.5, where=1., prefixes=.3)


class Batches:
    """Makes batches in the training process itself: half a millisecond a scene, and a second process only fights for the cores."""

    def __init__(self, world, tokens, size, words, seed):
        self.world, self.tokens, self.size, self.words, self.seed = world, tokens, size, words, seed
        self.maker, self.captions = SceneMaker(world), Captions(world)

    def scenes(self):
        """-> [(scene, caption, mentions)], how many of them are twins."""
        out, twins = [], int(self.size * TWINS) // 2
        for _ in range(twins):
            a, b, mode, _ = self.maker.twin(self.seed)
            out += [(s, *self.captions.caption(s, self.seed, mode)) for s in (a, b)]
            self.seed += 1
        crowds = int(self.size * CROWDS)
        while len(out) < self.size:
            s = self.maker.crowd(self.seed) if crowds > 0 else self.maker.scene(self.seed)
            mode = random.Random(self.seed).choice(['name', 'name', 'class', 'some', None]) if crowds > 0 else None
            out.append((s, *self.captions.caption(s, self.seed, mode)))
            crowds -= 1
            self.seed += 1
        return out, 2 * twins

    def next(self):
        """A dict of arrays: pictures, caption ids, truth of pictures and captions, owners of patches, places, words."""
        w, (items, twins) = self.world, self.scenes()
        n, r, side = len(items), random.Random(self.seed), PICTURE // PATCH
        pictures, owners = np.empty((n, PICTURE, PICTURE, 3), np.uint8), np.empty((n, side * side), np.int64)
        shows, says, places = np.zeros((n, w.universe), np.float32), np.zeros((n, w.universe), np.float32), []
        for i, (s, _, mentions) in enumerate(items):
            jitter = palette(random.Random(self.seed + i // 2) if i < twins else r)  # twins differ in nothing but the fact
            im, own = paint(w, s, PICTURE, owner=True, jitter=jitter)
            pictures[i], owners[i] = degrade(im, r), own[PATCH // 2::PATCH, PATCH // 2::PATCH].reshape(-1)
            for t in s.things:
                shows[i, t.concept] = 1
                shows[i, [w.class_number[h] for h in w.concepts[t.concept]['classes']]] = 1
            says[i, mentions] = 1
            places += [(i, t.concept, 4 * t.x - 2, 4 * t.y - 2, t.concept in mentions) for t in s.alone()]
        owners[owners < 0] = len(w.concepts)
        asked = self.asked(shows, r)
        return dict(pictures=pictures, ids=self.tokens([c for _, c, _ in items], CAPTION, True), shows=shows, says=says, owners=owners,
                    places=np.array(places, np.float32), asked=np.array(asked), twins=twins,
                    words=self.tokens([self.captions.word(c, r) for c in asked], WORD, True))

    def asked(self, shows, r):
        """Numbers of concepts and classes that some of the pictures show and some don't; three in four are concepts."""
        share = shows.mean(0)
        there = np.flatnonzero((share > 0) & (share < .9))
        concepts, classes = there[there < len(self.world.concepts)].tolist(), there[there >= len(self.world.concepts)].tolist()
        k = min(len(classes), self.words // 4)
        picked = r.sample(classes, k) + r.sample(concepts, min(len(concepts), self.words - k))
        return picked + [r.choice(picked) for _ in range(self.words - len(picked))]  # a fixed number, for the compiler


def contrast(pictures, texts, scale, wrong):
    """CLIP's loss: pictures, texts [n, d] of length one; wrong [n, n] bool: pairs that are true and so no negatives."""
    logits = (scale * pictures @ texts.t()).masked_fill(wrong, -1e4)
    own = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.t(), own)) / 2


def rank_all(logits, true):
    """For every row [m, n]: each true column against all that aren't, averaged. Rows without a true or a false column count nothing."""
    false = torch.logsumexp(logits.masked_fill(true > 0, -1e4), 1, keepdim=True)
    each = (torch.logaddexp(logits, false.expand_as(logits)) - logits) * true
    count = true.sum(1)
    return (each.sum(1) / count.clamp_min(1))[count > 0].mean()


class Trainer:
    """The model with its throw-away heads, on one device or as one of several processes of one core each (gloo)."""

    def __init__(self, a, world, tokens):
        self.a, self.n = a, len(world.concepts)
        self.model = fresh(a.size, tokens.size)
        if a.start:
            start_from(self.model, a.start, os.path.join(a.world, 'tokenizer'))
        vw, tw = SIZES[a.size][0], SIZES[a.size][2]
        self.patches = torch.nn.Sequential(torch.nn.LayerNorm(vw), torch.nn.Linear(vw, self.n + 1))
        self.where = torch.nn.ModuleList([torch.nn.Embedding(self.n, 2 * vw), torch.nn.Embedding(self.n, 2 * tw)])
        for e in self.where:
            e.weight.data.normal_(0, .02)
        self.modules = [m.to(a.device) for m in (self.model, self.patches, self.where)]
        named = [(f'{i}.{k}', p) for i, m in enumerate(self.modules) for k, p in m.named_parameters()]
        self.params, self.opts = [p for _, p in named], loop.optimisers(named, a.rate)
        self.average = loop.Average(self.model, a.decay)
        compiled = torch.compile if a.compile else (lambda m: m)
        self.see, self.read = compiled(self.model.vision_model), compiled(self.model.text_model)

    def gather(self, x, keep_gradient=False):
        """The rows of all processes; the own ones with their gradient."""
        if self.a.ranks == 1:
            return x
        parts = [torch.empty_like(x) for _ in range(self.a.ranks)]
        dist.all_gather(parts, x.detach().contiguous())
        if keep_gradient:
            parts[self.a.rank] = x
        return torch.cat(parts)

    def losses(self, b):
        t = {k: torch.from_numpy(v).to(self.a.device) for k, v in b.items() if k not in ('twins', 'pictures')}
        with torch.autocast(self.a.device, dtype=torch.bfloat16, enabled=bool(self.a.bf16)):
            v = self.see(pixel_values=pixels(b['pictures'], self.a.device))
            c, w = self.read(input_ids=t['ids']), self.read(input_ids=t['words'])
            zi = self.model.visual_projection(v.pooler_output)
            zt, zw = self.model.text_projection(c.pooler_output), self.model.text_projection(w.pooler_output)
            owners = t['owners'].reshape(-1)
            kept = (owners != self.n) | (torch.rand(owners.shape, device=owners.device) < .12)  # most patches are background
            patch = self.patches(v.last_hidden_state[:, 1:].reshape(-1, v.last_hidden_state.shape[-1])[kept])
        zi, zt, zw = zi.float(), zt.float(), zw.float()
        scale = self.model.logit_scale.exp().clamp(max=100)
        out = dict(patches=F.cross_entropy(patch.float(), owners[kept]) / self.a.ranks, where=self.place(v, c, t) / self.a.ranks,
                   words=self.search(zi, zw, t['shows'][:, t['asked']], scale) / self.a.ranks)
        out.update(self.pairs(zi, zt, t, b['twins'], scale))
        return out

    def place(self, v, c, t):
        row, concept, xy, said = t['places'][:, 0].long(), t['places'][:, 1].long(), t['places'][:, 2:4], t['places'][:, 4] > 0

        def off(table, state, which):
            axes = table(concept[which]).view(-1, 2, state.shape[1])
            return F.smooth_l1_loss(torch.einsum('nd,ncd->nc', state.float()[row[which]], axes), xy[which])
        return off(self.where[0], v.pooler_output, slice(None)) + off(self.where[1], c.pooler_output, said)

    def search(self, zi, zw, true, scale):
        logits = scale * F.normalize(zw, dim=-1) @ F.normalize(zi, dim=-1).t()  # [words, pictures]
        return (rank_all(logits, true.t()) + rank_all(logits.t(), true)) / 2

    def pairs(self, zi, zt, t, twins, scale):
        b = len(zi)
        zi, zt = self.gather(zi, True), self.gather(zt, True)
        shows, says = self.gather(t['shows']), self.gather(t['says'])
        own = torch.arange(len(zi), device=zi.device)
        is_twin = own % b < twins
        twin = torch.where(is_twin, own ^ 1, own)
        wrong = says.sum(1)[None] - shows @ says.t() < .5  # picture i shows all that caption j speaks of
        wrong[own, own] = False
        ids = self.gather(t['ids'])
        wrong[own, twin] = is_twin & (ids == ids[twin]).all(1)  # a twin is the hardest negative, unless the same is said of both

        def at(d):
            return F.normalize(zi[:, :d], dim=-1), F.normalize(zt[:, :d], dim=-1)
        whole = at(zi.shape[1])
        with torch.no_grad():
            better = ((whole[0] * whole[1]).sum(1) > (whole[0] * whole[1][twin]).sum(1))[is_twin].float().mean()
        return dict(clip=contrast(*whole, scale, wrong), prefixes=sum(contrast(*at(d), scale, wrong) for d in PREFIXES) / len(PREFIXES), twins=better)

    def step(self, batch, factor):
        loop.set_rate(self.opts, factor)
        parts = self.losses(batch)
        loss = sum(WEIGHTS[k] * v for k, v in parts.items() if k in WEIGHTS)
        for o in self.opts:
            o.zero_grad(set_to_none=True)
        loss.backward()
        self.exchange_gradients()
        torch.nn.utils.clip_grad_norm_(self.params, 1.)
        for o in self.opts:
            o.step()
        self.average.update()
        return dict(loss=loss.item(), **{k: v.item() for k, v in parts.items()})

    def exchange_gradients(self):
        """Sums over the processes: each has the whole loss, but only its own rows carry gradient."""
        if self.a.ranks == 1:
            return
        flat = torch.cat([p.grad.reshape(-1) for p in self.params])
        dist.all_reduce(flat)
        at = 0
        for p in self.params:
            p.grad.copy_(flat[at:at + p.numel()].view_as(p))
            at += p.numel()
        self.model.logit_scale.grad /= self.a.ranks  # held in full by each


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    loop.arguments(p, minutes=60.)
    p.add_argument('--size', default='small', choices=list(SIZES))
    p.add_argument('--rate', type=float, default=1.5e-3)
    p.add_argument('--decay', type=float, default=.999, help='of the average')
    p.add_argument('--start', default='', help='a model folder to go on from, where there is no checkpoint yet')
    p.add_argument('--ranks', type=int, default=1, help='processes of one core each, instead of one with --threads')
    p.add_argument('--rank', type=int, default=0, help=argparse.SUPPRESS)
    p.add_argument('--port', type=int, default=29611)
    p.add_argument('--bf16', type=int, default=1)
    p.add_argument('--export', action='store_true', help="write the checkpoint's average as OUT/search and stop")
    return p.parse_args()


def join(a):
    """Starts the other processes from the first one; -> the others' handles."""
    if a.ranks == 1:
        return []
    a.threads = 1
    others = [subprocess.Popen([sys.executable] + sys.argv + ['--rank', str(i)]) for i in range(1, a.ranks)] if a.rank == 0 else []
    dist.init_process_group('gloo', init_method=f'tcp://127.0.0.1:{a.port}', rank=a.rank, world_size=a.ranks)
    return others


def over(a, clock):
    """-> the fraction of the stretch that is left, the same in all processes."""
    left = torch.tensor([clock.left()])
    if a.ranks > 1:
        dist.broadcast(left, 0)
    return left.item()


def train(a, trainer, batches, log, clock, checkpoint):
    seen = loop.resume(checkpoint, trainer.modules, trainer.average, trainer.opts, clock)
    batches.seed += seen
    log.say('parameters', sum(p.numel() for p in trainer.model.parameters()), 'seen', seen, vars(a))
    trainer.step(batches.next(), 0.)  # compiles
    clock.begin()
    means = None
    while (left := over(a, clock)) > 0:
        numbers = trainer.step(batches.next(), clock.rate(left))
        clock.tick()
        seen += batches.size * a.ranks
        log.add(numbers)
        means = log.report(clock, seen, 0 if a.smoke and clock.step % 20 == 0 else 30.) or means
        if clock.time_to_save() and a.rank == 0:
            loop.save(checkpoint, trainer.modules, trainer.average, trainer.opts, clock, seen)
    if a.rank == 0:
        loop.save(checkpoint, trainer.modules, trainer.average, trainer.opts, clock, seen)
    return means


def main():
    a = arguments()
    loop.settle(a)
    others = [] if a.export else join(a)
    world, tokens = World(a.world), TextEncoder(os.path.join(a.world, 'tokenizer'))
    trainer, clock = Trainer(a, world, tokens), loop.Clock(a)
    checkpoint, folder = os.path.join(a.out, 'checkpoint.pt'), os.path.join(a.out, 'search')
    if a.export:
        loop.resume(checkpoint, trainer.modules, trainer.average, trainer.opts, clock)
    else:
        size = (a.batch or SIZES[a.size][4]) // a.ranks
        batches = Batches(world, tokens, size, max(8, size // 2), 10_000_000 + a.seed * 1_000_000_000 + a.rank * 500_000_000)
        log = loop.Log(a.out, 'dual_encoder', quiet=a.rank > 0)
        means = train(a, trainer, batches, log, clock, checkpoint)
    if a.rank == 0:
        trainer.average.exchange()
        save_folder(trainer.model, os.path.join(a.world, 'tokenizer'), folder)
        print('exported', folder, 'after', clock.step, 'steps')
        if a.smoke:
            loop.export_check(log, means)
            check(folder)
    for o in others:
        o.wait()


def check(folder):
    """The exported folder loads in transformers, with its own processor, and both towers answer."""
    from transformers import CLIPModel, CLIPProcessor
    model, processor = CLIPModel.from_pretrained(folder), CLIPProcessor.from_pretrained(folder)
    x = processor(text=['a dog', 'two red cars'], images=[np.zeros((96, 96, 3), np.uint8)], return_tensors='pt', padding=True)
    logits = model(**x).logits_per_image
    if logits.shape != (1, 2) or not torch.isfinite(logits).all():
        raise SystemExit(f'{folder}: its answer is {logits}')
    print('loads in transformers; ids end with', x['input_ids'][0, -1].item())


if __name__ == '__main__':
    main()
