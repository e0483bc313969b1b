/* See exit_code.h. */
#include "exit_code.h"

int exit_code_of(anl_status st)
{
    switch (st) {
    case ANL_OK: return EXIT_DONE;
    case ANL_RECIPE: case ANL_SHAPE: case ANL_INVALID: case ANL_MISMATCH: case ANL_UNSUPPORTED: return EXIT_USAGE;
    case ANL_DATA: return EXIT_DATA;
    case ANL_NONFINITE: return EXIT_DIVERGED;
    case ANL_DEVICE_NOMEM: return EXIT_DEVICE_MEMORY;
    case ANL_IO: case ANL_FORMAT: case ANL_LOCKED: return EXIT_DISK;
    case ANL_DEVICE: case ANL_COMM: return EXIT_DEVICE_LOST;
    default: return EXIT_ERROR;
    }
}
