"""Scenes with questions whose answers are known: python questions.py WORLD [OUT ROWS SEED]

WORLD is the folder of the scene generator that the built-in model was trained with (scene.py and its artwork). All
scenes are tiles of one JPEG. Without OUT it writes fusion/ask/testdata/questions.*, which tests read; the constants
of fusion/ask/calibration.go were fitted on others: python questions.py WORLD /tmp/fit 100 9600000000
"""
import json
import os
import random
import sys

import numpy as np
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
STYLES = ("noto", "fluent-emoji-flat")  # those of the sample pictures
SIDE, COLUMNS = 96, 16
SETTINGS = {"day": "outdoors by day", "night": "at night", "sunset": "at sunset", "beach": "on a beach", "snow": "in the snow", "sea": "at sea", "indoor": "indoors", "space": "in space"}
SAY = {"left": "to the left of", "right": "to the right of", "above": "above", "below": "below"}


def box(world, o):
    w, h = (n * o["s"] / 96 / 2 for n in world.dim[o["spr"]])
    return [round(v, 3) for v in (max(0, o["x"] - w), max(0, o["y"] - h), min(1, o["x"] + w), min(1, o["y"] + h))]


def questions(world, scene, seed, article, plural):
    r = random.Random(seed)
    name = lambda o: world.con[o["c"]]["name"]
    groups, kind = world.groups(scene["objs"]), scene["bg"]["kind"]
    alone, have = [g[0] for g in groups if len(g) == 1], {o["c"] for o in scene["objs"]}
    absent = lambda c: r.choice([x for x in (world.sub[world.con[c]["sub"]] if r.random() < 0.3 else range(world.N)) if x not in have] or [0])
    ask = lambda kind, q, a, o=None: dict(kind=kind, question=q, answer=a, **({"box": box(world, o)} if o and not o.get("rot") else {}))
    o = r.choice(scene["objs"])
    yes = r.random() < 0.5
    c = o["c"] if yes else absent(o["c"])
    seen = o if yes and o in alone else None
    yield ask("exist", f"is there {article(world.con[c]['name'])} in the picture?", "yes" if yes else "no", seen)
    if len(groups) == 1:
        yield ask("what", r.choice(["what is in the picture?", "what is this?"]), name(o), o if len(groups[0]) == 1 else None)
    g = r.choice(groups)
    yield ask("count", f"how many {plural(name(g[0]))} are there?", str(len(g)))
    coloured = [x for x in alone if x["color"]]
    if coloured:
        x = r.choice(coloured)
        yield ask("colour", f"what colour is the {name(x)}?", x["color"], x)
    if len(alone) >= 2:
        a, b = r.sample(alone, 2)
        rel = world.relation(a, b)
        if rel:
            said = rel if r.random() < 0.5 else {"left": "right", "right": "left", "above": "below", "below": "above"}[rel]
            yield ask("relation", f"is the {name(a)} {SAY[said]} the {name(b)}?", "yes" if said == rel else "no")
            if len(scene["objs"]) == 2:
                yield ask("beside", f"what is {SAY[rel]} the {name(b)}?", name(a), a)
    middle = dict(x=0.5, y=0.5)
    for x in alone[:1]:
        rel = world.relation(x, middle)
        if rel:
            yield ask("place", f"where is the {name(x)}?", {"left": "left", "right": "right", "above": "top", "below": "bottom"}[rel], x)
        other = absent(x["c"])
        pair = [name(x), world.con[other]["name"]]
        r.shuffle(pair)
        yield ask("choice", f"is it {article(pair[0])} or {article(pair[1])}?", name(x), x)
    if kind in SETTINGS:
        yield ask("setting", "where is this?", SETTINGS[kind])
        if kind in ("day", "night"):
            yield ask("time", "is it day or night?", kind)
        said = kind if r.random() < 0.5 else r.choice([k for k in SETTINGS if k not in (kind, "day")])
        if said != "day":
            yield ask("is", f"is this {SETTINGS[said]}?", "yes" if said == kind else "no")


def main():
    sys.path.insert(0, sys.argv[1])
    from scene import World, article, plural

    out = sys.argv[2] if len(sys.argv) > 2 else os.path.join(HERE, "..", "..", "fusion", "ask", "testdata")
    rows = int(sys.argv[3]) if len(sys.argv) > 3 else 8
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else 9_700_000_000
    world, scenes, objects = World(STYLES, SIDE), [], []
    sheet = Image.new("RGB", (COLUMNS * SIDE, rows * SIDE))
    for i in range(COLUMNS * rows):
        scene = world.scene(seed + i) if i % 3 else world._scene_pair(random.Random(seed + i))
        sheet.paste(Image.fromarray(np.asarray(world.render(scene))), (i % COLUMNS * SIDE, i // COLUMNS * SIDE))
        objects.append(sorted({world.con[o["c"]]["name"] for o in scene["objs"]}))
        scenes.append(list(questions(world, scene, seed + i, article, plural)))
    os.makedirs(out, exist_ok=True)
    sheet.save(os.path.join(out, "questions.jpg"), quality=80, subsampling=0)
    with open(os.path.join(out, "questions.json"), "w") as f:
        json.dump({"side": SIDE, "columns": COLUMNS, "objects": objects, "scenes": scenes}, f)
    print(sum(map(len, scenes)), "questions")


if __name__ == "__main__":
    main()
