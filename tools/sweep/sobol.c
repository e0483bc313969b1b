/* Sobol points one by one, in any order: a point is the exclusive or of the direction numbers at the set bits
 * of its Gray code (Antonov and Saleev 1979). The scrambling is nested uniform (Owen 1995) by a hash: each
 * bit is flipped by a function of the bits above it (Laine and Karras 2011, constants of Burley, "Practical
 * hash-based Owen scrambling", JCGT 9 (2020)).
 */
#include "sobol.h"

#include "random.h"
#include "sobol_directions.h"

uint32_t sobol_word(int dimension, uint32_t index)
{
    uint32_t v[32], x = 0;
    int degree = 0;
    if (dimension == 0) {
        for (int j = 0; j < 32; j++) v[j] = UINT32_C(1) << (31 - j);
    } else {
        uint32_t polynomial = directions[dimension - 1].polynomial;
        while (polynomial >> (degree + 1)) degree++;
        for (int j = 0; j < degree; j++) v[j] = (uint32_t)directions[dimension - 1].m[j] << (31 - j);
        for (int j = degree; j < 32; j++) {
            v[j] = v[j - degree] ^ v[j - degree] >> degree;
            for (int k = 1; k < degree; k++)
                if (polynomial >> (degree - k) & 1) v[j] ^= v[j - k];
        }
    }
    index ^= index >> 1;
    for (int j = 0; index; index >>= 1, j++)
        if (index & 1) x ^= v[j];
    return x;
}

static uint32_t reversed(uint32_t x)
{
    x = x >> 16 | x << 16;
    x = (x >> 8 & 0x00ff00ffu) | (x & 0x00ff00ffu) << 8;
    x = (x >> 4 & 0x0f0f0f0fu) | (x & 0x0f0f0f0fu) << 4;
    x = (x >> 2 & 0x33333333u) | (x & 0x33333333u) << 2;
    return (x >> 1 & 0x55555555u) | (x & 0x55555555u) << 1;
}

double sobol_scrambled(uint64_t seed, int dimension, uint32_t index)
{
    anl__u32x4 key = anl__philox(seed, (uint32_t)dimension, 0, anl__name_hash("sobol"), ANL__STREAM_SAMPLE);
    uint32_t x = reversed(sobol_word(dimension, index));
    x += key.v[0];
    x ^= x * 0x6c50b47cu;
    x ^= x * 0xb82f1e52u;
    x ^= x * 0xc7afe638u;
    x ^= x * 0x8d22f6e6u;
    return ((double)reversed(x) + 0.5) / 4294967296.0;
}
