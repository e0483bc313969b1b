#!/usr/bin/env python3
"""Writes tests/fuzz/seeds/picture/*: tiny pictures of every kind (Debian: python3-pil) behind the three bytes that picture_fuzz.c reads
first. Run by hand; the files are committed."""
import pathlib
import sys
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "common"))
from pictures import exif, saved

OUT = pathlib.Path(__file__).resolve().parent / "seeds" / "picture"
DECODED = OUT.parents[2] / "golden" / "data" / "decoded"  # what Pillow does not write
COLOUR, MEND = 4, 8


def picture(mode, w, h):
    n = len(Image.new(mode, (1, 1)).tobytes())
    return Image.frombytes(mode, (w, h), bytes((i * 37 + i // 7 * 11) % 256 for i in range(w * h * n)))


def interlaced_palette():
    im = picture("L", 9, 9).convert("P", palette=Image.ADAPTIVE, colors=5)
    return saved(im, "PNG", transparency=1, bits=4)


def main():
    rgb, grey = picture("RGB", 17, 9), picture("L", 9, 17)
    seeds = {
        "png-grey": (0, saved(grey, "PNG")),
        "png-rgb": (COLOUR, saved(rgb, "PNG")),
        "png-rgba": (COLOUR + 1 + MEND, saved(picture("RGBA", 5, 6), "PNG")),
        "png-grey-alpha": (2 + MEND, saved(picture("LA", 5, 6), "PNG")),
        "png-16": (MEND, saved(Image.frombytes("I;16", (5, 4), bytes(range(40))), "PNG")),
        "png-1": (MEND, saved(grey.convert("1"), "PNG")),
        "png-palette": (COLOUR + MEND, interlaced_palette()),
        "jpeg-grey": (MEND, saved(grey, "JPEG", quality=60)),
        "jpeg-420": (COLOUR, saved(rgb, "JPEG", quality=50)),
        "jpeg-444-exif": (COLOUR + 1, saved(rgb, "JPEG", quality=50, subsampling=0, exif=exif(6))),
        "jpeg-progressive": (COLOUR + MEND + 1, saved(rgb, "JPEG", quality=50, progressive=True, exif=exif(3))),
        "jpeg-cmyk": (COLOUR + MEND, saved(picture("CMYK", 8, 8), "JPEG", quality=30)),
        "jpeg-restart": (COLOUR + MEND, saved(rgb, "JPEG", quality=40, restart_marker_blocks=1)),
        "bmp-24": (COLOUR, saved(rgb, "BMP")),
        "bmp-8": (1, saved(picture("L", 6, 3), "BMP")),
        "bmp-1": (2, saved(grey.convert("1"), "BMP")),
        "bmp-32": (COLOUR, saved(picture("RGBA", 4, 3), "BMP")),
        "ppm": (COLOUR, saved(picture("RGB", 4, 3), "PPM")),
        "pgm": (2, saved(grey, "PPM")),
        "pgm-16": (0, b"P5\n# 16 bits\n3 2 4095\n" + bytes(range(12))),
        "gif": (0, saved(grey, "GIF")),
        "gif-interlaced": (COLOUR, saved(rgb.convert("P", palette=Image.ADAPTIVE, colors=9), "GIF", interlace=1, transparency=3)),
        "gif-animated": (COLOUR + 1, saved(rgb.convert("P", palette=Image.ADAPTIVE, colors=4), "GIF", save_all=True, append_images=[grey.resize((17, 9)).convert("P")])),
        "webp-lossy": (COLOUR, saved(rgb, "WEBP", quality=60, exif=exif(6))),
        "webp-lossless": (1, saved(picture("RGBA", 5, 6), "WEBP", lossless=True)),
        "webp-alpha": (COLOUR, saved(picture("RGBA", 9, 6), "WEBP", quality=40)),
        "webp-animated": (COLOUR + 2, saved(rgb, "WEBP", save_all=True, append_images=[rgb.rotate(180)], duration=40)),
        "tiff-none": (COLOUR, saved(rgb, "TIFF")),
        "tiff-lzw": (COLOUR + 1, saved(picture("RGBA", 5, 6), "TIFF", compression="tiff_lzw", tiffinfo={317: 2})),
        "tiff-deflate-16": (2, saved(Image.frombytes("I;16", (5, 4), bytes(range(40))), "TIFF", compression="tiff_adobe_deflate")),
        "tiff-jpeg": (COLOUR, saved(rgb, "TIFF", compression="jpeg", quality=60)),
        "tiff-palette": (COLOUR, saved(rgb.convert("P", palette=Image.ADAPTIVE, colors=9), "TIFF", compression="packbits")),
        "tiff-1": (0, saved(grey.convert("1"), "TIFF", compression="group4")),
        "tiff-tiles": (COLOUR, (DECODED / "tiff-tiles.tif").read_bytes()),
        "tiff-planes": (COLOUR, (DECODED / "tiff-planes.tif").read_bytes()),
        "tiff-big": (COLOUR, (DECODED / "tiff-big.tif").read_bytes()),
    }
    OUT.mkdir(exist_ok=True)  # bmp-short-palette there was found by fuzzing
    for k, (name, (way, data)) in enumerate(seeds.items()):
        (OUT / name).write_bytes(bytes((way, (k * 7) % 40, (k * 11) % 40)) + data)


if __name__ == "__main__":
    main()
