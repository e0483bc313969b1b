/* What a table does about its time and its missing values; table.c calls it once the columns are read. */
#ifndef ANL_TABLE_REPAIR_H
#define ANL_TABLE_REPAIR_H

#include "datasets/table.h"

/* Order, doubles, step and gaps by the time column; then missing values of every column. */
anl_status anl__table_repair(anl__table *t, const anl__table_opts *opts) ANL_MUST;

#endif
