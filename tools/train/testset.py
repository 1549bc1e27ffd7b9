"""Makes the small test set that `emblem eval builtin` and evaluate.py measure the built-in models on.

    python tools/train/testset.py --world /data/world --out internal/evaluate/builtin

pictures.jpg is a sheet of tiles of 96 pixels, COLUMNS a row; truth.json says what they show. Seeds are of no training. Half is drawn
from the sets that the first model knew, half from the set that none has seen. truth.json:

    prompts    templates with {}
    concepts   every concept as "a dog"
    synonyms   [{"concept": number, "text": "a puppy"}, ...]
    names      [{"concept": number, "language": "de", "text": "Hund"}, ...] of the concepts of the singles
    singles    [{"tile", "style", "concept": number}, ...]              one thing a picture: concept among all
    scenes     [{"tile", "style", "caption"}, ...]                     several things, what queries search among
    white      [{"tile", "style", "caption"}, ...]                     the same on white and without tints: recall both ways, the row to quote
    queries    [{"text", "kind": "word" | "class", "style", "tiles"}]  the tiles (of scenes of that style) that it is true of
    twins      [{"kind", "style", "tiles": [a, b], "texts": [a, b]}]   each text is true of its own picture only
    choices    [{"kind", "style", "tile", "texts", "right"}]           one of the texts is true
    questions  [{"tile", "style", "question", "answers", "family"}]     any of the answers is right
"""
import argparse
import json
import os
import random

import numpy as np
from PIL import Image

from artwork import LANGUAGES
from captions import Captions
from paint import paint
from questions import Questions
from scene import COLOUR_NAMES, SURROUNDINGS, Scene, SceneMaker
from words import ENGLISH_NUMBERS, article, plural
from world import FIRST_SETS, HELD_OUT_SETS, SIGN_WORDS, World

TILE, COLUMNS = 96, 24
SEED = 980_000_000_000
PROMPTS = ('a picture of {}', '{}', 'an illustration of {}', 'a drawing of {}')
STYLES = {'known': FIRST_SETS, 'unseen': HELD_OUT_SETS}
SINGLES, SCENES, WHITE, TWINS, COUNTS, COLOURS, SIGNS = 112, 110, 110, 12, 48, 33, 24  # of a style
NEW = ('rain', 'street')  # surroundings that the first model doesn't know: left out, so that models can be compared
# What the answers of `emblem ask` call a surrounding.
SAID = {'grass': ['outdoors by day'], 'night': ['at night'], 'sunset': ['at sunset'], 'beach': ['on a beach'], 'snow': ['in the snow'],
        'sea': ['at sea'], 'room': ['indoors'], 'space': ['in space'], 'white background': ['a plain background'],
        **{f'{c} background': ['a plain background'] for c in COLOUR_NAMES}}
TWIN_KINDS = ('swap', 'replace', 'count', 'colour', 'size', 'surrounding')


class Set:
    def __init__(self, folder):
        self.tiles, self.truth, self.folder = [], dict(prompts=PROMPTS, singles=[], scenes=[], white=[], queries=[], twins=[], choices=[], questions=[]), folder
        for i, style in enumerate(STYLES):
            self.style(style, SEED + i * 10_000_000)

    def style(self, style, seed):
        world = World(self.folder, STYLES[style])
        self.world, self.maker, self.captions = world, SceneMaker(world, held_out=True), Captions(world)
        self.name, self.seed = style, seed
        self.truth['concepts'] = [article(world.name(c)) for c in range(world.artwork)]
        self.truth['synonyms'] = [dict(concept=c, text=article(s)) for c in range(world.artwork) for s in world.concepts[c]['synonyms']]
        self.singles()
        self.truth['names'] = self.names()
        self.scenes()
        self.white()
        self.twins()
        self.counts()
        self.colours()
        self.signs()

    def tile(self, scene):
        self.tiles.append(paint(self.world, scene, TILE))
        return len(self.tiles) - 1

    def draw(self, make):
        """The next scene that has neither signs nor surroundings that are new."""
        while True:
            self.seed += 1
            found = make(self.seed)
            scenes = found[:2] if isinstance(found, tuple) else (found,)
            if not any(s.surrounding.kind in NEW or self.world.sign in s.concepts() for s in scenes):
                return found

    def singles(self):
        for i in range(SINGLES):
            concept = i * self.world.artwork // SINGLES
            s = self.draw(lambda seed: self.maker.scene(seed, things=1, concept=concept))
            s.things[0].colour = None
            self.truth['singles'].append(dict(tile=self.tile(s), style=self.name, concept=concept))

    def names(self):
        shown = sorted({s['concept'] for s in self.truth['singles']})
        return [dict(concept=c, language=l, text=self.captions.languages[l].noun(c))
                for l in LANGUAGES for c in shown if self.captions.languages[l].knows(c)]

    def scenes(self):
        drawn = []
        questions = Questions(self.world, self.captions)
        for i in range(SCENES):
            s = self.draw(lambda seed: self.maker.scene(seed, things=2 + i % 4))
            drawn.append((self.tile(s), s))
            self.truth['scenes'].append(dict(tile=drawn[-1][0], style=self.name, caption=self.captions.full(s)))
            for q, answer, family in questions.ask(s, self.seed, 2):
                self.truth['questions'].append(dict(tile=drawn[-1][0], style=self.name, question=q, answers=[answer] + SAID.get(answer, []), family=family))
        for c in self.world.known:
            self.query('word', 'a picture of ' + article(self.world.name(c)), [t for t, s in drawn if c in s.concepts()])
        for h in self.world.classes:
            if h != 'shape':
                shown = [t for t, s in drawn if any(h in self.world.concepts[c]['classes'] for c in s.concepts())]
                self.query('class', 'a picture of ' + article(h), shown)

    def white(self):
        """A surrounding alone, or a tint, would tell most scenes apart; here only the things can."""
        for i in range(WHITE):
            s = self.draw(lambda seed: self.maker.scene(seed, things=2 + i % 4))
            s.surrounding.kind, s.surrounding.colour = 'white', None
            for t in s.things:
                t.colour = t.colour if self.world.tinted_only(t.concept) else None
            self.truth['white'].append(dict(tile=self.tile(s), style=self.name, caption=self.captions.full(s)))

    def query(self, kind, text, tiles):
        if tiles:
            self.truth['queries'].append(dict(kind=kind, style=self.name, text=text, tiles=tiles))

    def twins(self):
        for kind in TWIN_KINDS:
            found = 0
            while found < TWINS:
                a, b, mode, _ = self.draw(lambda seed: self.maker.twin(seed, kind))
                texts = [self.captions.caption(s, self.seed, mode, foreign=0)[0] for s in (a, b)]
                if texts[0] != texts[1]:
                    self.truth['twins'].append(dict(kind=kind, style=self.name, tiles=[self.tile(a), self.tile(b)], texts=texts))
                    found += 1

    def counts(self):
        for i in range(COUNTS):
            n = 1 + i % 6

            def of(seed):
                r = random.Random(seed)
                around, t = self.maker.surrounding(r), self.maker.thing(r, r.choice(self.world.known), r.uniform(.22, .3))
                t.colour = None
                things = [type(t)(**vars(t)) for _ in range(n)]
                self.maker.place(r, things, around)
                return Scene(around, things)
            s = self.draw(of)
            name = self.world.name(s.things[0].concept)
            texts = [article(name)] + [f'{ENGLISH_NUMBERS[k]} {plural(name)}' for k in range(2, 7)]
            self.choice('count', s, texts, n - 1)

    def colours(self):
        for i in range(COLOURS):
            colour = COLOUR_NAMES[i % len(COLOUR_NAMES)]
            s = self.draw(lambda seed: self.maker.scene(seed, things=1, concept=random.Random(seed).choice(self.world.known)))
            s.things[0].colour = colour
            texts = [article(f'{c} {self.world.name(s.things[0].concept)}') for c in COLOUR_NAMES]
            self.choice('colour', s, texts, COLOUR_NAMES.index(colour))
        kinds = [k for k in SURROUNDINGS[2:] if k not in NEW]
        texts = [self.captions.table['surroundings'][k][0] for k in kinds]
        for i, k in enumerate(kinds * 3):
            s = self.draw(lambda seed: self.maker.scene(seed, things=1 + i % 3))
            s.surrounding = self.maker.surrounding(random.Random(self.seed), k)
            self.choice('surrounding', s, texts, kinds.index(k))

    def signs(self):
        """A sign, and what it says among eight words; the first model was never shown any."""
        for i in range(SIGNS):
            word = i * len(SIGN_WORDS) // SIGNS
            r = random.Random(self.seed + i)
            around = self.maker.surrounding(r, r.choice([k for k in SURROUNDINGS if k not in NEW]))
            t = self.maker.thing(r, self.world.sign, r.uniform(.4, .8))
            t.sprite = self.world.first_sign + word
            self.maker.place(r, [t], around)
            others = r.sample([w for w in SIGN_WORDS if w != SIGN_WORDS[word]], 7)
            right = r.randrange(8)
            words = others[:right] + [SIGN_WORDS[word]] + others[right:]
            self.choice('sign', Scene(around, [t]), ['a sign that says ' + w for w in words], right)

    def choice(self, kind, scene, texts, right):
        self.truth['choices'].append(dict(kind=kind, style=self.name, tile=self.tile(scene), texts=texts, right=right))

    def save(self, out, quality):
        os.makedirs(out, exist_ok=True)
        rows = -(-len(self.tiles) // COLUMNS)
        sheet = np.full((rows * TILE, COLUMNS * TILE, 3), 255, np.uint8)
        for i, t in enumerate(self.tiles):
            y, x = i // COLUMNS * TILE, i % COLUMNS * TILE
            sheet[y:y + TILE, x:x + TILE] = t
        # 96 is a multiple of JPEG's 16: no block reaches over two tiles.
        Image.fromarray(sheet).save(os.path.join(out, 'pictures.jpg'), quality=quality, optimize=True)
        with open(os.path.join(out, 'truth.json'), 'w', encoding='utf-8') as f:
            f.write('{\n' + ',\n'.join(f'"{k}": {lines(v)}' for k, v in self.truth.items()) + '\n}\n')


def lines(v):
    """A JSON list with one entry a line, where they are more than names."""
    if not isinstance(v[0], (dict, list)):
        return json.dumps(v)
    return '[\n' + ',\n'.join(json.dumps(x) for x in v) + '\n]'


def tiles(folder):
    """The sheet of a set cut into its tiles: [n, 96, 96, 3] uint8."""
    sheet = np.asarray(Image.open(os.path.join(folder, 'pictures.jpg')).convert('RGB'))
    rows, columns = sheet.shape[0] // TILE, sheet.shape[1] // TILE
    return sheet.reshape(rows, TILE, columns, TILE, 3).transpose(0, 2, 1, 3, 4).reshape(-1, TILE, TILE, 3)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--world', required=True)
    p.add_argument('--out', required=True)
    p.add_argument('--quality', type=int, default=88)
    a = p.parse_args()
    made = Set(a.world)
    made.save(a.out, a.quality)
    print(len(made.tiles), 'tiles', {k: len(v) for k, v in made.truth.items()})


if __name__ == '__main__':
    main()
