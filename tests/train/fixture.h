/* A small job for tests: 8x8 images whose class is the brightest quadrant, and a network with convolution, batch
 * normalisation, pooling and dropout. */
#ifndef TRAIN_FIXTURE_H
#define TRAIN_FIXTURE_H

#include "runtime/train/trainer.h"

enum { SIDE = 8, CLASSES = 4 };

typedef struct toy {
    int64_t n, batch, at, epoch, poison; /* poison: position of a sample that is NaN; -1: none */
    float *image;   /* [n] */
    int32_t *label;
    float *batch_image;
    int32_t *batch_label;
    bool shuffle;
} toy;
void toy_make(toy *t, int64_t n, int64_t batch, bool shuffle);
void toy_free(toy *t);
anl__feed toy_feed(toy *t);
extern const anl__task toy_task;   /* with dropout and batch normalisation */
anl__trainer_opts toy_opts(const toy *train, const toy *valid);
/* Does this build have the device, and on this machine with activations of that type? Else says that a test is skipped, and why. */
bool toy_has(const char *device, anl_dtype type);
/* Are there so many devices of the kind that is taken by itself? Else says that a test is skipped. */
bool toy_has_devices(int n);
/* Graphs that the CUDA plug-in's stand-in was told to launch; -1: it is not loaded. */
long toy_launches(void);
/* SHA-256 over parameters, buffers and moments. */
void toy_digest(anl__trainer *t, char hex[65]);

#endif
