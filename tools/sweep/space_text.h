/* Values, points and spaces as text. */
#ifndef SWEEP_SPACE_TEXT_H
#define SWEEP_SPACE_TEXT_H

#include "space.h"

#include "runtime/base/base.h"

/* Canonical text of one value: the shortest decimal that reads back the same; a choice's text; "-" when NaN. */
void space_text(const space *s, int i, double value, anl__buf *out);
/* "optim.lr=0.01 model.layers=3": the active axes in order. */
void space_point_text(const space *s, const double *point, anl__buf *out);
/* One line an axis, complete: two spaces are equal if and only if their texts are. */
void space_describe(const space *s, anl__buf *out);

#endif
