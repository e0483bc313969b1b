/* glibc 2.36's function for the bundled libstdc++ (std::random_device): see retarget_libstdcxx.py. */
#include <stdint.h>
#include <sys/random.h>

uint32_t arc4random(void);

uint32_t arc4random(void)
{
    uint32_t v = 0;
    while (getrandom(&v, sizeof v, 0) != (ssize_t)sizeof v) continue;
    return v;
}
