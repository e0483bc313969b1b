/* YAML as a small tree of our own: maps, lists and scalars with their place in the file. libfyaml parses (yaml_read.c); what
 * a recipe may not hold (anchors, aliases, merge keys, tags, more than one document, duplicate keys, deep nesting, more than
 * 1 MiB) is refused by line and never resolved. Nothing is printed.
 */
#ifndef YAML_H
#define YAML_H

#include "runtime/base/base.h"

typedef enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP } yaml_kind;
typedef struct yaml_node yaml_node;
struct yaml_node {
    yaml_kind kind;
    const char *text;      /* scalar */
    bool quoted;           /* scalar: "32" is a text, not a number */
    const char *file;      /* "fashion.yaml", or "command line" */
    int line, column;      /* 1-based; 0: no place */
    const char *key;       /* in a map */
    int key_line, key_column;
    yaml_node **item;
    int n, cap;
};

/* Errors are added to `errors`, one a line, "file:line:column: ..."; *out is NULL then. An empty text is an empty map. */
anl_status yaml_parse(anl_ctx *ctx, anl__arena *a, const char *file, const char *text, size_t bytes, anl__buf *errors, yaml_node **out) ANL_MUST;
yaml_node *yaml_find(const yaml_node *map, const char *key); /* NULL: none */
/* An empty one without a place. NULL: no memory. */
yaml_node *yaml_new(anl__arena *a, yaml_kind kind, const char *file);
/* Appends (key NULL in a list); false: no memory. */
bool yaml_add(anl__arena *a, yaml_node *parent, const char *key, yaml_node *child);
/* Where text stops being UTF-8; `bytes` when it is. */
size_t yaml_utf8_bad(const char *text, size_t bytes);
/* One line of flow YAML, which reads back as the same tree. */
void yaml_write(const yaml_node *n, anl__buf *out);
/* "file:line:column", in the arena. */
const char *yaml_where(anl__arena *a, const yaml_node *n);

#endif
