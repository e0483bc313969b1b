/* Stands in for glibc 2.36's function inside the bundled libstdc++ (std::random_device): see AnnealInstall.cmake. */
#include <stdint.h>
#include <sys/random.h>

__attribute__((visibility("hidden"))) uint32_t arc4random(void)
{
    uint32_t v = 0;
    while (getrandom(&v, sizeof v, 0) != (ssize_t)sizeof v) continue;
    return v;
}
