"""Nouns: articles, plurals, synonyms in English; names, colours and counts in the other languages."""
from artwork import LANGUAGES, lexicon

ENGLISH_NUMBERS = {1: 'one', 2: 'two', 3: 'three', 4: 'four', 5: 'five', 6: 'six'}
NOUNS = lexicon('english_nouns.json')
MASS, PLURALS = set(NOUNS['mass']), NOUNS['plurals']
HEAD_FIRST = ('wheel of', 'face with', 'bow and', 'cup of', 'mug of', 'glass of', 'cake with', 'plate with', 'slice of', 'pair of', 'statue of')
PLAIN_O = ('photo', 'piano', 'taco', 'burrito', 'avocado', 'kimono', 'yo-yo', 'banjo', 'flamingo', 'ufo', 'rhino', 'radio', 'memo', 'dino')


def article(noun):
    """'a dog', 'an apple', 'bread'."""
    if noun in MASS:
        return noun
    vowel = noun[0] in 'aeio' or noun.startswith('umb')
    return ('an ' if vowel else 'a ') + noun


def plural(noun):
    if noun in MASS:
        return noun
    if noun in PLURALS:
        return PLURALS[noun]
    if noun.startswith('person '):
        return 'people ' + noun[7:]
    if noun.startswith('thumbs'):
        return noun
    if noun.startswith(HEAD_FIRST):
        head, rest = noun.split(' ', 1)
        return plural(head) + ' ' + rest
    if noun.endswith('y') and noun[-2] not in 'aeiou':
        return noun[:-1] + 'ies'
    if noun.endswith(('s', 'x', 'ch', 'sh')) or (noun.endswith('o') and noun not in PLAIN_O):
        return noun + 'es'
    return noun + 's'


class Language:
    """A language other than English: names of concepts and classes, one phrase for colours and counts, no grammar of cases."""

    def __init__(self, world, code):
        self.world, self.code, self.table = world, code, lexicon(code + '.json')

    def knows(self, concept):
        return bool(self.world.concepts[concept]['names'].get(self.code))

    def noun(self, concept):
        return self.world.concepts[concept]['names'][self.code][0]

    def group(self, r, things, colour=True):
        """'zweimal Hund', 'rot', ...: one group of a scene."""
        t, table = things[0], self.table
        n = self.noun(t.concept)
        if colour and t.colour:
            n = table['coloured'].format(n=n, c=table['colours'][t.colour])
        if len(things) == 1:
            return r.choice(table['single']).format(n=n)
        return r.choice(table['counted']).format(n=n, k=table['numbers'][str(len(things))], d=len(things))

    def surrounding(self, r, s):
        colour = self.table['colours'].get(s.colour, '')
        return r.choice(self.table['surroundings'][s.kind]).format(c=colour)

    def glue(self):
        """What stands between a scene's things and its surrounding."""
        return '' if self.code in ('zh', 'ja') else ' '

    def class_name(self, name):
        return self.table['classes'].get(name)


def languages(world):
    return {code: Language(world, code) for code in LANGUAGES}
