"""Tests of the generator; they need the prepared world.

    EMBLEM_WORLD=/data/world python -m unittest discover -s tools/train
"""
import os
import unittest

import numpy as np

from captions import Captions
from paint import paint
from questions import Questions
from scene import SceneMaker, colour_held_out, relation, surrounding_held_out
from world import HELD_OUT_SETS, TRAINING_SETS, World

FOLDER = os.environ.get('EMBLEM_WORLD', '')


@unittest.skipUnless(FOLDER, 'EMBLEM_WORLD names no prepared world')
class TestWorld(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World(FOLDER)
        cls.maker, cls.captions = SceneMaker(cls.world), Captions(cls.world)

    def test_seeds_decide_everything(self):
        other = World(FOLDER)
        maker, captions = SceneMaker(other), Captions(other)
        for seed in range(50):
            a, b = self.maker.scene(seed), maker.scene(seed)
            self.assertEqual(a, b)
            self.assertTrue((paint(self.world, a) == paint(other, b)).all())
            self.assertEqual(self.captions.caption(a, seed), captions.caption(b, seed))

    def test_training_never_shows_what_is_held_out(self):
        for seed in range(2000):
            s = self.maker.scene(seed)
            for g in s.groups():
                self.assertLess(len(g), 6)
            for t in s.things:
                self.assertFalse(surrounding_held_out(t.concept, s.surrounding.kind))
                self.assertFalse(t.colour and colour_held_out(t.concept, t.colour))
        unseen = {i for of in World(FOLDER, HELD_OUT_SETS).of[:self.world.artwork] for i in of}
        self.assertFalse(unseen & {i for of in self.world.of for i in of})
        self.assertFalse(set(HELD_OUT_SETS) & set(TRAINING_SETS))

    def test_twins_differ_in_a_fact_and_in_what_is_said(self):
        for kind in SceneMaker.TWINS:
            parallel = 0
            for seed in range(40):
                a, b, mode, _ = self.maker.twin(seed, kind)
                self.assertNotEqual(a, b)
                texts = [self.captions.caption(s, seed, mode)[0] for s in (a, b)]
                parallel += texts[0] != texts[1]
            self.assertGreater(parallel, 30, kind)

    def test_answers_are_true(self):
        questions = Questions(self.world, self.captions)
        families = set()
        for seed in range(600):
            s = self.maker.scene(seed)
            for question, answer, family in questions.ask(s, seed):
                families.add(family)
                if family == 'total':
                    self.assertEqual(answer, str(len(s.things)))
                if family == 'relation':
                    self.assertIn(answer, {self.world.name(t.concept) for t in s.things if any(relation(t, o) for o in s.things)})
        self.assertEqual(families, set(questions.families))

    def test_owners_are_what_is_painted(self):
        s = self.maker.scene(3)
        im, own = paint(self.world, s, owner=True)
        self.assertEqual(set(np.unique(own)) - {-1}, s.concepts())
        self.assertEqual(im.shape, (96, 96, 3))


if __name__ == '__main__':
    unittest.main()
