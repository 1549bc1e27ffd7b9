"""Trains the question model: the dual encoder's picture tower, untouched, with a small decoder (LLaVA's layout).

    python tools/train/question_model.py --world /data/world --encoder /data/encoder/search --out /data/questions --minutes 60

A prompt is <start>, the picture's 64 patches, the question; the answer ends with the end token. The tower is frozen, so that one copy of
it in memory can serve both models. Evaluation, per family: exact answers, beside the most frequent answer, the question alone (the
picture's patches are zeros) and another picture's patches.
"""
import argparse
import collections
import json
import os
import random
import shutil

import numpy as np
import torch
import torch.nn.functional as F
from transformers import CLIPVisionModel, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

import loop
from captions import Captions
from clip_model import PATCH, PICTURE, TOKENIZER_FILES, pixels
from paint import degrade, paint, palette
from questions import Questions
from scene import SceneMaker
from tokenizer import BEGIN, END, TextEncoder
from world import FIRST_SETS, HELD_OUT_SETS, World

PATCHES = (PICTURE // PATCH) ** 2
QUESTION, ANSWER = 24, 6  # tokens
PER_PICTURE = 4
IMAGE = '<image>'
# name: (width, layers, pictures a batch)
SIZES = {'smoke': (64, 1, 6), 'small': (192, 4, 32), 'large': (256, 6, 512)}


def build(size, tower, vocabulary):
    """LLaVA over a CLIP tower; the decoder has one piece more than the encoder's tokenizer, the picture's place."""
    width, layers, _ = SIZES[size]
    end = vocabulary - 1
    text = LlamaConfig(vocab_size=vocabulary + 1, hidden_size=width, intermediate_size=width * 8 // 3 // 32 * 32, num_hidden_layers=layers,
                       num_attention_heads=width // 64, max_position_embeddings=128, tie_word_embeddings=True, bos_token_id=end - 1,
                       eos_token_id=end, pad_token_id=end)
    config = LlavaConfig(vision_config=tower.config, text_config=text, image_token_index=vocabulary, image_seq_length=PATCHES,
                         vision_feature_layer=-1, vision_feature_select_strategy='default', projector_hidden_act='gelu', tie_word_embeddings=True)
    m = LlavaForConditionalGeneration._from_config(config, attn_implementation='eager')
    m.model.vision_tower.load_state_dict(tower.state_dict())
    m.model.vision_tower.requires_grad_(False)
    return m


class Batches:
    """Pictures with questions: ids [q, 1 + 64 + QUESTION + ANSWER - 1], labels of the same shape (-100: not the answer), picture of each."""

    def __init__(self, world, tokens, seed, held_out=False):
        self.world, self.tokens, self.seed, self.train = world, tokens, seed, not held_out
        self.maker = SceneMaker(world, held_out)
        self.questions = Questions(world, Captions(world))

    def next(self, pictures):
        images, rows = [], []
        while len(images) < pictures:
            self.seed += 1
            s = self.maker.scene(self.seed) if self.seed % 3 else self.maker.twin(self.seed)[0]
            asked = self.questions.ask(s, self.seed, PER_PICTURE)
            if not asked:
                continue
            rows += [(len(images), *q) for q in asked]
            r = random.Random(self.seed)
            im = paint(self.world, s, PICTURE, jitter=palette(r) if self.train else None)
            images.append(degrade(im, r) if self.train else im)
        ids, labels = self.encode([q for _, q, _, _ in rows], [a for _, _, a, _ in rows])
        return dict(pictures=np.stack(images), row=np.array([r for r, *_ in rows]), ids=ids, labels=labels,
                    families=[f for *_, f in rows], answers=[a for _, _, a, _ in rows])

    def encode(self, questions, answers):
        """Questions end at one place (padded at the left with the end token), so that answers start at one."""
        t, n = self.tokens, len(questions)
        ids = np.full((n, 1 + PATCHES + QUESTION + ANSWER - 1), t.end, np.int64)
        labels = np.full_like(ids, -100)
        ids[:, 0], ids[:, 1:1 + PATCHES] = t.begin, t.size
        start = 1 + PATCHES + QUESTION
        for row, label, q, a in zip(ids, labels, t.tokenizer.encode_batch(questions), t.tokenizer.encode_batch(answers)):
            asked, said = q.ids[1:-1][-QUESTION:], a.ids[1:][:ANSWER]
            row[start - len(asked):start] = asked
            row[start:start + len(said) - 1] = said[:-1]
            label[start - 1:start - 1 + len(said)] = said  # what follows position i
        return ids, labels


class Trainer:
    def __init__(self, a, tokens):
        self.a, self.tokens = a, tokens
        tower = CLIPVisionModel.from_pretrained(a.encoder, attn_implementation='eager')
        self.model = build(a.size, tower, tokens.size).to(a.device)
        named = [(k, p) for k, p in self.model.named_parameters() if p.requires_grad]
        self.params, self.opts = [p for _, p in named], loop.optimisers(named, a.rate)
        self.average = loop.Average(self.model)
        decoder = self.model.model.language_model
        self.decode = torch.compile(decoder) if a.compile else decoder

    def logits(self, b, patches='own'):
        """[q, ANSWER, vocabulary]: what follows the question's end. patches: 'own', 'none' or 'other'."""
        m, ids = self.model.model, torch.from_numpy(b['ids']).to(self.a.device)
        with torch.no_grad():
            seen = m.vision_tower(pixel_values=pixels(b['pictures'], self.a.device)).last_hidden_state[:, 1:]
        seen = {'own': seen, 'none': torch.zeros_like(seen), 'other': seen.roll(1, 0)}[patches]
        embedded = m.language_model.get_input_embeddings()(ids)
        spot = slice(1, 1 + PATCHES)
        put = m.multi_modal_projector(seen)[torch.from_numpy(b['row']).to(self.a.device)]
        embedded = torch.cat([embedded[:, :1], put.to(embedded.dtype), embedded[:, spot.stop:]], 1)
        asked = ids.clone()
        # the padding before a question is not looked at
        mask = torch.ones_like(ids)
        start = 1 + PATCHES
        mask[:, start:start + QUESTION] = ((asked[:, start:start + QUESTION] != self.tokens.end).long().cumsum(1) > 0).long()
        places = (mask.cumsum(1) - 1).clamp_min(0)
        hidden = self.decode(inputs_embeds=embedded, attention_mask=mask, position_ids=places, use_cache=False).last_hidden_state
        return self.model.lm_head(hidden[:, start + QUESTION - 1:])

    def labels(self, b):
        return torch.from_numpy(b['labels'][:, PATCHES + QUESTION:]).to(self.a.device)

    def step(self, b, factor):
        loop.set_rate(self.opts, factor)
        with torch.autocast(self.a.device, dtype=torch.bfloat16):
            logits = self.logits(b)
        loss = F.cross_entropy(logits.float().flatten(0, 1), self.labels(b).flatten(), ignore_index=-100)
        for o in self.opts:
            o.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.params, 1.)
        for o in self.opts:
            o.step()
        self.average.update()
        return dict(loss=loss.item())

    @torch.no_grad()
    def right(self, b, patches):
        """[q] bool. Every token right given those before it is the same as greedy decoding being right."""
        said, true = self.logits(b, patches).argmax(-1), self.labels(b)
        return ((said == true) | (true < 0)).all(1).cpu().numpy()


def evaluate(trainer, world_folder, log, batches=12):
    for name, sets in (('known styles', FIRST_SETS), ('unseen style', HELD_OUT_SETS)):
        data = Batches(World(world_folder, sets), trainer.tokens, 901_000_000_000, held_out=True)
        scores, answers = collections.defaultdict(list), collections.defaultdict(list)
        for _ in range(batches):
            b = data.next(48)
            table = np.stack([trainer.right(b, p) for p in ('own', 'none', 'other')], 1)
            for family, row, answer in zip(b['families'], table, b['answers']):
                scores[family].append(row)
                answers[family].append(answer)
        for family in sorted(scores):
            own, none, other = np.mean(scores[family], 0)
            most = collections.Counter(answers[family]).most_common(1)[0][1] / len(answers[family])
            log.say(f'{name} {family}: {own:.3f} most frequent {most:.3f} question alone {none:.3f} other picture {other:.3f} n {len(answers[family])}')
        log.say(f'{name}: {np.mean(np.concatenate([np.array(v)[:, 0] for v in scores.values()])):.3f}')


def save_folder(model, encoder, out):
    """LLaVA's layout in f16, with the tokenizer that also has the picture's place, and the processor's files."""
    half = LlavaForConditionalGeneration(model.config)
    half.load_state_dict(model.state_dict())
    half.half().save_pretrained(out)
    for name in TOKENIZER_FILES + ('preprocessor_config.json',):
        shutil.copyfile(os.path.join(encoder, name), os.path.join(out, name))
    with open(os.path.join(out, 'tokenizer.json'), encoding='utf-8') as f:
        t = json.load(f)
    place = len(t['model']['vocab'])
    t['added_tokens'].append(dict(id=place, content=IMAGE, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True))
    for name, value in (('tokenizer.json', t), ('added_tokens.json', {IMAGE: place}),
                        ('tokenizer_config.json', dict(tokenizer_class='PreTrainedTokenizerFast', bos_token=BEGIN, eos_token=END, pad_token=END,
                                                       unk_token=END, extra_special_tokens=dict(image_token=IMAGE), padding_side='left',
                                                       model_max_length=128)),
                        ('processor_config.json', dict(processor_class='LlavaProcessor', patch_size=PATCH, num_additional_image_tokens=1,
                                                       vision_feature_select_strategy='default', image_token=IMAGE))):
        with open(os.path.join(out, name), 'w', encoding='utf-8') as f:
            json.dump(value, f, ensure_ascii=False)


def check(folder, trainer, b):
    """The folder loads in transformers, and LLaVA's own forward gives the training path's logits."""
    from transformers import AutoTokenizer
    model = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, attn_implementation='eager').eval()
    tokens = AutoTokenizer.from_pretrained(folder)
    assert tokens.convert_tokens_to_ids(IMAGE) == trainer.tokens.size, tokens.convert_tokens_to_ids(IMAGE)
    ids = torch.from_numpy(b['ids'][:1])
    start = 1 + PATCHES
    keep = torch.cat([torch.ones(start, dtype=torch.bool), (ids[0, start:start + QUESTION] != trainer.tokens.end).cumsum(0) > 0,
                      torch.zeros(ANSWER - 1, dtype=torch.bool)])
    with torch.no_grad():
        own = model(input_ids=ids[:, keep], pixel_values=pixels(b['pictures'][:1])).logits[0, -1]
        here = trainer.logits({k: v[:1] if isinstance(v, np.ndarray) else v for k, v in b.items()})[0, 0]
    if not torch.allclose(own, here, atol=.05):
        raise SystemExit(f'{folder}: its logits differ from the training by {(own - here).abs().max()}')
    print('loads in transformers; logits differ by', (own - here).abs().max().item(), '(f16 weights)')


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    loop.arguments(p, minutes=60.)
    p.add_argument('--size', default='small', choices=list(SIZES))
    p.add_argument('--encoder', required=True, help='the dual encoder whose tower sees')
    p.add_argument('--rate', type=float, default=1.5e-3)
    a = p.parse_args()
    loop.settle(a)
    tokens, log, clock = TextEncoder(a.encoder), loop.Log(a.out, 'question_model'), loop.Clock(a)
    trainer = Trainer(a, tokens)
    checkpoint, folder = os.path.join(a.out, 'checkpoint.pt'), os.path.join(a.out, 'questions')
    data = Batches(World(a.world), tokens, 70_000_000 + a.seed * 1_000_000_000)
    pictures = a.batch or SIZES[a.size][2]
    means = loop.run(a, log, clock, checkpoint, [trainer.model], trainer.average, trainer.opts, data,
                     lambda factor: (trainer.step(data.next(pictures), factor), pictures))
    trainer.average.exchange()
    trainer.model.eval()
    save_folder(trainer.model, a.encoder, folder)
    if a.smoke:
        loop.export_check(log, means)
        check(folder, trainer, data.next(2))
    evaluate(trainer, a.world, log, batches=1 if a.smoke else 12)


if __name__ == '__main__':
    main()
