"""The world's things: concepts with names, the sprites that show them, shapes, and signs with words on them.

Concept numbers: 0..artwork-1 come from artwork.json, then the SHAPES, then one concept 'sign' whose sprites are the SIGN_WORDS.
Classes ("animal", "vehicle") are numbered after the concepts: `universe` numbers in all, the rows of truth tables.
"""
import json
import math
import os

import numpy as np
from PIL import Image, ImageDraw, ImageFont

PIXELS = 96  # of a sprite
TRAINING_SETS = ('noto', 'noto-v1', 'fluent-emoji-flat', 'fxemoji', 'emojione', 'fluent-emoji', 'streamline-emojis')
FIRST_SETS = TRAINING_SETS[:5]  # what the first model knew; "known styles" of the evaluation
HELD_OUT_SETS = ('twemoji',)
SHAPES = ('circle', 'square', 'triangle', 'heart', 'oval', 'rectangle', 'hexagon', 'cross', 'ring shape', 'pentagon')
SIGN_WORDS = tuple('stop go open closed exit yes no left right up down taxi bus cafe hotel bar shop sale free help love home zoo park bank food '
                   'milk tea fish cake hot cold wet new old big fun win play post gas sun sea ice red blue one two ten night day'.split())
COLOURS = {'red': (220, 40, 40), 'orange': (245, 140, 30), 'yellow': (250, 215, 50), 'green': (60, 170, 70), 'blue': (50, 100, 220),
           'purple': (140, 70, 190), 'pink': (245, 140, 190), 'brown': (130, 85, 50), 'black': (35, 35, 38), 'white': (245, 245, 245),
           'gray': (145, 148, 152)}
COLOUR_NAMES = tuple(COLOURS)


class World:
    """The concepts and, of the chosen sets, their sprites.

    sprite(i) -> [96, 96, 4] uint8 premultiplied; extent[i] -> (width, height) of what is drawn in it; of[concept] -> sprite numbers.
    """

    def __init__(self, folder, sets=TRAINING_SETS):
        with open(os.path.join(folder, 'artwork.json'), encoding='utf-8') as f:
            art = json.load(f)
        self.folder, self.sets = folder, tuple(sets)
        self.concepts = art['concepts']
        self.artwork = len(self.concepts)
        chosen = {i for i, s in enumerate(art['sets']) if s['name'] in sets}
        self.drawn = np.load(os.path.join(folder, 'sprites.npy'), mmap_mode='r')
        self.extent = [(w, h) for _, _, w, h, _ in art['sprites']]
        self.of = [[] for _ in range(self.artwork)]
        for row, (concept, s, _, _, _) in enumerate(art['sprites']):
            if s in chosen:
                self.of[concept].append(row)
        self.made = [shape(s) for s in SHAPES] + [sign(w) for w in SIGN_WORDS]
        self.extent += [(PIXELS, PIXELS)] * len(SHAPES) + [visible(s) for s in self.made[len(SHAPES):]]
        first = len(self.drawn)
        for i, name in enumerate(SHAPES):
            self.of.append([first + i])
            self.concepts.append(own_concept(name, 'shape', ['shape']))
        self.sign = len(self.concepts)
        self.first_sign = first + len(SHAPES)
        self.of.append(list(range(self.first_sign, self.first_sign + len(SIGN_WORDS))))
        self.concepts.append(own_concept('sign', 'sign', []))
        self.shapes = range(self.artwork, self.sign)
        self.number = {c['name']: i for i, c in enumerate(self.concepts)}
        self.known = [i for i in range(self.artwork) if self.of[i]]
        self.group = {}
        for i in self.known:
            self.group.setdefault(self.concepts[i]['group'], []).append(i)
        self.group['shape'] = list(self.shapes)
        self.group['sign'] = self.known
        self.classes = sorted({h for c in self.concepts for h in c['classes']})
        self.class_number = {h: len(self.concepts) + i for i, h in enumerate(self.classes)}
        self.universe = len(self.concepts) + len(self.classes)

    def sprite(self, i):
        return self.drawn[i] if i < len(self.drawn) else self.made[i - len(self.drawn)]

    def name(self, concept):
        return self.concepts[concept]['name']

    def tinted_only(self, concept):
        """Shapes have no colour of their own."""
        return concept in self.shapes

    def word(self, sprite):
        """What a sign's sprite says."""
        return SIGN_WORDS[sprite - self.first_sign]


def own_concept(name, group, classes):
    return dict(name=name, group=group, classes=classes, synonyms=[], tags=[], sky=False, names={})


def visible(sprite):
    """(width, height) of a sprite's alpha, which starts at the top left."""
    ys, xs = np.nonzero(sprite[..., 3])
    return int(xs.max()) + 1, int(ys.max()) + 1


def shape(name, px=PIXELS):
    """A white shape, premultiplied [px, px, 4]; a scene tints it."""
    k = 4
    size, m = px * k, 2 * k
    c = size / 2
    im = Image.new('L', (size, size))
    d = ImageDraw.Draw(im)

    def polygon(n):
        return [(c + (c - m) * math.sin(2 * math.pi * i / n), c - (c - m) * math.cos(2 * math.pi * i / n)) for i in range(n)]

    def heart():
        turn = [2 * math.pi * i / 200 for i in range(200)]
        return [(c + 16 * math.sin(t) ** 3 * size / 35,
                 c - (13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) * size / 35) for t in turn]

    draw = {
        'circle': lambda: d.ellipse((m, m, size - m, size - m), fill=255),
        'square': lambda: d.rectangle((m * 3, m * 3, size - m * 3, size - m * 3), fill=255),
        'triangle': lambda: d.polygon([(c, m), (size - m, size - 3 * m), (m, size - 3 * m)], fill=255),
        'heart': lambda: d.polygon(heart(), fill=255),
        'oval': lambda: d.ellipse((m, size * .24, size - m, size * .76), fill=255),
        'rectangle': lambda: d.rectangle((m, size * .26, size - m, size * .74), fill=255),
        'hexagon': lambda: d.polygon(polygon(6), fill=255),
        'pentagon': lambda: d.polygon(polygon(5), fill=255),
        'cross': lambda: (d.rectangle((size * .36, m, size * .64, size - m), fill=255), d.rectangle((m, size * .36, size - m, size * .64), fill=255)),
        'ring shape': lambda: (d.ellipse((m, m, size - m, size - m), fill=255), d.ellipse((size * .27, size * .27, size * .73, size * .73), fill=0)),
    }
    draw[name]()
    return np.repeat(np.asarray(im.resize((px, px), Image.BOX))[..., None], 4, 2)


def sign(word, px=PIXELS):
    """A board with a word on it, premultiplied [px, px, 4]; a wide word makes a low board."""
    k = 3
    font = ImageFont.load_default(int(px * k * .5))
    left, top, right, bottom = font.getbbox(word.upper())
    pad = px * k * .1
    im = Image.new('RGBA', (int(right - left + 2 * pad), int(bottom - top + 2 * pad)))
    d = ImageDraw.Draw(im)
    d.rounded_rectangle((0, 0, im.width - 1, im.height - 1), radius=pad, fill=(250, 250, 250, 255), outline=(40, 40, 40, 255), width=int(pad / 2))
    d.text((pad - left, pad - top), word.upper(), font=font, fill=(30, 30, 30, 255))
    scale = px / max(im.size)
    w, h = max(4, round(im.width * scale)), max(4, round(im.height * scale))
    a = np.asarray(im.resize((w, h), Image.LANCZOS), np.float32)
    out = np.zeros((px, px, 4), np.uint8)
    out[:h, :w] = np.concatenate([a[..., :3] * (a[..., 3:] / 255), a[..., 3:]], -1).round()
    return out
