"""The scenes of the pointing game, fusion/testdata/heat/scenes.*: python scenes.py WORLD

WORLD is the folder of the scene generator that the built-in model was trained with (scene.py and its artwork).
A scene has objects of two or more kinds; every object that is alone of its kind and takes at most 35 % of the
picture is a pair of a phrase and a box. All scenes are tiles of one JPEG.
"""
import json
import os
import sys

import numpy as np
from PIL import Image

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "fusion", "testdata", "heat")
STYLES = ("noto", "fluent-emoji-flat")  # those of the sample pictures
SEED = 9_500_000_000  # no scene of the training or of the choice of the method
SIDE, COLUMNS, ROWS = 96, 16, 12


def pairs(world, scene, phrase):
    for group in world.groups(scene["objs"]):
        o = group[0]
        if len(group) > 1 or o.get("rot"):
            continue
        w, h = (n * o["s"] / 96 / 2 for n in world.dim[o["spr"]])
        box = [max(0, o["x"] - w), max(0, o["y"] - h), min(1, o["x"] + w), min(1, o["y"] + h)]
        if (box[2] - box[0]) * (box[3] - box[1]) <= 0.35:
            yield {"text": phrase(world, o), "box": [round(v, 3) for v in box]}


def main():
    sys.path.insert(0, sys.argv[1])
    from scene import MASS, World, article

    def phrase(world, o):
        name = world.con[o["c"]]["name"]
        full = (o["color"] + " " if o["color"] else "") + name
        return full if name in MASS else article(full)

    world = World(STYLES, SIDE)
    sheet, scenes, seed = Image.new("RGB", (COLUMNS * SIDE, ROWS * SIDE)), [], SEED
    while len(scenes) < COLUMNS * ROWS:
        scene, seed = world.scene(seed), seed + 1
        found = list(pairs(world, scene, phrase))
        if len(world.groups(scene["objs"])) < 2 or not found:
            continue
        at = (len(scenes) % COLUMNS * SIDE, len(scenes) // COLUMNS * SIDE)
        sheet.paste(Image.fromarray(np.asarray(world.render(scene))), at)
        scenes.append(found)
    os.makedirs(OUT, exist_ok=True)
    sheet.save(os.path.join(OUT, "scenes.jpg"), quality=85, subsampling=0)
    with open(os.path.join(OUT, "scenes.json"), "w") as f:
        json.dump({"side": SIDE, "columns": COLUMNS, "scenes": scenes}, f)
    print(sum(map(len, scenes)), "pairs")


if __name__ == "__main__":
    main()
