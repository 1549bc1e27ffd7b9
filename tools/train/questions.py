"""Questions about a scene with their answers: [(question, answer, family)]."""
import random

from artwork import lexicon
from scene import OPPOSITE, SURROUNDINGS, relation
from words import article, plural

ENGLISH = lexicon('english.json')
PLACE = {'white': 'white background', 'day': 'grass', 'night': 'night', 'sunset': 'sunset', 'beach': 'beach', 'snow': 'snow', 'sea': 'sea',
         'indoor': 'room', 'space': 'space', 'rain': 'rain', 'street': 'street'}
BY_DAY, BY_NIGHT = ('day', 'beach', 'snow', 'sea'), ('night',)
WHERE = {'left': 'to the left of', 'right': 'to the right of', 'above': 'above', 'below': 'below'}
BIGGER = 1.3  # times, before one thing is called bigger


class Questions:
    def __init__(self, world, captions):
        self.world, self.captions = world, captions
        self.families = {'what': self.what, 'exist': self.exist, 'count': self.count, 'total': self.total, 'colour': self.colour,
                         'relation': self.relation, 'yes_relation': self.yes_relation, 'time': self.time, 'where': self.where,
                         'is_where': self.is_where, 'ground': self.ground, 'bigger': self.bigger, 'class': self.is_class,
                         'which': self.which, 'sign': self.sign}

    def ask(self, scene, seed, count=3):
        """Up to count questions; a family that the scene has nothing for is passed over."""
        r, out = random.Random(seed), []
        names = list(self.families) + ['exist', 'relation', 'count', 'sign', 'sign']
        for _ in range(count * 3):
            family = r.choice(names)
            found = self.families[family](r, scene)
            if found:
                out.append((*found, family))
            if len(out) == count:
                break
        return out

    def name(self, t):
        return self.world.name(t.concept)

    def what(self, r, s):
        if len(s.groups()) == 1 and s.things[0].concept != self.world.sign:
            return r.choice(['what is in the picture?', 'what is this?', 'what do you see?', 'what is shown in the image?']), self.name(s.things[0])

    def exist(self, r, s):
        w, have = self.world, sorted(s.concepts())
        if r.random() < .5:
            c = r.choice(have)
        else:
            near = w.group[w.concepts[r.choice(have)]['group']] if r.random() < .5 else w.known
            c = r.choice([x for x in near if x not in have] or [x for x in w.known if x not in have])
        ask = r.choice(['is there {} in the picture?', 'do you see {}?', 'can you see {}?', 'does the image show {}?'])
        return ask.format(article(self.captions.noun(r, c))), 'yes' if c in have else 'no'

    def count(self, r, s):
        g = r.choice(s.groups())
        ask = r.choice(['how many {} are there?', 'how many {} do you see?', 'what is the number of {}?'])
        return ask.format(plural(self.name(g[0]))), str(len(g))

    def total(self, r, s):
        return r.choice(['how many objects are there?', 'how many things are in the picture?']), str(len(s.things))

    def colour(self, r, s):
        tinted = [g[0] for g in s.groups() if all(t.colour for t in g)]
        if tinted:
            t = r.choice(tinted)
            ask = r.choice(['what color is the {}?', 'what is the color of the {}?', 'what colour is the {}?'])
            return ask.format(self.name(t)), t.colour

    def related(self, r, s):
        alone = s.alone()
        if len(alone) >= 2:
            a, b = r.sample(alone, 2)
            if relation(a, b):
                return a, b, relation(a, b)

    def relation(self, r, s):
        found = self.related(r, s)
        if found:
            a, b, where = found
            if sum(relation(t, b) == where for t in s.things if t is not b) == 1:
                return f'what is {WHERE[where]} the {self.name(b)}?', self.name(a)

    def yes_relation(self, r, s):
        found = self.related(r, s)
        if found:
            a, b, where = found
            asked = where if r.random() < .5 else OPPOSITE[where]
            return f'is the {self.name(a)} {WHERE[asked]} the {self.name(b)}?', 'yes' if asked == where else 'no'

    def time(self, r, s):
        kind = s.surrounding.kind
        if kind in BY_DAY + BY_NIGHT:
            return r.choice(['is it day or night?', 'what time of day is it?']), 'night' if kind in BY_NIGHT else 'day'

    def where(self, r, s):
        answer = f'{s.surrounding.colour} background' if s.surrounding.kind == 'plain' else PLACE[s.surrounding.kind]
        return r.choice(['where is this?', 'what is the background?', 'what is the setting?']), answer

    def is_where(self, r, s):
        kind = s.surrounding.kind if r.random() < .5 else r.choice(SURROUNDINGS[2:])
        if kind not in ('white', 'plain'):
            return f'is this {ENGLISH["surroundings"][kind][0]}?', 'yes' if kind == s.surrounding.kind else 'no'

    def ground(self, r, s):
        if s.surrounding.kind == 'plain':
            return 'what color is the background?', s.surrounding.colour

    def bigger(self, r, s):
        alone = s.alone()
        if len(alone) >= 2:
            a, b = r.sample(alone, 2)
            if max(a.size, b.size) / min(a.size, b.size) > BIGGER:
                return f'which is bigger, the {self.name(a)} or the {self.name(b)}?', self.name(a if a.size > b.size else b)

    def is_class(self, r, s):
        h = r.choice(self.world.classes)
        there = any(h in self.world.concepts[c]['classes'] for c in s.concepts())
        if there or r.random() < .4:
            return f'is there {article(h)} in the picture?', 'yes' if there else 'no'

    def which(self, r, s):
        t = r.choice(s.groups())[0]
        classes = self.world.concepts[t.concept]['classes']
        if classes:
            h = r.choice(classes)
            if sum(h in self.world.concepts[c]['classes'] for c in s.concepts()) == 1:
                return 'who is in the picture?' if h == 'person' else f'which {h} is in the picture?', self.name(t)

    def sign(self, r, s):
        signs = [t for t in s.things if t.concept == self.world.sign]
        if len(signs) == 1:
            return r.choice(['what does the sign say?', 'what is written on the sign?', 'read the sign']), self.world.word(signs[0].sprite)
