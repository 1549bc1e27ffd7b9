"""Draws the artwork once: SVG icons of openly licensed sets become sprites of 96 pixels with names in six languages.

    npm ci --ignore-scripts                      # the pinned packages of package.json, beside this file or in --packages
    python tools/train/artwork.py --packages node_modules --out /data/world

It writes sprites.npy [sprites, 96, 96, 4] uint8 (premultiplied RGBA, cropped to what is visible, aspect kept, top left) and
artwork.json: the sets with their licences, the concepts and, for each sprite, (concept, set, width, height, icon).
"""
import argparse
import collections
import io
import json
import os
import re
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
PIXELS = 96
LANGUAGES = ('de', 'fr', 'es', 'zh', 'ja')
# Only these sets decide which concepts there are, so that a set more doesn't renumber them.
CORE = ('noto', 'noto-v1', 'fluent-emoji-flat', 'fxemoji', 'emojione')
HELD_OUT = 'twemoji'
EXTRA = ('fluent-emoji', 'streamline-emojis')
SETS = CORE + (HELD_OUT,) + EXTRA
ALLOWED = ('MIT', 'Apache-2.0', 'CC-BY-4.0')
FORMS, SKINS, SPRITES = 6, 3, 5  # of a concept and set: forms looked at, skins a form, sprites kept


def lexicon(name):
    with open(os.path.join(HERE, 'lexicon', name), encoding='utf-8') as f:
        return json.load(f)


def read(*path):
    with open(os.path.join(*path), encoding='utf-8') as f:
        return json.load(f)


def slug(label):
    return re.sub(r'[^a-z0-9]+', '-', label.lower().replace('’', '')).strip('-')


class IconSet:
    """One @iconify-json package: its icons, the code points they stand for, its licence."""

    def __init__(self, packages, name):
        folder = os.path.join(packages, '@iconify-json', name)
        self.name, self.data = name, read(folder, 'icons.json')
        self.chars = read(folder, 'chars.json') if os.path.exists(os.path.join(folder, 'chars.json')) else {}
        info = read(folder, 'info.json')
        self.licence, self.author = info['license']['spdx'], info['author']['name']
        if self.licence not in ALLOWED:
            raise SystemExit(f'{name}: its licence is {self.licence}; only {", ".join(ALLOWED)} may be trained on')
        self.version = read(folder, 'package.json')['version']

    def find(self, label, hexcode, concept):
        """The icon of a label or code point, or None."""
        icons, key, by_label = self.data['icons'], hexcode.lower(), slug(label)
        found = self.chars.get(key) or self.chars.get(key.replace('-fe0f', ''))
        if not found and self.name == 'fxemoji':
            found = next((v for v in (by_label.replace('-', ''), slug(concept).replace('-', '')) if v in icons), None)
        if not found and not self.chars:
            found = next((v for v in (by_label, slug(concept)) if v in icons), None)
        if not found and by_label in icons:
            found = by_label
        return found if found in icons else None

    def svg(self, icon):
        d, i = self.data, self.data['icons'][icon]
        w, h = i.get('width', d.get('width', 16)), i.get('height', d.get('height', 16))
        box = f'{i.get("left", 0)} {i.get("top", 0)} {w} {h}'
        return (f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{w}" height="{h}" '
                f'viewBox="{box}">{i["body"]}</svg>')


def raster(svg):
    """SVG -> (sprite [96, 96, 4] uint8 premultiplied, width, height), or None where nothing is visible."""
    import resvg_py
    try:
        drawn = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=PIXELS * 2)))).convert('RGBA')
    except Exception:  # an icon that resvg can't read is left out, and counted
        return None
    box = drawn.getchannel('A').point(lambda v: 255 if v > 24 else 0).getbbox()
    if not box:
        return None
    drawn = drawn.crop(box)
    scale = PIXELS / max(drawn.size)
    w, h = max(4, round(drawn.width * scale)), max(4, round(drawn.height * scale))
    a = np.asarray(drawn, np.float32)
    pre = np.concatenate([a[..., :3] * (a[..., 3:] / 255), a[..., 3:]], -1).round().astype(np.uint8)
    small = np.asarray(Image.fromarray(pre, 'RGBA').resize((w, h), Image.LANCZOS)).copy()
    small[..., :3] = np.minimum(small[..., :3], small[..., 3:])  # Lanczos rings; premultiplied colour never exceeds alpha
    out = np.zeros((PIXELS, PIXELS, 4), np.uint8)
    out[:h, :w] = small
    return out, w, h


def concepts(packages):
    """name -> dict(name, group, classes, synonyms, tags, sky, names, forms) in the order of emojibase."""
    lex = lexicon('concepts.json')
    groups, keep, sky = set(lex['groups']), set(lex['keep']), set(lex['sky'])
    drop = re.compile('|'.join(lex['drop']), re.I)
    special = {label: name for name, labels in lex['faces_and_signs'].items() for label in labels}
    base = os.path.join(packages, 'emojibase-data')
    subgroups = read(base, 'meta', 'groups.json')['subgroups']
    foreign = {l: {e['hexcode']: e for e in read(base, l, 'data.json')} for l in LANGUAGES}
    out = collections.OrderedDict()
    for e in read(base, 'en', 'data.json'):
        group, label = subgroups.get(str(e.get('subgroup')), ''), e['label']
        if label in special:
            name, classes = special[label], ['face'] if 'face' in group else []
        elif group in groups:
            name = concept_name(label, group, lex['names'], keep, drop)
            classes = lex['classes'].get(group, [])
        else:
            continue
        if name is None:
            continue
        c = out.setdefault(name, dict(name=name, group=group, classes=classes, synonyms=lex['synonyms'].get(name, []), tags=[],
                                      sky=name in sky, names={l: [] for l in LANGUAGES}, forms=[]))
        c['tags'] += [t for t in e.get('tags', []) if t not in c['tags'] and re.match(r'^[a-z][a-z -]+$', t)]
        for l in LANGUAGES:
            if e['hexcode'] in foreign[l]:
                c['names'][l].append(foreign[l][e['hexcode']]['label'])
        skins = [(s['label'], s['hexcode']) for s in e.get('skins', []) if s.get('tone') in (1, 3, 5)]
        c['forms'].append((label, e['hexcode'], skins))
    return out


def concept_name(label, group, names, keep, drop):
    label = re.sub(r': facing right$', '', label)
    short = label
    m = re.match(r'^(man|woman|men|women) (.*)$', label)
    if m and group.startswith('person-'):
        acts = group in ('person-activity', 'person-sport', 'person-resting', 'person-gesture')
        short = 'person ' + m.group(2) if acts and label not in names else m.group(2)
    if label not in names and short not in keep and drop.search(short):
        return None
    return names.get(label) or names.get(short) or short.lower()


def wanted(found, sets):
    """(svg, concept, set, icon) of every sprite to draw."""
    for name, c in found.items():
        for s in sets:
            seen = []
            for label, hexcode, skins in c['forms'][:FORMS]:
                for l, h in [(label, hexcode)] + skins[:SKINS]:
                    icon = s.find(l, h, name)
                    if icon and icon not in seen and len(seen) < SPRITES:
                        seen.append(icon)
                        yield s.svg(icon), name, s.name, icon


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--packages', default=os.path.join(HERE, 'node_modules'))
    p.add_argument('--out', required=True)
    p.add_argument('--workers', type=int, default=2)
    a = p.parse_args()
    found, sets = concepts(a.packages), [IconSet(a.packages, s) for s in SETS]
    jobs = list(wanted(found, sets))
    with ProcessPoolExecutor(a.workers) as pool:
        drawn = list(pool.map(raster, [j[0] for j in jobs], chunksize=32))
    have = collections.defaultdict(set)
    for (_, name, s, _), sprite in zip(jobs, drawn):
        if sprite:
            have[name].add(s)
    kept = [n for n in found if HELD_OUT in have[n] and len(have[n] & set(CORE)) >= 2]
    number = {n: i for i, n in enumerate(kept)}
    sprites, rows = [], []
    for (_, name, s, icon), sprite in zip(jobs, drawn):
        if sprite and name in number:
            sprites.append(sprite[0])
            rows.append([number[name], SETS.index(s), sprite[1], sprite[2], icon])
    out = [{k: v for k, v in found[n].items() if k != 'forms'} for n in kept]
    for c in out:
        c['tags'] = c['tags'][:8]
        c['names'] = {l: sorted(set(v), key=lambda t: (len(t), t))[:1] for l, v in c['names'].items()}
    os.makedirs(a.out, exist_ok=True)
    np.save(os.path.join(a.out, 'sprites.npy'), np.stack(sprites))
    licences = [dict(name=s.name, version=s.version, licence=s.licence, author=s.author) for s in sets]
    with open(os.path.join(a.out, 'artwork.json'), 'w', encoding='utf-8') as f:
        json.dump(dict(sets=licences, held_out=HELD_OUT, concepts=out, sprites=rows), f, ensure_ascii=False, indent=0)
    print(len(kept), 'concepts', len(sprites), 'sprites', sum(d is None for d in drawn), 'icons not drawn')
    for i, s in enumerate(licences):
        print(f"{s['name']} {s['version']} {s['licence']}: {sum(r[1] == i for r in rows)} sprites of {len({r[0] for r in rows if r[1] == i})} concepts")


if __name__ == '__main__':
    main()
