"""retarget_libstdcxx.py FROM TO: Debian 12's libstdc++.so.6 made loadable by glibc 2.35.

Its only need of GLIBC_2.36 is arc4random (std::random_device). The entry of that version in .gnu.version_r gets the name and hash of
GLIBC_2.34, so the loader accepts an older glibc; the function itself comes from the program (arc4random.c).
"""
import struct, sys

data = bytearray(open(sys.argv[1], "rb").read())
u = lambda form, at: struct.unpack_from("<" + form, data, at)
assert data[:6] == b"\x7fELF\x02\x01", "not a little-endian ELF64 file"
table, = u("Q", 40)
size, count, names = u("HHH", 58)
section = lambda i: u("IIQQQQIIQQ", table + i * size)  # name, type, flags, address, offset, size, link, info, align, entry
strings = section(names)[4]
text = lambda at: bytes(data[at : data.index(b"\0", at)]).decode()
need = next(s for s in map(section, range(count)) if text(strings + s[0]) == ".gnu.version_r")
dynstr = section(need[6])[4]

entries = {}  # version name -> place of its Elf64_Vernaux
at = need[4]
while True:
    _, n, _, first, following = u("HHIII", at)
    aux = at + first
    for _ in range(n):
        _, _, _, name, step = u("IHHII", aux)
        entries[text(dynstr + name)] = aux
        aux += step
    if not following:
        break
    at += following
if "GLIBC_2.36" in entries:
    to, known = entries["GLIBC_2.36"], entries["GLIBC_2.34"]
    struct.pack_into("<I", data, to, u("I", known)[0])
    struct.pack_into("<I", data, to + 8, u("I", known + 8)[0])
newer = [v for v in entries if v.startswith("GLIBC_2.") and int(v.split(".")[1]) > 36]
assert not newer, f"needs {newer}"
open(sys.argv[2], "wb").write(data)
