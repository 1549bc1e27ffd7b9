"""CLIP's byte-level BPE, in lower case: the first model's pieces first, then pieces for five more languages and the new words.

    python tools/train/tokenizer.py --world /data/world --base internal/builtin/search --out /data/world/tokenizer

Pieces of --base keep their numbers and merges, so that a model trained with them can go on; the two special tokens stay the last
ids, as in CLIP, where the end of the text is the highest id. Without --base all pieces are learnt anew.
"""
import argparse
import json
import os

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from captions import Captions
from questions import Questions
from scene import SceneMaker
from world import World

PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
BEGIN, END = '<|startoftext|>', '<|endoftext|>'
LENGTH = 32  # positions of the text tower


def frame(vocab, merges):
    """A tokenizer of CLIP's shape over the given pieces."""
    t = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token=END if vocab else None, end_of_word_suffix='</w>',
                             continuing_subword_prefix='', fuse_unk=False))
    t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r'\s+'), ' '), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(PATTERN), 'removed', invert=True),
                                               pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    return t


def alphabet():
    """Every byte, and every byte that ends a word: no text is ever unknown."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    return letters + [a + '</w>' for a in letters]


def corpus(world, scenes):
    captions, maker = Captions(world), SceneMaker(world)
    questions = Questions(world, captions)
    for c in world.concepts:
        for _ in range(6):
            yield ' '.join([c['name']] + c['tags'] + c['synonyms'])
            yield from (n for names in c['names'].values() for n in names)
    for i in range(scenes):
        s = maker.scene(5_000_000 + i)
        yield captions.caption(s, i, foreign=.8)[0]
        if i % 4 == 0:
            yield from (f'{q} {a}' for q, a, _ in questions.ask(s, i))


def learn(world, size, base=None, scenes=40000):
    """-> (vocab, merges): the base's pieces, then the corpus's most frequent until there are `size` with the special tokens."""
    tokens, merges = alphabet(), []
    if base:
        with open(os.path.join(base, 'tokenizer.json'), encoding='utf-8') as f:
            model = json.load(f)['model']
        merges = [tuple(m.split(' ')) if isinstance(m, str) else tuple(m) for m in model['merges']]
        tokens = sorted(model['vocab'], key=model['vocab'].get)
        tokens = [t for t in tokens if t not in (BEGIN, END)]
    fresh = frame({}, [])
    fresh.train_from_iterator(corpus(world, scenes), trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), special_tokens=[], end_of_word_suffix='</w>',
        show_progress=False, min_frequency=2))
    have = set(tokens)
    for m in json.loads(fresh.to_str())['model']['merges']:
        pair = tuple(m.split(' ')) if isinstance(m, str) else tuple(m)
        whole = pair[0] + pair[1]
        if len(tokens) == size - 2:
            break
        if whole not in have and pair[0] in have and pair[1] in have:
            tokens.append(whole)
            have.add(whole)
            merges.append(pair)
    return {t: i for i, t in enumerate(tokens + [BEGIN, END])}, merges


def save(vocab, merges, out):
    t = frame(vocab, merges)
    t.add_special_tokens([BEGIN, END])
    t.post_processor = processors.TemplateProcessing(single=f'{BEGIN} $A {END}', special_tokens=[(BEGIN, vocab[BEGIN]), (END, vocab[END])])
    os.makedirs(out, exist_ok=True)
    t.save(os.path.join(out, 'tokenizer.json'))
    with open(os.path.join(out, 'vocab.json'), 'w', encoding='utf-8') as f:
        json.dump(vocab, f, ensure_ascii=False)
    with open(os.path.join(out, 'merges.txt'), 'w', encoding='utf-8') as f:
        f.write('#version: 0.2\n' + '\n'.join(' '.join(m) for m in merges) + '\n')
    with open(os.path.join(out, 'tokenizer_config.json'), 'w', encoding='utf-8') as f:
        json.dump(dict(tokenizer_class='CLIPTokenizer', bos_token=BEGIN, eos_token=END, pad_token=END, unk_token=END,
                       model_max_length=LENGTH, do_lower_case=True), f)


class TextEncoder:
    """texts -> ids [texts, length] int64, ended and padded with the end token; longer texts are cut and ended."""

    def __init__(self, folder):
        self.tokenizer = Tokenizer.from_file(os.path.join(folder, 'tokenizer.json'))
        self.size = self.tokenizer.get_vocab_size()
        self.begin, self.end = self.size - 2, self.size - 1

    def __call__(self, texts, length=LENGTH, fixed=False):
        ids = [e.ids if len(e.ids) <= length else e.ids[:length - 1] + [self.end] for e in self.tokenizer.encode_batch(list(texts))]
        out = np.full((len(ids), length if fixed else max(map(len, ids))), self.end, np.int64)
        for row, x in zip(out, ids):
            row[:len(x)] = x
        return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--world', required=True)
    p.add_argument('--base', help='a model folder whose pieces come first')
    p.add_argument('--size', type=int, default=7168)
    p.add_argument('--scenes', type=int, default=40000)
    p.add_argument('--out', required=True)
    a = p.parse_args()
    world = World(a.world)
    vocab, merges = learn(world, a.size, a.base, a.scenes)
    save(vocab, merges, a.out)
    t, captions, maker = TextEncoder(a.out), Captions(world), SceneMaker(world)
    lengths = sorted(len(e.ids) for e in t.tokenizer.encode_batch([captions.caption(maker.scene(i), i)[0] for i in range(2000)]))
    print(len(vocab), 'tokens; a caption has', sum(lengths) / len(lengths), 'on average,', lengths[1979], 'at the 99th percentile')


if __name__ == '__main__':
    main()
