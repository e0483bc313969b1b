/* The inside of a space; only space*.c include this. */
#ifndef SWEEP_SPACE_INSIDE_H
#define SWEEP_SPACE_INSIDE_H

#include "space_text.h"

struct space {
    anl__arena *arena; /* holds everything, this too */
    int n;
    space_axis *axis;
    int groups;                 /* highest group number */
    int parent[SPACE_MAX_AXES]; /* -1: none */
    int group[SPACE_MAX_AXES];
    uint64_t when[SPACE_MAX_AXES]; /* bit c: choice c of the parent makes it active */
};

#endif
