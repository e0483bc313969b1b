/* See json_number.h. */
#include "json_number.h"

#include <math.h>
#include <stdio.h>

void json_number(cJSON *object, const char *name, double v)
{
    char text[40];
    snprintf(text, sizeof text, "%.17g", v);
    if (isfinite(v)) cJSON_AddRawToObject(object, name, text);
    else cJSON_AddNullToObject(object, name);
}
