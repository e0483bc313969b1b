"""What the generators of pictures for tests share. Needs no Pillow but for `exif`."""
import io


def noise(n):
    """n bytes of xorshift32 (Marsaglia 2003), always the same."""
    s, out = 2463534242, bytearray()
    for _ in range(n):
        s ^= s << 13 & 0xFFFFFFFF
        s ^= s >> 17
        s ^= s << 5 & 0xFFFFFFFF
        out.append(s >> 11 & 255)
    return bytes(out)


def saved(im, form, **how):
    """The file's bytes."""
    f = io.BytesIO()
    im.save(f, form, **how)
    return f.getvalue()


def exif(o):
    """EXIF with that orientation."""
    from PIL import Image

    e = Image.Exif()
    e[0x112] = o
    return e
