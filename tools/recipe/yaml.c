/* The tree of yaml.h: looking up, building, writing. */
#include "yaml.h"

#include <string.h>

/* One character of valid UTF-8 (RFC 3629, table 3-7 of Unicode); its bytes, 0 when there is none here. */
static size_t utf8_next(const unsigned char *s, size_t n, uint32_t *out)
{
    unsigned c = n ? s[0] : 0xff;
    size_t more = c < 0x80 ? 0 : c >= 0xC2 && c < 0xE0 ? 1 : (c & 0xF0) == 0xE0 ? 2 : c >= 0xF0 && c < 0xF5 ? 3 : 9;
    if (more >= n) return 0;
    uint32_t v = more ? c & (0x3Fu >> more) : c;
    for (size_t k = 1; k <= more; k++) {
        if ((s[k] & 0xC0) != 0x80) return 0;
        v = v << 6 | (s[k] & 0x3Fu);
    }
    bool too_long = (more == 2 && v < 0x800) || (more == 3 && v < 0x10000), surrogate = v >= 0xD800 && v < 0xE000;
    if (too_long || surrogate || v > 0x10FFFF) return 0;
    *out = v;
    return more + 1;
}

size_t yaml_utf8_bad(const char *text, size_t bytes)
{
    uint32_t c;
    for (size_t i = 0, n; i < bytes; i += n)
        if (!(n = utf8_next((const unsigned char *)text + i, bytes - i, &c))) return i;
    return bytes;
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

/* Double-quoted; what does not show, or what some reader takes for the end of a line, is escaped. */
static void write_text(const char *s, anl__buf *out)
{
    size_t left = strlen(s), n;
    uint32_t c = 0;
    anl__buf_add(out, "\"");
    for (; left && (n = utf8_next((const unsigned char *)s, left, &c)); s += n, left -= n) {
        bool hidden = c < 32 || (c >= 127 && c < 0xA0) || c == 0x2028 || c == 0x2029 || c == 0xFEFF || (c & 0xFFFE) == 0xFFFE;
        if (c == '"' || c == '\\') anl__buf_add(out, "\\%c", (char)c);
        else if (hidden) anl__buf_add(out, "\\U%08x", (unsigned)c);
        else anl__buf_bytes(out, s, n);
    }
    anl__buf_add(out, "\"");
}

static bool plain(const char *s)
{
    for (const char *p = s; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || strchr("._+-$", *p))) return false;
    return *s && *s != '-' && *s != '+' && strcmp(s, "null") != 0; /* null is YAML's word for nothing */
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
        if (n->kind == YAML_MAP) {
            if (plain(n->item[i]->key)) anl__buf_add(out, "%s", n->item[i]->key);
            else write_text(n->item[i]->key, out);
            anl__buf_add(out, ": ");
        }
        yaml_write(n->item[i], out);
    }
    anl__buf_add(out, n->kind == YAML_MAP ? "}" : "]");
}

const char *yaml_where(anl__arena *a, const yaml_node *n)
{
    const char *s = n->line ? anl__arena_printf(a, "%s:%d:%d", n->file, n->line, n->column) : n->file;
    return s ? s : "";
}
