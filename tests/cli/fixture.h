/* The program as a user runs it: a directory of its own, a small data set, exit codes and output. */
#ifndef CLI_FIXTURE_H
#define CLI_FIXTURE_H

#include "tests/common/scratch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct cli {
    char dir[SCRATCH_PATH]; /* temporary, the program's working directory */
    char out[65536]; /* what it said, cut */
    char err[65536];
    int code;        /* exit code; 128 + signal */
} cli;

/* Makes the directory with data/ (8x8 images of 4 classes: 610 for training, 90 for testing, IDX) and recipe.yaml. */
void cli_begin(cli *c);
void cli_end(cli *c); /* removes it */
/* Both as a group's setup and teardown; the state is the cli. */
int cli_setup(void **state);
int cli_teardown(void **state);
void cli_write(const cli *c, const char *name, const char *text);
/* Opens dir/name for writing and puts an NPY header there for rows x columns of that type ("<f4"): the elements are the caller's. */
FILE *cli_npy(const cli *c, const char *name, const char *descr, int rows, int columns);
/* Runs a line of shell in the directory; it must succeed. */
void cli_shell(const cli *c, const char *line);
/* Runs `anneal` with these words (split at blanks; no quoting). */
void cli_run(cli *c, const char *words);
/* Starts it in the background; the pid. Output is appended to out.txt and err.txt. */
int cli_start(const cli *c, const char *words);
int cli_wait(int pid); /* exit code, or 128 + signal */
/* Fails the test when the code differs, showing what the program said. */
void cli_expect(cli *c, int code, const char *words);
/* err or out holds this text, else the test fails. */
void cli_says(const cli *c, const char *text);
/* SHA-256 over all tensors of the newest checkpoint of a run. */
void cli_digest(const cli *c, const char *run, char hex[65]);
/* Every checkpoint under its final name verifies; returns how many. */
int cli_verify(const cli *c, const char *run);
/* The metrics whose names begin so are the same, to the last digit, in two runs; there are some. */
void cli_same_rows(const cli *c, const char *run, const char *other, const char *metrics);
/* No (kind, step) stands twice in the run's metrics.jsonl. */
void cli_log_once(const cli *c, const char *run);

#endif
