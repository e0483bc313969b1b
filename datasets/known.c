/* The one table of known data sets (known.h). Nothing here reads, fetches or installs. */
#include "datasets/known.h"

#include <string.h>

static const char *const fashion_classes[] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                              "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};

static const anl__known_set known[] = {
    {
        .name = "fashion-mnist",
        .what = "60 000 training and 10 000 test images of clothes, 28x28 grey, 10 classes",
        .format = "idx",
        .dir = "/usr/share/datasets/fashion-mnist",
        .package = "dataset-fashion-mnist",
        .install = "sudo apt-get install dataset-fashion-mnist",
        .licence = "MIT (Zalando SE, 2017)",
        .classes = 10,
        .class_names = fashion_classes,
    },
};
enum { KNOWN = sizeof known / sizeof known[0] };

int anl__known_count(void)
{
    return KNOWN;
}

const anl__known_set *anl__known_at(int i)
{
    return &known[i];
}

const anl__known_set *anl__known_find(const char *name)
{
    for (int i = 0; i < KNOWN; i++)
        if (strcmp(known[i].name, name) == 0) return &known[i];
    return NULL;
}

const anl__known_set *anl__known_find_dir(const char *dir)
{
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/') n--;
    for (int i = 0; i < KNOWN; i++)
        if (strlen(known[i].dir) == n && memcmp(known[i].dir, dir, n) == 0) return &known[i];
    return NULL;
}

const char *anl__known_nearest(const char *name)
{
    const char *names[KNOWN];
    for (int i = 0; i < KNOWN; i++) names[i] = known[i].name;
    return anl__nearest(name, names, KNOWN);
}
