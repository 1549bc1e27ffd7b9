"""What every training here needs: the clock and learning rate, the average of the weights, checkpoints, logs with curves, Muon's groups.

A checkpoint is one file, written beside and renamed, so that a kill leaves the old or the new one. `--minutes` is this stretch's time;
several stretches add up, and only the last needs `--cool`, the minutes over which the rate falls to nothing.
"""
import json
import os
import time

import torch


def arguments(p, minutes=30., compile=1):
    """The flags that all trainings share."""
    p.add_argument('--world', required=True, help='the folder that artwork.py and tokenizer.py wrote')
    p.add_argument('--out', required=True, help='log, checkpoint and exported folder go here')
    p.add_argument('--device', default='cpu', choices=['cpu', 'cuda'])
    p.add_argument('--minutes', type=float, default=minutes, help='of this stretch; the compilation is not counted')
    p.add_argument('--cool', type=float, default=0., help='over how many of its last minutes the learning rate falls to nothing')
    p.add_argument('--steps', type=int, default=0, help='instead of minutes')
    p.add_argument('--batch', type=int, default=0, help='0: as the size says')
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('--compile', type=int, default=compile)
    p.add_argument('--threads', type=int, default=2)
    p.add_argument('--save-every', type=float, default=180., help='seconds between checkpoints')
    p.add_argument('--smoke', action='store_true', help='200 small steps on the CPU; fails unless the loss falls and the export loads')


def settle(a):
    """What --smoke means for the shared flags; seeds and threads."""
    if a.smoke:
        a.size, a.steps, a.compile, a.device, a.ranks, a.threads = 'smoke', a.steps or 200, 0, 'cpu', 1, 1
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    os.makedirs(a.out, exist_ok=True)


class Log:
    """Lines on the terminal and in OUT/NAME.log; numbers also as JSON lines in OUT/NAME.curve.jsonl, which plot.py draws."""

    def __init__(self, out, name, quiet=False):
        self.quiet, self.sums, self.count, self.last, self.first = quiet, {}, 0, time.time(), {}
        if not quiet:
            self.text = open(os.path.join(out, name + '.log'), 'a', encoding='utf-8')
            self.curve = open(os.path.join(out, name + '.curve.jsonl'), 'a', encoding='utf-8')

    def say(self, *x):
        if self.quiet:
            return
        line = time.strftime('%H:%M:%S ') + ' '.join(map(str, x))
        print(line, flush=True)
        self.text.write(line + '\n')
        self.text.flush()

    def add(self, numbers):
        for k, v in numbers.items():
            self.sums[k] = self.sums.get(k, 0.) + float(v)
        self.count += 1

    def report(self, clock, seen, every=30.):
        """Writes the means since the last report, at most every so many seconds. -> the means, or None."""
        took = time.time() - self.last
        if took < every or not self.count:
            return None
        means = {k: v / self.count for k, v in self.sums.items()}
        self.first = self.first or means
        row = dict(minutes=round(clock.trained() / 60, 2), step=clock.step, seen=seen, **{k: round(v, 4) for k, v in means.items()})
        self.say(' '.join(f'{k} {v}' for k, v in row.items()))
        if not self.quiet:
            self.curve.write(json.dumps(row) + '\n')
            self.curve.flush()
        self.sums, self.count, self.last = {}, 0, time.time()
        return means


class Clock:
    """Where a training stands: steps and seconds of all its stretches."""

    WARM = 150  # steps over which the rate rises, at the start and after a resumption

    def __init__(self, a):
        self.a, self.step, self.before, self.start, self.saved, self.here = a, 0, 0., time.time(), time.time(), 0

    def begin(self):
        """Called after the first, compiling steps."""
        self.start = self.saved = time.time()
        self.here = 0

    def trained(self):
        return self.before + time.time() - self.start

    def tick(self):
        self.step += 1
        self.here += 1

    def left(self):
        """The fraction of this stretch that is left."""
        if self.a.steps:
            return 1 - self.here / self.a.steps
        return 1 - (time.time() - self.start) / (self.a.minutes * 60)

    def rate(self, left):
        """The learning rate's factor."""
        warm = min(1., (self.here + 1) / (20 if self.a.smoke else self.WARM))
        cool = .6 if self.a.smoke else min(1., self.a.cool / max(self.a.minutes, 1e-9))
        return warm * (1. if left >= cool else max(.01, left / cool))

    def time_to_save(self):
        if time.time() - self.saved < self.a.save_every:
            return False
        self.saved = time.time()
        return True


class Average:
    """The exponential average of a module's weights, which is what is evaluated and exported."""

    def __init__(self, module, decay=.999):
        self.module, self.decay, self.n = module, decay, 0
        self.weights = [p.detach().clone() for p in module.parameters()]

    @torch.no_grad()
    def update(self):
        self.n += 1
        torch._foreach_lerp_(self.weights, [p.detach() for p in self.module.parameters()], 1 - min(self.decay, (1 + self.n) / (10 + self.n)))

    @torch.no_grad()
    def exchange(self):
        """Puts the average into the module and the module's weights here; once more puts them back."""
        for p, w in zip(self.module.parameters(), self.weights):
            kept = p.detach().clone()
            p.copy_(w)
            w.copy_(kept)


def optimisers(named, rate, muon=True):
    """Muon for the matrices of the transformer blocks, AdamW for the rest. -> [Optimizer]"""
    blocks, matrices, vectors = [], [], []
    for name, p in named:
        if muon and '.layers.' in name and p.ndim == 2:
            blocks.append(p)
        else:
            (matrices if p.ndim >= 2 else vectors).append(p)
    out = [torch.optim.AdamW([dict(params=matrices, weight_decay=.05), dict(params=vectors, weight_decay=0.)], lr=rate, betas=(.9, .98))]
    if blocks:
        out.append(torch.optim.Muon(blocks, lr=rate, momentum=.95, weight_decay=.02, adjust_lr_fn='match_rms_adamw'))
    for o in out:
        for g in o.param_groups:
            g['full'] = g['lr']
    return out


def set_rate(opts, factor):
    for o in opts:
        for g in o.param_groups:
            g['lr'] = g['full'] * factor


def save(path, modules, average, opts, clock, seen):
    """One file: weights, average, optimisers and where the training stands."""
    state = dict(modules=[m.state_dict() for m in modules], average=average.weights, updates=average.n,
                 opts=[o.state_dict() for o in opts], step=clock.step, seconds=clock.trained(), seen=seen)
    torch.save(state, path + '.new')
    os.replace(path + '.new', path)


def resume(path, modules, average, opts, clock):
    """-> how many examples had been seen; 0 where there is no checkpoint."""
    if not os.path.exists(path):
        return 0
    state = torch.load(path, map_location='cpu', weights_only=True)
    for m, s in zip(modules, state['modules']):
        m.load_state_dict(s)
    with torch.no_grad():
        for w, s in zip(average.weights, state['average']):
            w.copy_(s)
    average.n = state['updates']
    for o, s in zip(opts, state['opts']):
        o.load_state_dict(s)
    clock.step, clock.before = state['step'], state['seconds']
    return state['seen']


def export_check(log, means, key='loss'):
    """--smoke: the loss of the last report must be clearly below the first's."""
    first = log.first.get(key)
    if not means or first is None or not means[key] < .95 * first:
        raise SystemExit(f'smoke: the loss did not fall: {first} -> {means and means[key]}')
    log.say(f'smoke: {key} {first:.3f} -> {means[key]:.3f}')


def run(a, log, clock, checkpoint, modules, average, opts, data, step):
    """One stretch: step(factor) -> (numbers to log, examples seen). Resumes, logs, saves. -> the last means."""
    seen, means = resume(checkpoint, modules, average, opts, clock), None
    data.seed += seen * 2
    log.say('parameters', sum(p.numel() for m in modules for p in m.parameters()), 'seen', seen, vars(a))
    step(0.)  # compiles
    clock.begin()
    while (left := clock.left()) > 0:
        numbers, n = step(clock.rate(left))
        clock.tick()
        seen += n
        log.add(numbers)
        means = log.report(clock, seen, 0 if a.smoke and clock.step % 20 == 0 else 30.) or means
        if clock.time_to_save():
            save(checkpoint, modules, average, opts, clock, seen)
    save(checkpoint, modules, average, opts, clock, seen)
    return means
