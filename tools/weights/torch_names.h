/* What PyTorch calls a parameter of a model. torchvision's ResNets have names of their own; every other model
 * is taken to be written with the names that its layers have here. */
#ifndef TORCH_NAMES_H
#define TORCH_NAMES_H

#include "runtime/base/base.h"

/* model: the recipe's model.name. The arena's memory, or `name` itself where there is no other. NULL: no
 * memory. */
const char *torch_name(anl__arena *a, const char *model, const char *name);
/* Does PyTorch keep that beside a parameter and need it for nothing that is computed here?
 * ("bn1.num_batches_tracked") */
bool torch_name_is_counter(const char *name);

#endif
