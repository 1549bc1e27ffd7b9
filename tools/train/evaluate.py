"""Measures a dual encoder on the test set, as `emblem eval builtin` does in Go: the same rows, the same definitions.

    python tools/train/evaluate.py --model internal/builtin/search --set internal/evaluate/builtin [--json]
"""
import argparse
import json
import os

import numpy as np

from clip_model import Encoders
from testset import tiles

STYLES = ('known', 'unseen')


class Measure:
    """Vectors of a test set and the rows measured from them: [(name, style, value, chance, n)], values as fractions."""

    def __init__(self, model, folder):
        with open(os.path.join(folder, 'truth.json'), encoding='utf-8') as f:
            self.truth = json.load(f)
        self.encoders, self.rows, self.known = Encoders(model), [], {}
        self.pictures = self.encoders.pictures(list(tiles(folder))).numpy()

    def texts(self, texts):
        """[n, d], each text encoded once."""
        new = sorted({t for t in texts if t not in self.known})
        if new:
            self.known.update(zip(new, self.encoders.texts(new).numpy()))
        return np.stack([self.known[t] for t in texts])

    def row(self, name, style, right, chance):
        self.rows.append(dict(name=name, style=style, value=float(np.mean(right)), chance=float(chance), n=len(right)))

    def run(self):
        names = self.classes()
        for style in STYLES:
            self.concepts(style, names)
            self.synonyms(style)
            self.recall('scenes', 'scene', style)
            self.recall('white', 'on white', style)
            self.queries(style)
            self.twins(style)
            self.choices(style)
        return self.rows

    def classes(self):
        """[concepts, d]: the mean of the templates' unit vectors, of length one."""
        mean = sum(self.texts([p.replace('{}', c) for c in self.truth['concepts']]) for p in self.truth['prompts'])
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    def of(self, key, style):
        return [x for x in self.truth[key] if x['style'] == style]

    def concepts(self, style, names):
        singles = self.of('singles', style)
        score = self.pictures[[s['tile'] for s in singles]] @ names.T
        own = np.array([s['concept'] for s in singles])
        rank = (score > score[np.arange(len(own)), own][:, None]).sum(1)
        for k in (1, 5):
            self.row(f'concept, top {k}', style, rank < k, k / len(names))

    def synonyms(self, style):
        self.finds('synonym', style, [(s['concept'], 'a picture of ' + s['text']) for s in self.truth['synonyms']])
        for l in sorted({n['language'] for n in self.truth['names']}):
            self.finds(f'name in {l}', style, [(n['concept'], n['text']) for n in self.truth['names'] if n['language'] == l])

    def finds(self, name, style, asked):
        singles = self.of('singles', style)
        at = {s['concept']: i for i, s in enumerate(singles)}
        asked = [(at[c], t) for c, t in asked if c in at]
        score = self.texts([t for _, t in asked]) @ self.pictures[[s['tile'] for s in singles]].T
        self.row(name + ' finds its picture', style, score.argmax(1) == [i for i, _ in asked], 1 / len(singles))

    def recall(self, key, name, style):
        scenes = self.of(key, style)
        score = self.texts([s['caption'] for s in scenes]) @ self.pictures[[s['tile'] for s in scenes]].T
        own = np.diag(score)
        rank = (score > own[:, None]).sum(1)
        for k in (1, 10):
            self.row(f'{name}: caption to picture, recall {k}', style, rank < k, k / len(scenes))
        self.row(f'{name}: picture to caption, recall 1', style, (score.T > own[:, None]).sum(1) < 1, 1 / len(scenes))

    def queries(self, style):
        pool = [s['tile'] for s in self.of('scenes', style)]
        for kind, k in (('word', 1), ('class', 10)):
            asked = [q for q in self.of('queries', style) if q['kind'] == kind]
            score = self.texts([q['text'] for q in asked]) @ self.pictures[pool].T
            true = np.array([[t in q['tiles'] for t in pool] for q in asked])
            best = np.argsort(-score, axis=1, kind='stable')[:, :k]
            self.row(f'one {kind}, precision {k}', style, np.take_along_axis(true, best, 1).mean(1), true.mean())

    def twins(self, style):
        for kind in sorted({t['kind'] for t in self.of('twins', style)}):
            right = []
            for t in self.of('twins', style):
                if t['kind'] == kind:
                    score = self.pictures[t['tiles']] @ self.texts(t['texts']).T
                    right += [score[0, 0] > score[0, 1], score[1, 1] > score[1, 0]]
            self.row(f'twins, {kind}: the right text', style, right, .5)

    def choices(self, style):
        for kind in sorted({c['kind'] for c in self.of('choices', style)}):
            asked = [c for c in self.of('choices', style) if c['kind'] == kind]
            right = [int((self.texts(c['texts']) @ self.pictures[c['tile']]).argmax()) == c['right'] for c in asked]
            self.row(f'{kind} of {len(asked[0]["texts"])}', style, right, 1 / len(asked[0]['texts']))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--model', required=True, help='a CLIPModel folder')
    p.add_argument('--set', required=True)
    p.add_argument('--json', action='store_true')
    a = p.parse_args()
    rows = Measure(a.model, a.set).run()
    if a.json:
        print(json.dumps(rows, indent=0))
        return
    for r in rows:
        print(f"{r['name']:40s} {r['style']:7s} {r['value'] * 100:6.1f} %   chance {r['chance'] * 100:5.1f} %   n {r['n']}")


if __name__ == '__main__':
    main()
