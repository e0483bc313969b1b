/* Which parameter of a model is what: found in the model's graph, by what reads it. Convolutions have filters
 * to turn; a dense layer behind a flattened image has columns to turn; where the order of the features is not
 * that of a flattened image any more, PyTorch's cannot be known, and the parameter is TURN_UNKNOWN. */
#ifndef PARAM_MAP_H
#define PARAM_MAP_H

#include "models/model.h"
#include "turn.h"

typedef struct param_map param_map;
/* Memory of the arena. Models of sequences have no flattened images: there a parameter's rank decides. */
anl_status param_map_create(anl_ctx *ctx, anl__arena *a, const anl_model_opts *model,
                            const param_map **out) ANL_MUST;
/* Without a graph, which a model of sequences needs its data for: no names. */
anl_status param_map_by_rank(anl__arena *a, const param_map **out) ANL_MUST;
/* Of a parameter or buffer; TURN_NONE of a name that the model does not have. */
turn param_map_find(const param_map *m, const char *name, const anl_shape *shape);
/* Every parameter and buffer, in the order in which the model names them. */
int param_map_count(const param_map *m);
const char *param_map_name(const param_map *m, int i);
bool param_map_is_param(const param_map *m, int i); /* a parameter, not a buffer */
anl_shape param_map_shape(const param_map *m, int i);

#endif
