/* See run_scores.h. */
#include "run_scores.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_CLASSES = 50, MOST_PAIRS = 25, MOST_FIELDS = 32, MOST_DEPTH = 3, WITH_NUMBERS = 25,
    MOST_MATRIX = 6000 /* more do not fit into a file of scores */
};

static double number_in(const cJSON *o, const char *name)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
    return cJSON_IsNumber(v) ? v->valuedouble : NAN;
}

/* ---- whatever is there ------------------------------------------------------------------------- */

static bool is_plain(const cJSON *v) { return !cJSON_IsObject(v) && !cJSON_IsArray(v); }

static bool all_plain(const cJSON *o)
{
    for (const cJSON *v = o->child; v; v = v->next)
        if (!is_plain(v)) return false;
    return cJSON_IsObject(o);
}

static void plain_cell(anl__buf *out, const cJSON *v)
{
    if (cJSON_IsNumber(v)) page_number(out, v->valuedouble);
    else if (cJSON_IsString(v)) page_cell(out, "td", v->valuestring);
    else anl__buf_add(out, "<td>%s</td>", !v || cJSON_IsNull(v) ? "" : cJSON_IsTrue(v) ? "true" : "false");
}

static void plain_table(const cJSON *o, anl__buf *out)
{
    bool any = false;
    for (const cJSON *v = o->child; v; v = v->next) {
        if (!is_plain(v)) continue;
        if (!any) anl__buf_add(out, "<div class=\"wide\"><table>\n");
        any = true;
        anl__buf_add(out, "<tr><th class=\"left\">");
        svg_text(out, v->string ? v->string : "");
        anl__buf_add(out, "</th>");
        plain_cell(out, v);
        anl__buf_add(out, "</tr>\n");
    }
    if (any) anl__buf_add(out, "</table></div>\n");
}

static int add_names(const cJSON *o, const char **name, int n)
{
    for (const cJSON *v = o->child; v; v = v->next) {
        int k = 0;
        while (k < n && strcmp(name[k], v->string)) k++;
        if (k == n && n < MOST_FIELDS) name[n++] = v->string;
    }
    return n;
}

/* Objects of plain fields: a row each, a column for each name in any of them. */
static void rows_table(const cJSON *o, anl__buf *out)
{
    const char *name[MOST_FIELDS];
    int n = 0;
    for (const cJSON *v = o->child; v; v = v->next)
        if (all_plain(v)) n = add_names(v, name, n);
    if (!n) return;
    anl__buf_add(out, "<div class=\"wide\"><table><tr><th></th>");
    for (int k = 0; k < n; k++) page_cell(out, "th", name[k]);
    anl__buf_add(out, "</tr>\n");
    for (const cJSON *v = o->child; v; v = v->next) {
        if (!all_plain(v)) continue;
        anl__buf_add(out, "<tr><th class=\"left\">");
        svg_text(out, v->string ? v->string : "");
        anl__buf_add(out, "</th>");
        for (int k = 0; k < n; k++) plain_cell(out, cJSON_GetObjectItemCaseSensitive(v, name[k]));
        anl__buf_add(out, "</tr>\n");
    }
    anl__buf_add(out, "</table></div>\n");
}

static void any_object(const cJSON *o, int depth, anl__buf *out)
{
    plain_table(o, out);
    rows_table(o, out);
    for (const cJSON *v = o->child; v && depth < MOST_DEPTH; v = v->next) {
        if (!cJSON_IsObject(v) || all_plain(v)) continue;
        page_cell(out, "h3", v->string ? v->string : "");
        any_object(v, depth + 1, out);
    }
}

/* ---- classes ------------------------------------------------------------------------------------ */

typedef struct classes {
    int n;
    const cJSON **class; /* [n] objects */
    double *count;       /* [n, n] rows: truth; NULL: there is no sound matrix */
    int *order;          /* [n] for a table that does not show all */
    anl_ctx *ctx;
} classes;

static const char *name_of(const classes *c, int i)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(c->class[i], "name");
    return cJSON_IsString(v) ? v->valuestring : "";
}

/* true: rows and columns are as many numbers as there are classes. */
static bool read_matrix(classes *c, const cJSON *matrix)
{
    int t = 0;
    for (const cJSON *row = cJSON_IsArray(matrix) ? matrix->child : NULL; row; row = row->next, t++) {
        int p = 0;
        if (t == c->n || !cJSON_IsArray(row)) return false;
        for (const cJSON *v = row->child; v; v = v->next, p++) {
            if (p == c->n || !cJSON_IsNumber(v)) return false;
            c->count[(int64_t)t * c->n + p] = v->valuedouble;
        }
        if (p != c->n) return false;
    }
    return t == c->n;
}

static bool open_classes(anl__buf *out, const cJSON *scores, classes *c)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(scores, "classes");
    *c = (classes){.ctx = out->ctx};
    for (const cJSON *v = cJSON_IsArray(list) ? list->child : NULL; v; v = v->next) c->n++;
    if (!c->n) return false;
    c->class = anl__calloc(c->ctx, (size_t)c->n, sizeof *c->class);
    c->order = anl__calloc(c->ctx, (size_t)c->n, sizeof *c->order);
    if (c->n <= MOST_MATRIX) c->count = anl__calloc(c->ctx, (size_t)c->n * (size_t)c->n, sizeof *c->count);
    if (!c->class || !c->order || (c->n <= MOST_MATRIX && !c->count)) {
        out->status = ANL_NOMEM;
        return false;
    }
    int i = 0;
    for (const cJSON *v = list->child; v; v = v->next) c->class[i++] = v;
    if (!c->count || !read_matrix(c, cJSON_GetObjectItemCaseSensitive(scores, "confusion"))) {
        anl__free(c->ctx, c->count);
        c->count = NULL;
    }
    return true;
}

static void close_classes(classes *c)
{
    anl__free(c->ctx, c->class);
    anl__free(c->ctx, c->order);
    anl__free(c->ctx, c->count);
}

/* By F1, the least first; what has none comes last. */
static void order_classes(classes *c)
{
    for (int i = 0; i < c->n; i++) {
        double own = number_in(c->class[i], "f1");
        int at = i;
        for (; at > 0; at--) {
            double before = number_in(c->class[c->order[at - 1]], "f1");
            if (isnan(own) || before <= own) break;
            c->order[at] = c->order[at - 1];
        }
        c->order[at] = i;
    }
}

static void class_table(classes *c, anl__buf *out)
{
    static const char *const field[] = {"precision", "recall", "f1", "auc", "average_precision", "samples"};
    static const char *const head[] = {"precision", "recall", "F1", "ROC AUC", "PR AUC", "samples"};
    order_classes(c);
    anl__buf_add(out, "<h3>Classes</h3>\n");
    if (c->n > MOST_CLASSES) anl__buf_add(out, "<p class=\"note\">The %d of %d classes with the lowest F1.</p>\n", MOST_CLASSES, c->n);
    anl__buf_add(out, "<div class=\"wide\"><table><tr><th>class</th><th class=\"left\">name</th>");
    for (int k = 0; k < 6; k++) page_cell(out, "th", head[k]);
    anl__buf_add(out, "</tr>\n");
    for (int i = 0; i < c->n && i < MOST_CLASSES; i++) {
        int which = c->n <= MOST_CLASSES ? i : c->order[i];
        anl__buf_add(out, "<tr><td>%d</td><td class=\"left\">", which);
        svg_text(out, name_of(c, which));
        anl__buf_add(out, "</td>");
        for (int k = 0; k < 6; k++) {
            double v = number_in(c->class[which], field[k]);
            if (k < 5 && !isnan(v)) anl__buf_add(out, "<td>%.4f</td>", v);
            else page_number(out, v);
        }
        anl__buf_add(out, "</tr>\n");
    }
    anl__buf_add(out, "</table></div>\n");
}

/* White to blue where the prediction is right, white to orange where it is wrong; the root shows rare mistakes, too. */
static const char *shade(double share, bool right, char out[8])
{
    static const int full[2][3] = {{201, 66, 12}, {29, 78, 156}};
    double t = share > 0 ? sqrt(fmin(share, 1)) : 0;
    int v[3];
    for (int i = 0; i < 3; i++) v[i] = (int)(255 + t * (full[right][i] - 255)) & 255;
    snprintf(out, 8, "#%02x%02x%02x", (unsigned)v[0], (unsigned)v[1], (unsigned)v[2]);
    return out;
}

static void short_name(const classes *c, int i, double room, char out[64])
{
    svg_short(name_of(c, i), (size_t)fmax(room / svg_width("m"), 3), out, 64);
}

static void grid_cell(const classes *c, chart *h, int t, int p, double sum)
{
    char colour[8], hint[300];
    double v = c->count[(int64_t)t * c->n + p], share = sum > 0 ? v / sum : 0;
    if (!(v > 0)) return;
    snprintf(hint, sizeof hint, "%.0f of %.0f of %.80s taken for %.80s (%.1f %%)", v, sum, name_of(c, t), name_of(c, p), 100 * share);
    chart_box(h, p, t, p + 1, t + 1, shade(share, t == p, colour), hint);
    if (c->n > WITH_NUMBERS) return;
    anl__buf_add(h->out, "<text class=\"%s\" pointer-events=\"none\" x=\"%.1f\" y=\"%.1f\">%.0f</text>\n", share > 0.35 ? "light" : "count",
                 chart_x(h, p + 0.5), chart_y(h, t + 0.5) + 4, v);
}

static void grid(const classes *c, anl__buf *out)
{
    double each = c->n > WITH_NUMBERS ? 15 : c->n > 12 ? 34 : 46, widest = 0, side = each * c->n;
    char text[64];
    for (int i = 0; i < c->n; i++) {
        short_name(c, i, 150, text);
        widest = fmax(widest, svg_width(text));
    }
    double left = fmax(70, widest + 36);
    anl__buf_add(out, "<h3>Confusion matrix</h3><p class=\"note\">Rows: truth; columns: prediction. Blue: right, orange: wrong, the stronger the "
                      "larger its share of the row.</p><div class=\"wide\">\n");
    chart h = chart_begin_left(out, left + side + 14, side + 48, left, 0, c->n, 0, c->n);
    h.y0 = c->n; /* the first class on top */
    h.y1 = 0;
    for (int t = 0; t < c->n; t++) {
        double sum = 0;
        for (int p = 0; p < c->n; p++) sum += c->count[(int64_t)t * c->n + p];
        for (int p = 0; p < c->n; p++) grid_cell(c, &h, t, p, sum);
        short_name(c, t, 150, text);
        chart_y_label(&h, t + 0.5, text);
    }
    for (int p = 0; p < c->n; p += c->n > WITH_NUMBERS ? 5 : 1) {
        if (c->n > 12) snprintf(text, sizeof text, "%d", p);
        else short_name(c, p, each, text);
        chart_x_label(&h, p + 0.5, text);
    }
    anl__buf_add(out, "<text class=\"name\" x=\"%g\" y=\"%g\">prediction</text>\n", left + side / 2, h.height - 6);
    chart_end(&h);
    anl__buf_add(out, "</div>\n");
}

/* The largest numbers beside the diagonal. */
static void pairs(const classes *c, anl__buf *out)
{
    int64_t best[MOST_PAIRS], n = 0, all = (int64_t)c->n * c->n;
    for (int64_t i = 0; i < all; i++) {
        if (i / c->n == i % c->n || !(c->count[i] > 0)) continue;
        if (n == MOST_PAIRS && c->count[best[n - 1]] >= c->count[i]) continue;
        int64_t at = n < MOST_PAIRS ? n++ : n - 1;
        for (; at > 0 && c->count[best[at - 1]] < c->count[i]; at--) best[at] = best[at - 1];
        best[at] = i;
    }
    if (!n) return;
    anl__buf_add(out, "<h3>Most confused pairs</h3><div class=\"wide\"><table><tr><th class=\"left\">truth</th><th class=\"left\">prediction</th>"
                      "<th>samples</th></tr>\n");
    for (int64_t i = 0; i < n; i++) {
        anl__buf_add(out, "<tr><td class=\"left\">");
        svg_text(out, name_of(c, (int)(best[i] / c->n)));
        anl__buf_add(out, "</td><td class=\"left\">");
        svg_text(out, name_of(c, (int)(best[i] % c->n)));
        anl__buf_add(out, "</td><td>%.0f</td></tr>\n", c->count[best[i]]);
    }
    anl__buf_add(out, "</table></div>\n");
}

void run_scores(const cJSON *scores, anl__buf *out)
{
    classes c;
    any_object(scores, 0, out);
    if (open_classes(out, scores, &c)) {
        class_table(&c, out);
        if (c.count && c.n <= MOST_CLASSES) grid(&c, out);
        else if (c.count) pairs(&c, out);
    }
    close_classes(&c);
}
