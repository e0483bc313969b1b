/* Numbers in JSON that read back as the same number. cJSON itself writes 15 digits where the rest is below an
 * epsilon, and so loses the last bit of some. */
#ifndef SWEEP_JSON_NUMBER_H
#define SWEEP_JSON_NUMBER_H

#include <cjson/cJSON.h>

/* null when it is not finite. */
void json_number(cJSON *object, const char *name, double v);

#endif
