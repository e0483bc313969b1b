#!/usr/bin/env python3
"""Writes tests/golden/data/pictures.txt: patterns scaled by Pillow (Debian: python3-pil), BILINEAR with a box. Run by hand; the form of the
file: generate.py. The tests need no Pillow.

A case: "attrs HxWxC to HxW box x0 y0 x1 y1" (the box in pixels of the source), x the source and y the result, in levels.
"""
import pathlib
import sys
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "common"))
import pictures

OUT = pathlib.Path(__file__).resolve().parent / "data" / "pictures.txt"


def noise(h, w, c):
    return pictures.noise(h * w * c)


def ramp(h, w, c):
    return bytes((y * 17 + x * 13 + k * 50) % 256 for y in range(h) for x in range(w) for k in range(c))


def blocks(h, w, c):
    return bytes(255 if (y // 3 + x // 4 + k) % 2 else 0 for y in range(h) for x in range(w) for k in range(c))


CASES = [  # name, pattern, source h w c, result h w, box
    ("half", noise, 16, 20, 3, 8, 10, None),
    ("quarter", ramp, 16, 16, 1, 4, 4, None),
    ("odd", noise, 19, 13, 1, 7, 5, None),
    ("larger", noise, 5, 7, 3, 12, 17, None),
    ("much-larger", blocks, 6, 8, 1, 31, 29, None),
    ("one-side", noise, 9, 24, 1, 21, 5, None),
    ("other-side", blocks, 24, 9, 3, 5, 21, None),
    ("to-one", noise, 11, 12, 3, 1, 1, None),
    ("from-one", noise, 1, 1, 3, 4, 3, None),
    ("a-row", noise, 1, 40, 1, 3, 9, None),
    ("box", noise, 20, 30, 3, 10, 10, (5.0, 0.0, 25.0, 20.0)),
    ("box-between", noise, 20, 17, 1, 8, 6, (1.25, 2.5, 15.75, 17.5)),
    ("box-larger", ramp, 12, 10, 3, 16, 16, (0.0, 1.0, 10.0, 11.0)),
    ("box-corner", blocks, 18, 18, 1, 9, 9, (9.0, 9.0, 18.0, 18.0)),
    ("224", noise, 9, 400, 1, 4, 224, None),
]


def main():
    lines = ["# Made by tests/golden/generate_pictures.py with Pillow's BILINEAR (Debian: python3-pil)"]
    for name, pattern, h, w, c, th, tw, box in CASES:
        x = pattern(h, w, c)
        box = box or (0.0, 0.0, float(w), float(h))
        y = Image.frombytes("RGB" if c == 3 else "L", (w, h), x).resize((tw, th), Image.BILINEAR, box=box).tobytes()
        lines += [f"case {name}", "op scale", "attrs %dx%dx%d to %dx%d box %g %g %g %g" % (h, w, c, th, tw, *box)]
        lines += [f"x i {h} {w} {c}", " ".join(map(str, x)), f"y i {th} {tw} {c}", " ".join(map(str, y)), "end"]
    OUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
