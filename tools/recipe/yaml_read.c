/* From text to a tree of yaml.h, over libfyaml's events: the only file that knows libfyaml. Events and not its documents,
 * because those look for duplicate keys in quadratic time, resolve what we refuse, and lose the places of lists and maps.
 *
 * Does not know what a recipe means. Depth, number of values and number of keys a map are limited, so that time and memory
 * are linear in the text. Reading goes on after a refused anchor, tag or alias, to name several mistakes at once. */
#include "yaml.h"

#include <libfyaml.h>
#include <string.h>

enum { MOST_BYTES = 1 << 20, MOST_VALUES = 100000, MOST_KEYS = 1000, MOST_DEPTH = 32, MOST_ERRORS = 20 };

typedef struct level {
    yaml_node *node;
    const char *key; /* read, its value not yet; NULL: a key comes next */
    int key_line, key_column;
} level;

typedef struct reading {
    anl__arena *a;
    const char *file;
    anl__buf *errors;
    level level[MOST_DEPTH];
    int depth;
    yaml_node *root;
    int values, documents, complaints;
    bool stop;    /* what follows is not worth reading */
    bool no_memory;
} reading;

static void complain(reading *r, int line, int column, const char *what, const char *name, size_t len)
{
    if (++r->complaints > MOST_ERRORS) {
        if (!r->stop) anl__buf_add(r->errors, "%s: and more\n", r->file);
        r->stop = true;
        return;
    }
    anl__buf_add(r->errors, "%s:%d:%d: %s", r->file, line, column, what);
    anl__buf_bytes(r->errors, name, len > 60 ? 60 : len);
    anl__buf_bytes(r->errors, "\n", 1);
}

static void place(struct fy_token *t, int *line, int *column)
{
    const struct fy_mark *m = t ? fy_token_start_mark(t) : NULL;
    *line = m ? m->line + 1 : 0;
    *column = m ? m->column + 1 : 0;
}

/* A quoted scalar begins with its quote; libfyaml's mark stands behind it. */
static void scalar_place(struct fy_token *t, int *line, int *column)
{
    enum fy_scalar_style style = t ? fy_token_scalar_style(t) : FYSS_PLAIN;
    place(t, line, column);
    if (*column > 1 && (style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED)) --*column;
}

/* Anchors and tags are named at their own place. */
static void refuse(reading *r, struct fy_token *t, const char *what)
{
    size_t len = 0;
    int line, column;
    const char *name = t ? fy_token_get_text(t, &len) : NULL;
    if (!t) return;
    place(t, &line, &column);
    complain(r, line, column, what, name ? name : "", name ? len : 0);
}

static const char *text_of(reading *r, struct fy_token *t, int line, int column)
{
    size_t len = 0;
    const char *s = t ? fy_token_get_text(t, &len) : "";
    char *copy = anl__arena_alloc(r->a, len + 1);
    if (!s || !copy) {
        r->no_memory = r->stop = true;
        return NULL;
    }
    if (len) memcpy(copy, s, len);
    if (memchr(s, 0, len) || yaml_utf8_bad(s, len) < len) complain(r, line, column, "this text holds a byte that is no text", "", 0);
    return copy;
}

/* Puts a value where the open list or map wants it. */
static void put(reading *r, yaml_node *n)
{
    level *l = r->depth ? &r->level[r->depth - 1] : NULL;
    if (!l) {
        r->root = n;
        return;
    }
    if (!n->line) {
        n->line = l->key ? l->key_line : l->node->line;
        n->column = l->key ? l->key_column : l->node->column;
    }
    n->key_line = l->key_line;
    n->key_column = l->key_column;
    if (!yaml_add(r->a, l->node, l->key, n)) r->no_memory = r->stop = true;
    l->key = NULL;
}

static yaml_node *make(reading *r, yaml_kind kind, struct fy_token *at)
{
    yaml_node *n = yaml_new(r->a, kind, r->file);
    if (!n) {
        r->no_memory = r->stop = true;
        return NULL;
    }
    place(at, &n->line, &n->column);
    if (++r->values > MOST_VALUES) {
        complain(r, n->line, n->column, "a recipe has at most 100000 values", "", 0);
        r->stop = true;
    }
    return n;
}

static bool wants_key(const reading *r)
{
    const level *l = r->depth ? &r->level[r->depth - 1] : NULL;
    return l && l->node->kind == YAML_MAP && !l->key;
}

static void take_key(reading *r, struct fy_token *t)
{
    level *l = &r->level[r->depth - 1];
    scalar_place(t, &l->key_line, &l->key_column);
    const char *key = text_of(r, t, l->key_line, l->key_column);
    if (!key) return;
    l->key = key;
    if (!*key) {
        complain(r, l->key_line ? l->key_line : l->node->line, l->key_column ? l->key_column : l->node->column, "a key is missing before ':'", "", 0);
    } else if (!strcmp(key, "<<")) {
        complain(r, l->key_line, l->key_column, "merge keys are not allowed in a recipe: <<", "", 0);
    } else if (l->node->n == MOST_KEYS) {
        complain(r, l->key_line, l->key_column, "a map has at most 1000 keys", "", 0);
        r->stop = true;
    } else {
        const yaml_node *before = yaml_find(l->node, key);
        if (before) {
            char *what = anl__arena_printf(r->a, "the key '%.60s' stands twice, first in line %d", key, before->key_line);
            complain(r, l->key_line, l->key_column, what ? what : "a key stands twice", "", 0);
        }
    }
}

static void open_level(reading *r, yaml_kind kind, struct fy_token *at)
{
    int line, column;
    place(at, &line, &column);
    if (wants_key(r)) {
        complain(r, line, column, "a key must be a word, not a list or map", "", 0);
        r->stop = true;
        return;
    }
    if (r->depth == MOST_DEPTH) {
        complain(r, line, column, "lists and maps are nested more than 32 deep", "", 0);
        r->stop = true;
        return;
    }
    yaml_node *n = make(r, kind, at);
    if (!n) return;
    put(r, n);
    r->level[r->depth++] = (level){.node = n};
}

static void take_event(reading *r, struct fy_event *e)
{
    switch (e->type) {
    case FYET_DOCUMENT_START:
        if (r->documents++) {
            int line, column;
            place(e->document_start.document_start, &line, &column);
            complain(r, line, column, "more than one document (---): a recipe is one", "", 0);
            r->stop = true;
        }
        break;
    case FYET_MAPPING_START:
        refuse(r, e->mapping_start.anchor, "anchors are not allowed in a recipe: &");
        refuse(r, e->mapping_start.tag, "tags are not allowed in a recipe: ");
        open_level(r, YAML_MAP, e->mapping_start.mapping_start);
        break;
    case FYET_SEQUENCE_START:
        refuse(r, e->sequence_start.anchor, "anchors are not allowed in a recipe: &");
        refuse(r, e->sequence_start.tag, "tags are not allowed in a recipe: ");
        open_level(r, YAML_LIST, e->sequence_start.sequence_start);
        break;
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END: r->depth--; break;
    case FYET_ALIAS:
        refuse(r, e->alias.anchor, "aliases are not allowed in a recipe: *");
        if (wants_key(r)) r->level[r->depth - 1].key = "*";
        else {
            yaml_node *n = make(r, YAML_SCALAR, e->alias.anchor);
            if (n) put(r, n);
        }
        break;
    case FYET_SCALAR:
        refuse(r, e->scalar.anchor, "anchors are not allowed in a recipe: &");
        refuse(r, e->scalar.tag, "tags are not allowed in a recipe: ");
        if (wants_key(r)) take_key(r, e->scalar.value);
        else {
            yaml_node *n = make(r, YAML_SCALAR, e->scalar.value);
            if (n) scalar_place(e->scalar.value, &n->line, &n->column);
            if (!n || !(n->text = text_of(r, e->scalar.value, n->line, n->column))) return;
            n->quoted = e->scalar.value && fy_token_scalar_style(e->scalar.value) != FYSS_PLAIN;
            put(r, n);
        }
        break;
    default: break;
    }
}

/* libfyaml's own messages; its lines and columns count from 1 here. */
static void take_messages(reading *r, struct fy_diag *diag)
{
    void *it = NULL;
    struct fy_diag_error *e;
    bool any = false;
    while ((e = fy_diag_errors_iterate(diag, &it))) {
        complain(r, e->line, e->column, e->msg ? e->msg : "this is not YAML", "", 0);
        any = true;
    }
    if (!any) complain(r, 1, 1, "this is not YAML", "", 0);
}

static void line_of(const char *text, size_t at, int *line, int *column)
{
    *line = *column = 1;
    for (size_t i = 0; i < at; i++) {
        ++*column;
        if (text[i] == '\n') {
            ++*line;
            *column = 1;
        }
    }
}

/* What is better said before libfyaml says it: size, bytes that are no text, tabs that indent. */
static bool sane(reading *r, const char *text, size_t bytes)
{
    int line, column;
    if (bytes > MOST_BYTES) {
        complain(r, 1, 1, "the recipe is larger than 1 MiB", "", 0);
        return false;
    }
    const char *zero = memchr(text, 0, bytes);
    size_t bad = yaml_utf8_bad(text, bytes);
    if (zero && (size_t)(zero - text) < bad) bad = (size_t)(zero - text);
    if (bad < bytes) {
        line_of(text, bad, &line, &column);
        complain(r, line, column, "this is not UTF-8 text", "", 0);
        return false;
    }
    bool indent = true;
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '\t' && indent) {
            line_of(text, i, &line, &column);
            complain(r, line, column, "a tab indents this line: YAML wants spaces", "", 0);
            return false;
        }
        indent = text[i] == '\n' || (indent && text[i] == ' ');
    }
    return true;
}

static void parse(reading *r, const char *text, size_t bytes, struct fy_diag *diag)
{
    struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG, .diag = diag};
    struct fy_parser *p = fy_parser_create(&cfg);
    if (!p || fy_parser_set_string(p, text, bytes)) {
        r->no_memory = true;
    } else {
        for (struct fy_event *e; !r->stop && (e = fy_parser_parse(p));) {
            take_event(r, e);
            fy_parser_event_free(p, e);
        }
        if (!r->stop && (fy_parser_get_stream_error(p) || fy_diag_got_error(diag))) take_messages(r, diag);
    }
    if (p) fy_parser_destroy(p);
}

static void silent(struct fy_diag *diag, void *user, const char *buf, size_t len)
{
    (void)diag;
    (void)user;
    (void)buf;
    (void)len;
}

anl_status yaml_parse(anl_ctx *ctx, anl__arena *a, const char *file, const char *text, size_t bytes, anl__buf *errors, yaml_node **out)
{
    reading r = {.a = a, .file = file, .errors = errors};
    *out = NULL;
    if (bytes >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3)) { /* a byte order mark says nothing */
        text += 3;
        bytes -= 3;
    }
    if (!sane(&r, text, bytes)) return errors->status;
    struct fy_diag_cfg dc;
    fy_diag_cfg_default(&dc);
    dc.output_fn = silent;
    struct fy_diag *diag = fy_diag_create(&dc);
    if (!diag) return anl__fail(ctx, ANL_NOMEM, "no memory to read %s", file);
    fy_diag_set_collect_errors(diag, true);
    parse(&r, text, bytes, diag);
    fy_diag_destroy(diag);
    if (r.no_memory) return anl__fail(ctx, ANL_NOMEM, "no memory to read %s", file);
    if (r.complaints) return errors->status;
    *out = r.root ? r.root : yaml_new(a, YAML_MAP, file);
    return *out ? errors->status : ANL_NOMEM;
}
