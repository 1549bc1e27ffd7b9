"""Paints a scene: [size, size, 3] uint8, and for dense supervision which concept owns each pixel.

Degradation (JPEG, blur, noise, light) and palette jitter are for training: they draw from their own seed, never from the scene's.
"""
import io
import random

import numpy as np
from PIL import Image, ImageFilter

from world import COLOURS, PIXELS

SKIES = {'day': ((95, 175, 240), (200, 230, 250)), 'night': ((8, 10, 35), (35, 40, 85)), 'sunset': ((95, 60, 120), (250, 150, 80)),
         'beach': ((110, 190, 245), (215, 238, 250)), 'snow': ((170, 195, 220), (225, 235, 245)), 'sea': ((120, 190, 240), (215, 235, 248)),
         'space': ((5, 5, 14), (18, 12, 40)), 'rain': ((95, 105, 120), (150, 160, 172)), 'street': ((150, 190, 225), (215, 225, 235))}
GROUNDS = {'day': (95, 175, 75), 'night': (22, 45, 38), 'sunset': (70, 55, 60), 'beach': (238, 214, 150), 'snow': (246, 249, 252),
           'sea': (35, 105, 180), 'rain': (85, 110, 85), 'street': (110, 110, 114)}
WALLS = ((235, 220, 190), (200, 215, 220), (225, 200, 205), (210, 220, 195), (190, 185, 205))
FLOORS = ((165, 115, 70), (120, 85, 60), (190, 160, 120), (150, 150, 155))
STRAIGHT = ('indoor', 'sea', 'beach', 'street')  # grounds whose horizon is a straight line
LUMA = np.array([.3, .55, .15], np.float32)


def paint(world, scene, size=96, owner=False, jitter=None):
    """-> picture [size, size, 3] uint8; with owner also [size, size] int16, the concept at each pixel, -1 where none.

    jitter: a [3, 3] matrix that the artwork's colours are multiplied by (palette); tinted things keep their colour.
    """
    im = background(scene.surrounding, size)
    own = np.full((size, size), -1, np.int16) if owner else None
    for t in scene.things:
        colour, alpha, y, x = placed(world, t, size, jitter)
        h, w = min(colour.shape[0], size - y), min(colour.shape[1], size - x)
        top, left = max(0, -y), max(0, -x)
        if h <= top or w <= left:
            continue
        colour, alpha = colour[top:h, left:w], alpha[top:h, left:w]
        spot = im[y + top:y + h, x + left:x + w]
        spot *= 1 - alpha / 255
        spot += colour
        if owner:
            own[y + top:y + h, x + left:x + w][alpha[..., 0] > 100] = t.concept
    if scene.surrounding.kind == 'rain':
        rain(im, scene.surrounding.seed)
    im = np.clip(im, 0, 255).astype(np.uint8)
    return (im, own) if owner else im


def placed(world, t, size, jitter):
    """A thing's premultiplied colour [h, w, 3] and alpha [h, w, 1] as float32, and where its top left corner goes (y, x)."""
    w, h = world.extent[t.sprite]
    # CMYK is any four channels to Pillow: nothing is un-premultiplied.
    p = Image.frombuffer('CMYK', (PIXELS, PIXELS), np.ascontiguousarray(world.sprite(t.sprite)), 'raw', 'CMYK', 0, 1)
    k = t.size * size / PIXELS
    p = p.resize((max(3, round(w * k)), max(3, round(h * k))), Image.BILINEAR, box=(0, 0, w, h))
    if t.flip:
        p = p.transpose(Image.FLIP_LEFT_RIGHT)
    if t.turn:
        p = p.rotate(t.turn, Image.BILINEAR, expand=True)
    q = np.asarray(p).astype(np.float32)
    colour, alpha = q[..., :3], q[..., 3:]
    if t.colour:
        tint, light = np.array(COLOURS[t.colour], np.float32) / 255, (colour @ LUMA)[..., None]
        own = light if world.tinted_only(t.concept) else light * .75 + alpha * .3
        colour = np.minimum(own * tint, alpha)
    elif jitter is not None:
        colour = np.clip(colour @ jitter, 0, alpha)
    return colour, alpha, round(t.y * size - p.height / 2), round(t.x * size - p.width / 2)


def background(s, size):
    """The surrounding alone, [size, size, 3] float32."""
    r = random.Random(s.seed)

    def near(colour, spread=14):
        return np.clip(np.array(colour, np.float32) + [r.uniform(-spread, spread) for _ in range(3)], 0, 255)

    im = np.empty((size, size, 3), np.float32)
    if s.kind in ('white', 'plain'):
        c = near((252, 252, 252), 3) if s.kind == 'white' else near(COLOURS[s.colour], 20)
        light = r.uniform(0, .45)
        im[:] = c * (1 - light) + 255 * light if s.kind == 'plain' and s.colour not in ('black', 'gray') else c
        return im
    y = np.linspace(0, 1, size, dtype=np.float32)[:, None]
    if s.kind == 'indoor':
        im[:] = near(r.choice(WALLS)) * (1 - .08 * y[..., None])
    else:
        top, bottom = SKIES[s.kind]
        im[:] = (near(top) * (1 - y) + near(bottom) * y)[:, None]
    if s.kind in ('night', 'space'):
        stars(im, r, s)
    if s.kind == 'street':
        houses(im, r, s)
    ground = r.choice(FLOORS) if s.kind == 'indoor' else GROUNDS.get(s.kind)
    if ground is not None:
        lay(im, near(ground), s, r, near)
    return im


def stars(im, r, s):
    size, n = len(im), r.randint(12, 40)
    rs = np.random.RandomState(r.randrange(1 << 30))
    low = size if s.kind == 'space' else max(1, int(size * s.horizon))
    im[rs.randint(0, low, n), rs.randint(0, size, n)] = rs.randint(170, 255, (n, 1))


def houses(im, r, s):
    """A row of plain fronts behind the road."""
    size, x = len(im), 0
    while x < size:
        w, h = int(size * r.uniform(.12, .28)), int(size * r.uniform(.15, .4))
        im[max(0, int(s.horizon * size) - h):int(s.horizon * size), x:x + w] = [r.uniform(120, 215) for _ in range(3)]
        x += w


def lay(im, ground, s, r, near):
    size = len(im)
    h = s.horizon * size
    if s.kind == 'beach':
        im[int(h - .14 * size):] = near((60, 150, 205))
    if s.wave and s.kind not in STRAIGHT:
        x = np.arange(size, dtype=np.float32)
        line = h + s.wave * size * np.sin(x / size * r.uniform(3, 9) + r.uniform(0, 6))
        below = np.clip(np.arange(size, dtype=np.float32)[:, None] - line[None], 0, 1)[..., None]
        im[:] = im * (1 - below) + ground * below
    else:
        rows = size - int(h)
        im[int(h):] = ground * (1 - .15 * np.linspace(0, 1, rows, dtype=np.float32)[:, None, None])
    if s.kind == 'indoor':
        im[int(h) - 1:int(h) + 1] = 250
    if s.kind == 'street':
        middle = (int(h) + size) // 2
        dashes = (np.arange(size) // max(1, size // 10)) % 2 == 0
        im[middle:middle + max(1, size // 48), dashes] = 240


def rain(im, seed):
    """Slanting strokes over everything."""
    rs, size = np.random.RandomState(seed % (1 << 31)), len(im)
    for x, y, n in zip(rs.randint(0, size, 36), rs.randint(0, size, 36), rs.randint(size // 20, size // 8, 36)):
        k = np.arange(n)
        ys, xs = (y + k) % size, (x - k // 3) % size
        im[ys, xs] = im[ys, xs] * .55 + np.array((205, 215, 230), np.float32) * .45


def palette(r):
    """A jitter of the artwork's colours: hue turned by up to 25 degrees, saturation and light changed; None half of the time."""
    if r.random() < .5:
        return None
    saturation, light, turn = r.uniform(.5, 1.4), r.uniform(.8, 1.15), np.deg2rad(r.uniform(-25, 25))
    grey = np.full((3, 3), 1 / 3)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / 3 ** .5
    rotate = grey + np.cos(turn) * (np.eye(3) - grey) + np.sin(turn) * cross
    return ((grey + saturation * (np.eye(3) - grey)) @ rotate * light).T.astype(np.float32)


def degrade(im, r):
    """Photographic faults, one picture in four: JPEG, blur, noise, a change of light."""
    u = r.random()
    if u < .1:
        b = io.BytesIO()
        Image.fromarray(im).save(b, 'JPEG', quality=r.randint(25, 85))
        return np.asarray(Image.open(b).convert('RGB'))
    if u < .15:
        return np.asarray(Image.fromarray(im).filter(ImageFilter.GaussianBlur(r.uniform(.3, 1))))
    if u < .2:
        noise = np.random.RandomState(r.randrange(1 << 31)).normal(0, r.uniform(2, 10), im.shape)
        return np.clip(im + noise, 0, 255).astype(np.uint8)
    if u < .25:
        return np.clip((im / 255.) ** r.uniform(.7, 1.4) * 255 * r.uniform(.8, 1.1), 0, 255).astype(np.uint8)
    return im
