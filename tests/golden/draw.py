"""Numbers for generated files: a generator of its own, so that they do not depend on a library's version (xorshift32, Marsaglia, 2003)."""


class Words:
    def __init__(self, seed):
        self.s = seed * 2654435761 % 2**32 or 1

    def word(self):
        self.s ^= self.s << 13 & 0xFFFFFFFF
        self.s ^= self.s >> 17
        self.s ^= self.s << 5 & 0xFFFFFFFF
        return self.s
