/* See yaml.h. The only file that knows libfyaml. */
#include "yaml.h"

#include <libfyaml.h>
#include <string.h>

enum { MOST_BYTES = 1 << 20, MOST_NODES = 100000, MOST_KEYS = 2000 };

typedef struct reading {
    anl__arena *a;
    const char *file;
    anl__buf *errors;
    int nodes;
    bool failed; /* by memory */
} reading;

static void place(struct fy_token *t, int *line, int *column)
{
    const struct fy_mark *m = t ? fy_token_start_mark(t) : NULL;
    *line = m ? m->line + 1 : 0;
    *column = m ? m->column + 1 : 0;
}

static struct fy_token *first_token(struct fy_node *n)
{
    return fy_node_is_scalar(n) ? fy_node_get_scalar_token(n) : NULL;
}

static void node_place(struct fy_node *n, int *line, int *column)
{
    struct fy_token *t = first_token(n);
    place(t, line, column);
    if (t || !n) return;
    if (fy_node_is_sequence(n) && fy_node_sequence_item_count(n) > 0) node_place(fy_node_sequence_get_by_index(n, 0), line, column);
    if (fy_node_is_mapping(n) && fy_node_mapping_item_count(n) > 0) node_place(fy_node_pair_key(fy_node_mapping_get_by_index(n, 0)), line, column);
}

static void complain(reading *r, int line, int column, const char *what, const char *name, size_t len)
{
    anl__buf_add(r->errors, "%s:%d:%d: %s%.*s\n", r->file, line, column, what, (int)(len > 60 ? 60 : len), name);
}

static yaml_node *convert(reading *r, struct fy_node *n);

/* What a recipe may not hold; true when the node was refused. */
static bool refused(reading *r, struct fy_node *n, int line, int column)
{
    size_t len = 0;
    if (fy_node_is_alias(n)) {
        const char *name = fy_node_get_scalar(n, &len);
        complain(r, line, column, "aliases are not allowed in a recipe: *", name ? name : "", name ? len : 0);
        return true;
    }
    struct fy_anchor *anchor = fy_node_get_anchor(n);
    if (anchor) {
        const char *name = fy_anchor_get_text(anchor, &len);
        complain(r, line, column, "anchors are not allowed in a recipe: &", name ? name : "", name ? len : 0);
        return true;
    }
    const char *tag = fy_node_get_tag(n, &len);
    if (tag) {
        complain(r, line, column, "tags are not allowed in a recipe: ", tag, len);
        return true;
    }
    return false;
}

static char *text_of(reading *r, struct fy_node *n)
{
    size_t len = 0;
    const char *s = fy_node_get_scalar(n, &len);
    char *copy = anl__arena_alloc(r->a, len + 1);
    if (!copy) {
        r->failed = true;
        return NULL;
    }
    if (len) memcpy(copy, s, len);
    return copy;
}

static void convert_map(reading *r, struct fy_node *n, yaml_node *out)
{
    void *it = NULL;
    struct fy_node_pair *p;
    while ((p = fy_node_mapping_iterate(n, &it)) && !r->failed) {
        struct fy_node *k = fy_node_pair_key(p), *v = fy_node_pair_value(p);
        int line = 0, column = 0;
        if (k) node_place(k, &line, &column);
        if (!k || !fy_node_is_scalar(k) || fy_node_is_alias(k)) {
            complain(r, line, column, "a key must be a plain word", "", 0);
            continue;
        }
        if (refused(r, k, line, column)) continue;
        char *key = text_of(r, k);
        if (!key) return;
        if (!strcmp(key, "<<")) {
            complain(r, line, column, "merge keys are not allowed in a recipe: <<", "", 0);
            continue;
        }
        if (yaml_find(out, key)) {
            complain(r, line, column, "this key stands twice: ", key, strlen(key));
            continue;
        }
        if (out->n == MOST_KEYS) {
            complain(r, line, column, "a map of more than 2000 keys", "", 0);
            return;
        }
        yaml_node *child = v ? convert(r, v) : NULL;
        if (!child) continue;
        if (!child->line) {
            child->line = line;
            child->column = column;
        }
        child->key_line = line;
        child->key_column = column;
        if (!yaml_add(r->a, out, key, child)) r->failed = true;
    }
}

static yaml_node *convert(reading *r, struct fy_node *n)
{
    int line = 0, column = 0;
    node_place(n, &line, &column);
    if (refused(r, n, line, column)) return NULL;
    if (++r->nodes > MOST_NODES) {
        if (r->nodes == MOST_NODES + 1) complain(r, line, column, "the recipe has more than 100000 values", "", 0);
        return NULL;
    }
    yaml_node *out = yaml_new(r->a, fy_node_is_mapping(n) ? YAML_MAP : fy_node_is_sequence(n) ? YAML_LIST : YAML_SCALAR, r->file);
    if (!out) {
        r->failed = true;
        return NULL;
    }
    out->line = line;
    out->column = column;
    if (out->kind == YAML_MAP) {
        convert_map(r, n, out);
    } else if (out->kind == YAML_LIST) {
        void *it = NULL;
        struct fy_node *item;
        while ((item = fy_node_sequence_iterate(n, &it)) && !r->failed) {
            yaml_node *child = convert(r, item);
            if (child && !yaml_add(r->a, out, NULL, child)) r->failed = true;
        }
    } else {
        enum fy_node_style style = fy_node_get_style(n);
        out->quoted = style == FYNS_SINGLE_QUOTED || style == FYNS_DOUBLE_QUOTED || style == FYNS_LITERAL || style == FYNS_FOLDED;
        out->text = text_of(r, n);
    }
    return out;
}

/* libfyaml's own messages, collected. */
static void take_messages(reading *r, struct fy_diag *diag)
{
    void *it = NULL;
    struct fy_diag_error *e;
    bool any = false;
    while ((e = fy_diag_errors_iterate(diag, &it))) {
        anl__buf_add(r->errors, "%s:%d:%d: %s\n", r->file, e->line + 1, e->column + 1, e->msg ? e->msg : "not YAML");
        any = true;
    }
    if (!any) anl__buf_add(r->errors, "%s:1:1: this is not YAML\n", r->file);
}

static bool valid_utf8(const unsigned char *s, size_t n, size_t *at)
{
    for (size_t i = 0; i < n;) {
        int more = s[i] < 0x80 ? 0 : s[i] >= 0xC2 && s[i] < 0xE0 ? 1 : s[i] >= 0xE0 && s[i] < 0xF0 ? 2 : s[i] >= 0xF0 && s[i] < 0xF5 ? 3 : -1;
        *at = i;
        if (more < 0 || i + (size_t)more >= n + (more == 0)) return false;
        for (int k = 1; k <= more; k++)
            if ((s[i + (size_t)k] & 0xC0) != 0x80) return false;
        i += (size_t)more + 1;
    }
    return true;
}

/* What is better said before libfyaml says it: size, bytes that are no text, tabs that indent. */
static bool sane(reading *r, const char *text, size_t bytes)
{
    size_t at = 0;
    int line = 1;
    if (bytes > MOST_BYTES) anl__buf_add(r->errors, "%s:1:1: %zu bytes are too many for a recipe (at most 1 MiB)\n", r->file, bytes);
    else if (!valid_utf8((const unsigned char *)text, bytes, &at) || memchr(text, 0, bytes)) {
        const char *zero = memchr(text, 0, bytes);
        if (zero) at = (size_t)(zero - text);
        for (size_t i = 0; i < at; i++) line += text[i] == '\n';
        anl__buf_add(r->errors, "%s:%d:1: byte %zu is not UTF-8 text\n", r->file, line, at + 1);
    } else {
        bool indent = true;
        for (size_t i = 0; i < bytes; i++) {
            if (text[i] == '\n') {
                line++;
                indent = true;
            } else if (text[i] == '\t' && indent) {
                anl__buf_add(r->errors, "%s:%d:1: a tab indents this line: YAML wants spaces\n", r->file, line);
                return false;
            } else if (text[i] != ' ') indent = false;
        }
        return true;
    }
    return false;
}

static void parse(reading *r, const char *text, size_t bytes, struct fy_diag *diag, yaml_node **out)
{
    struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_ALLOW_DUPLICATE_KEYS, .diag = diag};
    struct fy_parser *p = fy_parser_create(&cfg);
    if (!p || fy_parser_set_string(p, text, bytes)) {
        r->failed = true;
    } else {
        struct fy_document *doc = fy_parse_load_document(p), *second = doc ? fy_parse_load_document(p) : NULL;
        struct fy_node *root = doc ? fy_document_root(doc) : NULL;
        if (fy_parser_get_stream_error(p) || fy_diag_got_error(diag)) take_messages(r, diag);
        else if (second) anl__buf_add(r->errors, "%s: more than one document (---) in a recipe\n", r->file);
        else if (root) *out = convert(r, root);
        else *out = yaml_new(r->a, YAML_MAP, r->file);
        if (second) fy_parse_document_destroy(p, second);
        if (doc) fy_parse_document_destroy(p, doc);
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
    size_t before = errors->len;
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
    parse(&r, text, bytes, diag, out);
    fy_diag_destroy(diag);
    if (r.failed || (!*out && errors->len == before)) return anl__fail(ctx, ANL_NOMEM, "no memory to read %s", file);
    if (errors->len > before) *out = NULL;
    return errors->status;
}

yaml_node *yaml_find(const yaml_node *map, const char *key)
{
    for (int i = 0; map && map->kind == YAML_MAP && i < map->n; i++)
        if (!strcmp(map->item[i]->key, key)) return map->item[i];
    return NULL;
}

yaml_node *yaml_new(anl__arena *a, yaml_kind kind, const char *file)
{
    yaml_node *n = anl__arena_alloc(a, sizeof *n);
    if (n) *n = (yaml_node){.kind = kind, .text = "", .file = file};
    return n;
}

bool yaml_add(anl__arena *a, yaml_node *parent, const char *key, yaml_node *child)
{
    if (parent->n == parent->cap) {
        int cap = parent->cap ? 2 * parent->cap : 8;
        yaml_node **item = anl__arena_alloc(a, sizeof *item * (size_t)cap);
        if (!item) return false;
        if (parent->n) memcpy(item, parent->item, sizeof *item * (size_t)parent->n);
        parent->item = item;
        parent->cap = cap;
    }
    child->key = key;
    parent->item[parent->n++] = child;
    return true;
}

static void write_text(const char *s, anl__buf *out)
{
    anl__buf_add(out, "\"");
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') anl__buf_add(out, "\\%c", c);
        else if (c < 32 || c == 127) anl__buf_add(out, "\\x%02x", c);
        else anl__buf_bytes(out, s, 1);
    }
    anl__buf_add(out, "\"");
}

static bool plain(const char *s)
{
    for (const char *p = s; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || strchr("._+-$", *p))) return false;
    return *s && *s != '-';
}

void yaml_write(const yaml_node *n, anl__buf *out)
{
    if (n->kind == YAML_SCALAR) {
        bool number = (n->text[0] == '-' || n->text[0] == '+') && n->text[1];
        if (n->quoted || !(plain(n->text) || (number && plain(n->text + 1)))) write_text(n->text, out);
        else anl__buf_add(out, "%s", n->text);
        return;
    }
    anl__buf_add(out, n->kind == YAML_MAP ? "{" : "[");
    for (int i = 0; i < n->n; i++) {
        if (i) anl__buf_add(out, ", ");
        if (n->kind == YAML_MAP) anl__buf_add(out, "%s: ", n->item[i]->key);
        yaml_write(n->item[i], out);
    }
    anl__buf_add(out, n->kind == YAML_MAP ? "}" : "]");
}

const char *yaml_where(anl__arena *a, const yaml_node *n)
{
    const char *s = n->line ? anl__arena_printf(a, "%s:%d:%d", n->file, n->line, n->column) : n->file;
    return s ? s : "";
}
