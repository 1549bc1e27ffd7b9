"""Captions: what a scene shows, by grammar, with synonyms, classes and paraphrases, in English and five other languages.

A caption is (text, mentions): the numbers of the concepts and classes it speaks of. A picture that holds them all may be described
by it, so training never counts it as wrong.
"""
import random

from artwork import lexicon
from scene import LARGE, OPPOSITE, SMALL, Thing, relation
from words import ENGLISH_NUMBERS, MASS, article, languages, plural

MODES = {'all': 26, 'some': 18, 'name': 12, 'relation': 18, 'class': 8, 'keywords': 5, 'surrounding': 6, 'size': 4, 'without': 3}
FOREIGN = .25  # of the captions
FOREIGN_MODES = (None, 'all', 'some', 'name', 'relation', 'count', 'colour', 'surrounding')  # what the other languages can tell apart


class Captions:
    """Writes captions. unseen=True uses only the paraphrases that training never sees, where there are any."""

    def __init__(self, world, unseen=False):
        self.world, self.table, self.languages = world, lexicon('english.json'), languages(world)
        self.unseen = unseen

    def phrases(self, kind, key):
        if self.unseen and key in self.table[kind + '_held_out']:
            return self.table[kind + '_held_out'][key]
        return self.table[kind][key]

    # ---- parts ----
    def noun(self, r, concept):
        d = self.world.concepts[concept]
        return r.choice(d['synonyms']) if d['synonyms'] and r.random() > .62 else d['name']

    def group(self, r, things, colour=True, size=None):
        """A noun phrase for things of one concept: 'two red cars', 'a sign that says stop'."""
        t = things[0]
        if t.concept == self.world.sign and len(things) == 1:
            return r.choice(self.table['sign']).format(w=self.world.word(t.sprite))
        words = [size] if size else []
        if colour and t.colour:
            words.append(r.choice(['gray', 'grey']) if t.colour == 'gray' else t.colour)
        noun = self.noun(r, t.concept)
        if len(things) == 1:
            phrase = ' '.join(words + [noun])
            return phrase if noun in MASS else article(phrase)
        number = ENGLISH_NUMBERS[len(things)] if r.random() < .75 else str(len(things))
        return ' '.join([number] + words + [plural(noun)])

    def surrounding(self, r, s):
        return r.choice(self.phrases('surroundings', s.kind)).format(c=s.colour)

    def size(self, r, t):
        if t.size > LARGE:
            return r.choice(['big', 'large', 'big', 'huge'])
        return r.choice(['small', 'little', 'small', 'tiny']) if t.size < SMALL else None

    # ---- captions ----
    def caption(self, scene, seed, mode=None, foreign=FOREIGN):
        """-> (text, mentions). The same seed and mode give twins parallel texts."""
        r = random.Random(seed)
        if r.random() < foreign and mode in FOREIGN_MODES:
            code = r.choice(list(self.languages))
            if all(self.languages[code].knows(c) for c in scene.concepts()):
                return self.foreign(scene, r, code, mode)
        mode = mode or r.choices(list(MODES), list(MODES.values()))[0]
        prefix, around = r.choice(self.table['prefixes']), r.random() < (1 if mode == 'surrounding' else .45)
        write = {'name': self.name, 'keywords': self.keywords, 'class': self.of_class, 'relation': self.relation, 'position': self.position,
                 'without': self.without}.get(mode)
        text, mentions = (write(r, scene) if write else None) or self.listing(r, scene, mode)
        if mode in ('name', 'keywords'):
            return text, mentions
        if around:
            where = self.surrounding(r, scene.surrounding)
            text = f'{text} {where}' if r.random() < .85 else f'{where}, {text}'
        return prefix + text, mentions

    def name(self, r, scene):
        g = r.choice(scene.groups())
        w = self.noun(r, g[0].concept)
        one = article(w) if len(g) == 1 else plural(w)
        return r.choice([w, w, one, 'a photo of ' + article(w), 'a picture of ' + article(w)]), [g[0].concept]

    def keywords(self, r, scene):
        g = r.choice(scene.groups())
        d = self.world.concepts[g[0].concept]
        words = [self.noun(r, g[0].concept)] * (r.random() < .7) + r.sample(d['tags'], min(len(d['tags']), r.randint(1, 3)))
        r.shuffle(words)
        return r.choice([', ', ' ']).join(words) or d['name'], [g[0].concept]

    def of_class(self, r, scene):
        classes = self.world.concepts[r.choice(scene.groups())[0].concept]['classes']
        if not classes:
            return None
        h = r.choice(classes)
        n = sum(h in self.world.concepts[t.concept]['classes'] for t in scene.things)
        text = article(h) if n == 1 else r.choice(['some ' + plural(h), f'{ENGLISH_NUMBERS[n]} {plural(h)}'])
        return text, [self.world.class_number[h]]

    def relation(self, r, scene):
        alone = scene.alone()
        pairs = [(a, b) for a in alone for b in alone if a is not b and relation(a, b)]
        if not pairs:
            return None
        a, b = pairs[0] if len(scene.groups()) == 2 or r.random() < .8 else r.choice(pairs)
        if scene.things[0] is b:  # twins speak of the same thing first
            a, b = b, a
        flip = r.random() < .5
        one, two = self.group(r, [a], colour=r.random() < .8), self.group(r, [b], colour=r.random() < .8)
        where = relation(a, b)
        if flip:
            one, two, where = two, one, OPPOSITE[where]
        ways = self.phrases('relations', where)
        # The choice of words must not depend on where: twins get parallel texts.
        return ways[int(r.random() * len(ways))].format(a=one, b=two), [a.concept, b.concept]

    def position(self, r, scene):
        """Where the first thing is: of the picture, or of the one other thing."""
        t = scene.things[0]
        where = relation(t, scene.things[1] if len(scene.things) > 1 else Thing(0, 0, 0))
        where = where or side(t)
        ways = self.table['positions'][where]
        noun, u = self.group(r, [t], colour=r.random() < .8), r.random()
        return ways[int(u * len(ways))].format(a=noun), [t.concept]

    def without(self, r, scene):
        """'a dog, no cat': what is absent is near to what is there."""
        g = r.choice(scene.groups())
        w = self.world
        near = [c for c in w.group[w.concepts[g[0].concept]['group']] if c not in scene.concepts()]
        if not near:
            return None
        absent = self.noun(r, r.choice(near))
        return r.choice(self.table['without']).format(s=self.group(r, g), a=article(absent), n=absent), [g[0].concept]

    def listing(self, r, scene, mode):
        groups = scene.groups()
        if mode == 'some' and len(groups) > 1:
            groups = r.sample(groups, r.randint(1, len(groups) - 1))
        elif mode not in ('count', 'colour', 'size'):  # those keep the order: twins get parallel texts
            groups = r.sample(groups, len(groups))
        parts = []
        for g in groups:
            size = self.size(r, g[0]) if mode == 'size' or r.random() < .12 else None
            parts.append(self.group(r, g, colour=mode == 'colour' or r.random() < .85, size=size))
        return joined(r, parts), [g[0].concept for g in groups]

    def foreign(self, scene, r, code, mode=None):
        lang = self.languages[code]
        mode = mode or r.choice(['all', 'some', 'name', 'relation'])
        t, groups, alone = lang.table, scene.groups(), scene.alone()
        if mode == 'name':
            g = r.choice(groups)
            return lang.noun(g[0].concept), [g[0].concept]
        prefix, around, u = r.choice(t['prefixes']), mode == 'surrounding' or r.random() < .35, r.random()
        if mode == 'relation' and len(alone) >= 2 and relation(*alone[:2]):
            ways = t['relations'][relation(*alone[:2])]
            text = ways[int(u * len(ways))].format(a=lang.group(r, alone[:1]), b=lang.group(r, alone[1:2]))
            groups = [alone[:1], alone[1:2]]
        else:
            if mode == 'some':
                groups = r.sample(groups, r.randint(1, len(groups)))
            text = r.choice(t['and']).join(lang.group(r, g, colour=mode == 'colour' or u < .85) for g in groups)
        if around:
            text += lang.glue() + lang.surrounding(r, scene.surrounding)
        return prefix + text, [g[0].concept for g in groups]

    def full(self, scene):
        """The canonical, complete description: retrieval tests, drawing."""
        parts = []
        for g in scene.groups():
            t, words = g[0], []
            if t.concept == self.world.sign and len(g) == 1:
                parts.append('a sign that says ' + self.world.word(t.sprite))
                continue
            words = [t.colour] if t.colour else []
            name = self.world.name(t.concept)
            one = ' '.join(words + [name])
            parts.append((one if name in MASS else article(one)) if len(g) == 1 else ' '.join([ENGLISH_NUMBERS[len(g)]] + words + [plural(name)]))
        text = parts[0] if len(parts) == 1 else ', '.join(parts[:-1]) + ' and ' + parts[-1]
        return f'{text} {self.table["surroundings"][scene.surrounding.kind][0].format(c=scene.surrounding.colour)}'

    # ---- single words, as people search ----
    def word(self, number, r):
        """A short query for a concept or class: 'dog', 'a puppy', 'dogs', 'Hund', 'an animal'."""
        w = self.world
        if number >= len(w.concepts):
            name = w.classes[number - len(w.concepts)]
            if r.random() < .2:
                foreign = r.choice(list(self.languages.values())).class_name(name)
                if foreign:
                    return foreign
        else:
            if r.random() < FOREIGN:
                lang = r.choice(list(self.languages.values()))
                if lang.knows(number):
                    return lang.noun(number)
            name = self.noun(r, number)
        return r.choice([name, article(name), article(name), plural(name), 'a picture of ' + article(name)])


def side(t):
    """The side of the picture that a thing is on."""
    if abs(t.x - .5) > abs(t.y - .5):
        return 'left' if t.x < .5 else 'right'
    return 'above' if t.y < .5 else 'below'


def joined(r, parts):
    if len(parts) == 1:
        return parts[0]
    if r.random() < .2:
        return ', '.join(parts)
    last = r.choice([' and ', ' and ', ' with ', ' next to ' if len(parts) == 2 else ' and '])
    return ', '.join(parts[:-1]) + last + parts[-1]
