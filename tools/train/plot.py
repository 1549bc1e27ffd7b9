"""Draws the learning curves of trainings as one SVG: a panel a number, a line a training, over the examples seen.

    python tools/train/plot.py --out docs/builtin-curve.svg --numbers clip,words,twins /data/encoder/dual_encoder.curve.jsonl ...
"""
import argparse
import json
import os

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 320, 200, 46, 30, 26
COLOURS = ('#3366cc', '#cc6633', '#339966', '#993399')


def read(path):
    with open(path, encoding='utf-8') as f:
        return [json.loads(line) for line in f]


def nice(v):
    return f'{v / 1e6:g}M' if v >= 1e6 else f'{round(v / 1e3)}k' if v >= 1e3 else f'{v:.3g}'


def panel(name, curves, x0):
    """One panel's SVG elements, its left edge at x0."""
    points = [[(row['seen'], row[name]) for row in c if name in row] for c in curves]
    all_points = [p for c in points for p in c]
    if not all_points:
        raise SystemExit(f'no curve has a number {name}')
    most, low, high = max(x for x, _ in all_points), min(y for _, y in all_points), max(y for _, y in all_points)
    low, high = (low, high) if high > low else (low - 1, high + 1)

    def at(x, y):
        return (f'{x0 + LEFT + x / most * (WIDTH - LEFT - 12):.1f},'
                f'{TOP + (high - y) / (high - low) * (HEIGHT - TOP - BOTTOM):.1f}')
    out = [f'<text x="{x0 + LEFT}" y="16" font-weight="bold">{name}</text>']
    for y in (low, high):
        _, py = at(0, y).split(',')
        out.append(f'<text x="{x0 + LEFT - 6}" y="{float(py) + 4:.1f}" text-anchor="end">{nice(y)}</text>')
        out.append(f'<path d="M{x0 + LEFT},{py}H{x0 + WIDTH - 12}" stroke="#ccc"/>')
    out.append(f'<text x="{x0 + WIDTH - 12}" y="{HEIGHT - 10}" text-anchor="end">{nice(most)} seen</text>')
    for colour, c in zip(COLOURS, points):
        line = ' '.join(at(x, y) for x, y in c)
        out.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{line}"/>')
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('curves', nargs='+')
    p.add_argument('--numbers', default='loss')
    p.add_argument('--out', required=True)
    a = p.parse_args()
    names, curves = a.numbers.split(','), [read(c) for c in a.curves]
    body = [line for i, name in enumerate(names) for line in panel(name, curves, i * WIDTH)]
    os.makedirs(os.path.dirname(a.out) or '.', exist_ok=True)
    with open(a.out, 'w', encoding='utf-8') as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH * len(names)}" height="{HEIGHT}" font-family="sans-serif" font-size="11">\n'
                f'<rect width="100%" height="100%" fill="white"/>\n' + '\n'.join(body) + '\n</svg>\n')


if __name__ == '__main__':
    main()
