/* Attributes from text by an operator's schema. */
#ifndef ANL_ATTRS_H
#define ANL_ATTRS_H

#include "../op.h"

int anl__attrs_count(const anl__op *op);
/* Fills attr[anl__attrs_count(op)] from `text`; what is not named there comes from the same-named attributes of
   the base calls (later ones win), else from the default. */
anl_status anl__attrs_parse(anl_ctx *ctx, const anl__op *op, const anl__call *const *base, int n_base, const char *text, anl__attr *attr) ANL_MUST;

#endif
