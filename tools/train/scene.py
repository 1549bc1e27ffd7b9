"""Scenes: what there is, where and on what, drawn from a seed. No pixels and no words here.

    maker = SceneMaker(world); scene = maker.scene(seed); a, b = maker.twin(seed)

The same seed gives the same scene everywhere (random.Random is stable). Training makers avoid what is held out for testing:
pairs of a concept and a colour, pairs of a concept and a surrounding, and six of a kind.
"""
import copy
import random
from dataclasses import dataclass, field

from world import COLOUR_NAMES

SURROUNDINGS = ('white', 'plain', 'day', 'night', 'sunset', 'beach', 'snow', 'sea', 'indoor', 'space', 'rain', 'street')
SURROUNDING_WEIGHTS = (2, 5, 3, 3, 1.5, 1.5, 1.5, 1.5, 2, 1, 1.2, 1.5)
FLAT = ('white', 'plain', 'space')  # no ground that things would stand on
OPPOSITE = {'left': 'right', 'right': 'left', 'above': 'below', 'below': 'above'}
LARGE, SMALL = .42, .28  # of the picture's side: from where on a thing is called big, small
MOST = {1: (.35, .85), 2: (.28, .5), 3: (.26, .45), 4: (.24, .4), 5: (.22, .36), 6: (.2, .32)}  # things -> (least, greatest size)


@dataclass
class Thing:
    """One object: centre (x, y) and size as fractions of the picture's side, y downwards."""
    concept: int
    sprite: int
    size: float
    x: float = .5
    y: float = .5
    colour: str | None = None  # None: as drawn
    flip: bool = False
    turn: float = 0.0  # degrees


@dataclass
class Surrounding:
    kind: str
    colour: str | None = None  # of 'plain'
    horizon: float = .6
    wave: float = 0.0
    seed: int = 0


@dataclass
class Scene:
    surrounding: Surrounding
    things: list = field(default_factory=list)

    def groups(self):
        """The things by concept, in order of appearance: [[Thing, ...], ...]."""
        by = {}
        for t in self.things:
            by.setdefault(t.concept, []).append(t)
        return list(by.values())

    def alone(self):
        return [g[0] for g in self.groups() if len(g) == 1]

    def concepts(self):
        return {t.concept for t in self.things}


def relation(a, b):
    """Where a is as seen from b: 'left', 'right', 'above', 'below', or None where it isn't clear."""
    dx, dy = b.x - a.x, b.y - a.y
    if abs(dx) > 1.3 * abs(dy) and abs(dx) > .22:
        return 'left' if dx > 0 else 'right'
    if abs(dy) > 1.3 * abs(dx) and abs(dy) > .22:
        return 'above' if dy > 0 else 'below'
    return None


def colour_held_out(concept, colour):
    """One pair of concept and colour in twelve is never trained on."""
    return (concept * 7 + COLOUR_NAMES.index(colour) * 5) % 12 == 0


def surrounding_held_out(concept, kind):
    """One pair of concept and surrounding in twelve is never trained on; white and plain never are."""
    return kind not in ('white', 'plain') and (concept * 5 + SURROUNDINGS.index(kind) * 7) % 12 == 0


class SceneMaker:
    """Draws scenes from seeds. With held_out=False (training) it avoids what is held out; True it doesn't avoid anything."""

    TWINS = {'swap': 34, 'replace': 18, 'count': 14, 'surrounding': 7, 'colour': 9, 'size': 5, 'position': 6, 'exchange': 6, 'word': 4}

    def __init__(self, world, held_out=False):
        self.world, self.held_out = world, held_out

    # ---- the parts ----
    def surrounding(self, r, kind=None):
        kind = kind or r.choices(SURROUNDINGS, SURROUNDING_WEIGHTS)[0]
        colour = r.choice([c for c in COLOUR_NAMES if c != 'white']) if kind == 'plain' else None
        return Surrounding(kind, colour, r.uniform(.45, .78), r.choice([0, 0, r.uniform(.01, .06)]), r.randrange(1 << 30))

    def concept(self, r):
        u = r.random()
        if u < .02:
            return self.world.sign
        return r.choice(self.world.shapes) if u < .085 else r.choice(self.world.known)

    def colour(self, r, concept):
        while True:
            c = r.choice(COLOUR_NAMES)
            if self.held_out or not colour_held_out(concept, c):
                return c

    def thing(self, r, concept=None, size=None):
        w = self.world
        concept = self.concept(r) if concept is None else concept
        colour = self.colour(r, concept) if w.tinted_only(concept) or (concept != w.sign and r.random() < .12) else None
        t = Thing(concept, r.choice(w.of[concept]), size or r.uniform(.24, .5), colour=colour, flip=r.random() < .3,
                  turn=r.choice([0, 0, 0, r.uniform(-15, 15)]))
        if concept == w.sign:
            t.flip, t.size = False, max(t.size, .34)
        return t

    def place(self, r, things, around, fixed=0):
        """Finds room: 14 tries a thing, shrinking it a little each time; the first `fixed` stay where they are."""
        for i, t in enumerate(things):
            if i < fixed:
                continue
            best = None
            for attempt in range(14):
                s = t.size * (1 - .03 * attempt)
                x, y = r.uniform(s / 2, 1 - s / 2), r.uniform(*self.heights(t, s, around, attempt))
                over = max([overlap(x, y, s, p) for p in things[:i]] or [0])
                if best is None or over < best[0]:
                    best = (over, x, y, s)
                if over < .04:
                    break
            _, t.x, t.y, t.size = best

    def heights(self, t, s, around, attempt):
        lo, hi = s / 2, 1 - s / 2
        if around.kind in FLAT or attempt >= 8:
            return lo, hi
        if self.world.concepts[t.concept]['sky']:
            return lo, max(lo, min(hi, around.horizon))
        return min(hi, max(lo, around.horizon - s / 2 - .05)), hi

    # ---- whole scenes ----
    def scene(self, seed, things=None, concept=None):
        """A scene of 1-6 things; `things` fixes how many, `concept` the first."""
        r = random.Random(seed)
        n = things or r.choices([1, 2, 3, 4, 5, 6], [26, 24, 20, 13, 10, 7])[0]
        while True:
            s = self.attempt(r, n, concept)
            if self.held_out or not any(surrounding_held_out(t.concept, s.surrounding.kind) for t in s.things):
                return s

    def attempt(self, r, n, concept):
        lo, hi = MOST[n]
        around, things = self.surrounding(r), []
        while len(things) < n:
            c = concept if not things else None
            if c is None and things and r.random() < .25:
                c = r.choice(self.world.group[self.world.concepts[things[0].concept]['group']])
            t = self.thing(r, c, r.uniform(lo, hi))
            if any(p.concept == t.concept for p in things):
                continue
            left, k = n - len(things), 1
            if left >= 2 and r.random() < .3 and t.concept != self.world.sign:
                k = r.randint(2, min(6 if self.held_out else 5, left))
            for j in range(k):
                q = copy.copy(t)
                q.size, q.flip = t.size * r.uniform(.9, 1.1), r.random() < .3 and t.concept != self.world.sign
                if j and r.random() < .25:
                    q.sprite = r.choice(self.world.of[t.concept])
                things.append(q)
        self.place(r, things, around)
        return Scene(around, things)

    def pair(self, r):
        """Two things in a clear relation, sometimes a small third."""
        around = self.surrounding(r)
        a, b = (self.thing(r, size=r.uniform(.28, .46)) for _ in range(2))
        while b.concept == a.concept:
            b = self.thing(r, size=r.uniform(.28, .46))
        margin = max(a.size, b.size) / 2
        d = r.uniform(.42, max(.42, 1 - 2 * margin))
        u = r.uniform(margin, max(margin, 1 - margin - d))
        v = r.uniform(margin, 1 - margin)
        v2 = min(1 - margin, max(margin, v + r.uniform(-.14, .14)))
        if r.random() < .6:
            (a.x, a.y), (b.x, b.y) = (u, v), (u + d, v2)
        else:
            (a.x, a.y), (b.x, b.y) = (v, u), (v2, u + d)
        things = [b, a] if r.random() < .5 else [a, b]
        if r.random() < .25:
            c = self.thing(r, size=r.uniform(.2, .3))
            if c.concept not in (a.concept, b.concept):
                things.append(c)
                self.place(r, things, around, fixed=2)
        return Scene(around, things)

    def crowd(self, seed):
        """Three to six things: what one word is searched among."""
        r = random.Random(seed)
        return self.scene(r.randrange(1 << 60), things=r.choice([3, 4, 5, 6]))

    # ---- twins: two scenes that differ in one fact ----
    def twin(self, seed, kind=None):
        """-> (scene, scene, kind, mode of the captions)."""
        r = random.Random(seed)
        kind = kind or r.choices(list(self.TWINS), list(self.TWINS.values()))[0]
        return (*getattr(self, 'twin_' + kind)(r), kind)

    def twin_swap(self, r):
        a = self.pair(r)
        return a, swapped(a), 'relation'

    def twin_exchange(self, r):
        a = self.pair(r)
        a.things = a.things[:2]
        return a, swapped(a), 'position'

    def twin_position(self, r):
        a = self.pair(r)
        a.things = a.things[:1]
        t = a.things[0]
        if relation(t, Thing(0, 0, 0)) is None:
            t.x, t.y = r.uniform(.35, .65), r.uniform(.35, .65)
            edge = t.size / 2 + .02 if r.random() < .5 else .98 - t.size / 2
            setattr(t, r.choice('xy'), edge)
        b = copy.deepcopy(a)
        axis = 'x' if abs(t.x - .5) > abs(t.y - .5) else 'y'
        setattr(b.things[0], axis, 1 - getattr(t, axis))
        return a, b, 'position'

    def twin_replace(self, r):
        a = self.scene(r.randrange(1 << 30), things=r.choice([1, 1, 2, 3]))
        b, old, w = copy.deepcopy(a), a.things[0].concept, self.world
        near = [c for c in w.group[w.concepts[old]['group']] if c not in a.concepts()]
        new = r.choice(near or [c for c in w.known if c not in a.concepts()])
        sprite, colour = r.choice(w.of[new]), self.colour(r, new)
        for t in b.things:
            if t.concept == old:
                t.concept, t.sprite = new, sprite
                t.colour = t.colour or (colour if w.tinted_only(new) else None)
        return a, b, 'all'

    def twin_count(self, r):
        k, k2 = r.sample([1, 2, 3, 4, 5] + [6] * bool(self.held_out), 2)
        around, t = self.surrounding(r), self.thing(r, r.choice(self.world.known), r.uniform(.22, .32))

        def of(n):
            things = [copy.copy(t) for _ in range(n)]
            for q in things:
                q.size *= r.uniform(.9, 1.1)
            self.place(r, things, around)
            return Scene(around, things)
        return of(k), of(k2), 'count'

    def twin_surrounding(self, r):
        a = self.scene(r.randrange(1 << 30), things=r.choice([1, 2, 3]))
        b = copy.deepcopy(a)
        while (b.surrounding.kind, b.surrounding.colour) == (a.surrounding.kind, a.surrounding.colour):
            b.surrounding = self.surrounding(r)
        return a, b, 'surrounding'

    def twin_colour(self, r):
        a = self.pair(r)
        while self.world.sign in a.concepts():
            a = self.pair(r)
        first, second = a.things[:2]
        first.colour = self.colour(r, first.concept)
        second.colour = self.colour(r, second.concept)
        while second.colour == first.colour:
            second.colour = self.colour(r, second.concept)
        b = copy.deepcopy(a)
        if r.random() < .5:
            b.things[0].colour, b.things[1].colour = second.colour, first.colour
        else:
            b.things[0].colour = r.choice([c for c in COLOUR_NAMES if c != first.colour])
        return a, b, 'colour'

    def twin_size(self, r):
        a = self.pair(r)
        big, small = r.uniform(.44, .54), r.uniform(.2, .27)
        a.things[0].size, a.things[1].size = big, small
        b = copy.deepcopy(a)
        b.things[0].size, b.things[1].size = small, big
        return a, b, 'size'

    def twin_word(self, r):
        around, w = self.surrounding(r), self.world
        t = self.thing(r, w.sign, r.uniform(.4, .8))
        a = Scene(around, [t])
        self.place(r, a.things, around)
        b = copy.deepcopy(a)
        b.things[0].sprite = r.choice([s for s in w.of[w.sign] if s != t.sprite])
        return a, b, 'all'


def overlap(x, y, s, p):
    """How much of the smaller of two squares the other covers, roughly."""
    reach = (s + p.size) / 2 * .85
    return max(0, reach - abs(x - p.x)) * max(0, reach - abs(y - p.y)) / min(s, p.size) ** 2


def swapped(scene):
    """The same scene with its first two things' places exchanged."""
    b = copy.deepcopy(scene)
    p, q = b.things[:2]
    (p.x, p.y), (q.x, q.y) = (q.x, q.y), (p.x, p.y)
    return b
