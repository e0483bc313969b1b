/* Reads the files of tests/golden/data (their form: generate.py). Only for tests: ends the program when a file is malformed. */
#ifndef ANL_TESTS_GOLDEN_FIXTURE_H
#define ANL_TESTS_GOLDEN_FIXTURE_H

#include "anneal.h"

enum { GOLDEN_TENSORS = 96, GOLDEN_MOST = 4096 };

typedef struct golden_tensor {
    char name[48];
    char kind; /* f activation, p parameter, s statistic, i integer, '-' absent */
    anl_shape shape;
    int64_t count;
    double *v; /* NULL when absent */
} golden_tensor;

typedef struct golden_case {
    char name[64], op[64], attrs[128];
    int n;
    golden_tensor t[GOLDEN_TENSORS];
} golden_case;

typedef struct golden_file golden_file;
golden_file *golden_open(const char *group); /* "convolutions" */
bool golden_next(golden_file *f, golden_case *c);
void golden_release(golden_case *c);
void golden_close(golden_file *f);
/* NULL: the case has no such tensor. */
const golden_tensor *golden_find(const golden_case *c, const char *name);
const golden_tensor *golden_numbered(const golden_case *c, const char *name, int i);
/* Training in f32 on the host's side of a net with at most GOLDEN_MOST parameters. Load: every parameter by its name in the case. */
anl_status golden_load(anl_net *net, const golden_case *c, float *param);
/* One step of SGD of the mean loss; *loss is before the update. grad (of the summed loss) and velocity: GOLDEN_MOST each. */
anl_status golden_step(anl_net *net, anl_program *program, const anl_bind *bind, float rate, float momentum, float *param, float *velocity, float *grad, double *loss);
/* How far a is from b at worst, relative to 1 + max|b|. */
double golden_distance(int64_t n, const double *a, const double *b);

#endif
