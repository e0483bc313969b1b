#!/usr/bin/env python3
"""Writes tests/golden/data/decoded/*, tiny GIF, WebP and TIFF files, and tests/golden/data/decoded.txt, what Pillow (Debian: python3-pil)
decodes them to. Run by hand; the form of the table: generate.py. The tests need no Pillow.

A case: "attrs FILE", y the picture upright, in levels, alpha over white as in docs/recipes.md ("Pictures"). Of 16 bits the upper 8 are kept.
"""
import io
import pathlib
import struct
import sys
from PIL import Image, ImageOps

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "common"))
from pictures import exif, noise, saved

DATA = pathlib.Path(__file__).resolve().parent / "data"
OUT = DATA / "decoded"


def picture(mode, w, h):
    n = len(Image.new(mode, (1, 1)).tobytes())
    return Image.frombytes(mode, (w, h), noise(w * h * n) if mode != "1" else bytes(noise((w + 7) // 8 * h)))


def smooth(mode, w, h):
    n = len(mode)
    return Image.frombytes(mode, (w, h), bytes((y * 11 + x * 7 + k * 60) % 256 for y in range(h) for x in range(w) for k in range(n)))


# ---- GIF: what Pillow does not write ------------------------------------------------------------


def gif_codes(index):
    """Indices below 4, each a code of its own: the table is cleared before codes get wider."""
    bits, n = 0, 0
    for i, v in enumerate(index):
        for code in ([4, v] if i % 2 == 0 else [v]):
            bits |= code << n
            n += 3
    bits |= 5 << n
    data = bits.to_bytes((n + 3 + 7) // 8, "little")
    return b"\x02" + b"".join(bytes([len(data[i:i + 255])]) + data[i:i + 255] for i in range(0, len(data), 255)) + b"\0"


def gif(screen, frame, index, palette=None, local=None, transparent=None, background=0):
    """palette, local: 4 colours."""
    out = b"GIF89a" + struct.pack("<HHBBB", *screen, 0x81 if palette else 0, background, 0) + (palette or b"")
    if transparent is not None:
        out += b"!\xf9\x04\x01\0\0" + bytes([transparent]) + b"\0"
    return out + b"," + struct.pack("<HHHHB", *frame, 0x81 if local else 0) + (local or b"") + gif_codes(index) + b";"


# ---- TIFF: what Pillow does not write -----------------------------------------------------------


def tiff(w, h, bits, photometric, pieces, order="<", big=False, **tags):
    """pieces: the bytes of each strip or tile. tags: name=value or list, of 16 bits."""
    known = {"samples": 277, "rows": 278, "planar": 284, "orientation": 274, "tile_w": 322, "tile_h": 323, "extra": 338, "colormap": 320, "format": 339}
    tiled = "tile_w" in tags
    data, at = b"", []
    head = 16 if big else 8
    for p in pieces:
        at.append(head + len(data))
        data += p
    entries = {256: ("I", [w]), 257: ("I", [h]), 258: ("H", bits), 259: ("H", [1]), 262: ("H", [photometric]),
               324 if tiled else 273: ("I", at), 325 if tiled else 279: ("I", [len(p) for p in pieces])}
    for name, v in tags.items():
        entries[known[name]] = ("H", v if isinstance(v, list) else [v])
    data += b"\0" * (len(data) % 2)
    directory, extra = b"", b""
    wide, place = ("Q", 8) if big else ("I", 4)
    after = head + len(data) + (8 if big else 2) + len(entries) * (20 if big else 12) + place
    for tag, (kind, values) in sorted(entries.items()):
        v = struct.pack(order + kind * len(values), *values)
        if len(v) > place:
            v, extra = struct.pack(order + wide, after + len(extra)), extra + v
        directory += struct.pack(order + "HH" + wide, tag, {"H": 3, "I": 4}[kind], len(values)) + v.ljust(place, b"\0")
    mark = b"II" if order == "<" else b"MM"
    start = (struct.pack(order + "HHHQ", 43, 8, 0, head + len(data)) if big else struct.pack(order + "HI", 42, head + len(data)))
    return mark + start + data + struct.pack(order + ("Q" if big else "H"), len(entries)) + directory + b"\0" * place + extra


def tiles(im, tw, th):
    w, h = im.size
    return [im.crop((x, y, x + tw, y + th)).tobytes() for y in range(0, h, th) for x in range(0, w, tw)]


# ---- what they become ---------------------------------------------------------------------------


def over_white(im):
    """Channels 1 or 3, levels."""
    if im.mode in ("I;16", "I;16B", "I"):
        v = list(im.getdata())
        return 1, [x >> 8 for x in v]
    grey = im.mode in ("1", "L", "LA") or (im.format == "GIF" and all(r == g == b for r, g, b in zip(*[iter(im.getpalette())] * 3)))
    out = []
    for r, g, b, a in im.convert("RGBA").getdata():
        levels = [(c * a + 255 * (255 - a) + 127) // 255 for c in (r, g, b)]
        out += levels[:1] if grey else levels
    return (1 if grey else 3), out


def cases():
    rgb, grey = picture("RGB", 7, 5), picture("L", 7, 5)
    four = bytes((10, 20, 30, 250, 5, 90, 60, 200, 120, 255, 255, 0))
    other = bytes((90, 0, 0, 0, 90, 0, 0, 0, 90, 70, 70, 70))
    index = [v & 3 for v in noise(35)]
    many = picture("RGB", 9, 11).convert("P", palette=Image.ADAPTIVE, colors=30)
    few = picture("RGB", 7, 5).convert("P", palette=Image.ADAPTIVE, colors=5)
    moving = [picture("RGB", 7, 5).convert("P", palette=Image.ADAPTIVE, colors=8), smooth("RGB", 7, 5).convert("P", palette=Image.ADAPTIVE, colors=8)]
    yield "gif-palette.gif", saved(many, "GIF", interlace=0)
    yield "gif-interlaced.gif", saved(many, "GIF", interlace=1)
    yield "gif-grey.gif", saved(grey, "GIF")
    yield "gif-black-white.gif", saved(picture("1", 7, 5), "GIF")
    yield "gif-transparent.gif", saved(few, "GIF", transparency=2)
    yield "gif-animated.gif", saved(moving[0], "GIF", save_all=True, append_images=moving[1:], duration=50)
    yield "gif-local.gif", gif((7, 5), (0, 0, 7, 5), index, four, other)
    yield "gif-local-only.gif", gif((7, 5), (0, 0, 7, 5), index, None, other, transparent=1)
    yield "gif-part.gif", gif((9, 8), (1, 2, 7, 5), index, four, transparent=3, background=1)
    yield "webp-lossless.webp", saved(rgb, "WEBP", lossless=True)
    yield "webp-lossless-alpha.webp", saved(picture("RGBA", 7, 5), "WEBP", lossless=True, exact=True)
    yield "webp-lossy.webp", saved(smooth("RGB", 19, 13), "WEBP", quality=70)
    yield "webp-lossy-alpha.webp", saved(smooth("RGBA", 19, 13), "WEBP", quality=70)
    yield "webp-animated.webp", saved(rgb, "WEBP", save_all=True, append_images=[smooth("RGB", 7, 5)], lossless=True, duration=50)
    for o in (6, 8):
        yield f"webp-turned-{o}.webp", saved(rgb, "WEBP", lossless=True, exif=exif(o))
    for name, how in (("none", None), ("lzw", "tiff_lzw"), ("deflate", "tiff_adobe_deflate"), ("packbits", "packbits")):
        yield f"tiff-rgb-{name}.tif", saved(rgb, "TIFF", compression=how)
    yield "tiff-grey.tif", saved(grey, "TIFF")
    yield "tiff-rgba-lzw.tif", saved(picture("RGBA", 7, 5), "TIFF", compression="tiff_lzw")
    yield "tiff-grey-alpha.tif", saved(picture("LA", 7, 5), "TIFF")
    yield "tiff-palette.tif", saved(few.convert("P"), "TIFF", compression="tiff_lzw")
    yield "tiff-1-none.tif", saved(picture("1", 11, 5), "TIFF")
    yield "tiff-1-group4.tif", saved(picture("1", 11, 5), "TIFF", compression="group4")
    yield "tiff-jpeg-rgb.tif", saved(smooth("RGB", 17, 9), "TIFF", compression="jpeg", quality=80)
    yield "tiff-jpeg-grey.tif", saved(smooth("L", 17, 9), "TIFF", compression="jpeg", quality=80)
    deep = Image.frombytes("I;16", (7, 5), noise(70))
    yield "tiff-grey-16.tif", saved(deep, "TIFF")
    yield "tiff-grey-16-predicted.tif", saved(deep, "TIFF", compression="tiff_lzw", tiffinfo={317: 2})
    yield "tiff-rgb-predicted.tif", saved(rgb, "TIFF", compression="tiff_adobe_deflate", tiffinfo={317: 2})
    yield "tiff-grey-16-big-endian.tif", tiff(7, 5, [16], 1, [noise(70)], order=">")
    yield "tiff-strips.tif", tiff(7, 5, [8, 8, 8], 2, [rgb.tobytes()[i:i + 42] for i in range(0, 105, 42)], samples=3, rows=2)
    yield "tiff-tiles.tif", tiff(21, 18, [8, 8, 8], 2, tiles(picture("RGB", 21, 18), 16, 16), samples=3, tile_w=16, tile_h=16)
    yield "tiff-planes.tif", tiff(7, 5, [8, 8, 8], 2, [p.tobytes() for p in rgb.split()], samples=3, planar=2, rows=5)
    yield "tiff-rgb-16.tif", tiff(7, 5, [16] * 3, 2, [noise(210)], samples=3)
    yield "tiff-rgba-16.tif", tiff(5, 4, [16] * 4, 2, [noise(160)], samples=4, extra=2)
    yield "tiff-white-is-zero.tif", tiff(7, 5, [8], 0, [grey.tobytes()])
    yield "tiff-grey-4.tif", tiff(8, 5, [4], 1, [noise(20)])
    yield "tiff-palette-4.tif", tiff(8, 5, [4], 3, [noise(20)], colormap=[v << 8 | v for v in noise(48)])
    yield "tiff-rgb-and-one-more.tif", tiff(7, 5, [8] * 4, 2, [noise(140)], samples=4, extra=0)
    yield "tiff-big.tif", tiff(7, 5, [8, 8, 8], 2, [rgb.tobytes()], samples=3, big=True)
    for o in range(2, 9):
        yield f"tiff-turned-{o}.tif", tiff(7, 5, [8, 8, 8], 2, [rgb.tobytes()], samples=3, orientation=o)


def main():
    OUT.mkdir(exist_ok=True)
    lines = ["# Made by tests/golden/generate_decoded.py with Pillow (Debian: python3-pil)"]
    for name, data in cases():
        im = Image.open(io.BytesIO(data))
        im.load()
        if name.startswith("webp-turned"):
            im = ImageOps.exif_transpose(im)  # of TIFF Pillow does it itself
        channels, levels = over_white(im)
        (OUT / name).write_bytes(data)
        w, h = im.size
        assert len(levels) == w * h * channels, (name, im.mode)
        lines += [f"case {name}", "op decode", f"attrs {name}", f"y i {h} {w} {channels}", " ".join(map(str, levels)), "end"]
    (DATA / "decoded.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
