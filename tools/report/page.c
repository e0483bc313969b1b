/* See page.h. */
#include "page.h"

#include <math.h>

static const char style[] =
    "<style>\n"
    "body{font:15px/1.45 system-ui,sans-serif;color:#1e293b;max-width:1100px;margin:2em auto;padding:0 1em}\n"
    "h1{font-size:1.5em;overflow-wrap:anywhere}h2{font-size:1.15em;margin-top:2em;border-bottom:1px solid #cbd5e1}"
    "h3{font-size:1em;margin-bottom:.3em}\n"
    "table{border-collapse:collapse;font-size:13px}th,td{padding:2px 9px;text-align:right;border-bottom:1px "
    "solid #e2e8f0;white-space:nowrap}td.left,th.left{text-align:left}td.text{text-align:left;white-space:pre-wrap;"
    "overflow-wrap:anywhere}\n"
    "div.wide{overflow-x:auto}div.pairs{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr));gap:.6em}pre{background:#f1f5f9;padding:.7em;overflow-x:auto;font-size:13px}p.note{"
    "color:#475569;font-size:13px}\n"
    "svg{max-width:100%;height:auto}svg rect{shape-rendering:crispEdges}div.wide svg{max-width:none}svg "
    "text{font:11px system-ui,sans-serif;fill:#334155}\n"
    ".frame{fill:none;stroke:#cbd5e1}.tick{stroke:#94a3b8}.tx,.name{text-anchor:middle}.ty{text-anchor:end}."
    "own{fill:#475569;paint-order:stroke;stroke:#fff;stroke-width:3px}.in{fill:#fff;text-anchor:end}td.bad{"
    "color:#b91c1c}.count{text-anchor:middle;fill:#1e293b}.light{text-anchor:middle;fill:#fff}\n"
    ".way{fill:none;stroke-width:1.3;stroke-opacity:.75}.way:hover{stroke:#1e293b;stroke-width:3;stroke-"
    "opacity:1}\n"
    ".key{font-size:13px;overflow-wrap:anywhere}.key span{margin-right:1.4em}i.line{display:inline-block;width:1.7em;margin-right:.4em;"
    "vertical-align:middle;border-top:3px solid}i.dashed{border-top-style:dashed}\n"
    "</style>\n";

void page_begin(anl__buf *out, const char *what, const char *name, int refresh)
{
    anl__buf_add(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                      "content=\"width=device-width\">\n");
    if (refresh > 0) anl__buf_add(out, "<meta http-equiv=\"refresh\" content=\"%d\">\n", refresh);
    anl__buf_add(out, "%s<title>%s ", style, what);
    svg_text(out, name);
    anl__buf_add(out, "</title></head><body>\n<h1>%s ", what);
    svg_text(out, name);
    anl__buf_add(out, "</h1>\n");
}

void page_end(anl__buf *out)
{
    anl__buf_add(out, "</body></html>\n");
}

void page_cell(anl__buf *out, const char *tag, const char *text)
{
    anl__buf_add(out, "<%s>", tag);
    svg_text(out, text);
    anl__buf_add(out, "</%s>", tag);
}

void page_number(anl__buf *out, double v)
{
    if (isnan(v)) anl__buf_add(out, "<td></td>");
    else anl__buf_add(out, "<td>%.6g</td>", v);
}

void page_note(anl__buf *out, const char *text)
{
    anl__buf_add(out, "<p class=\"note\">");
    svg_text(out, text);
    anl__buf_add(out, "</p>\n");
}

void page_way_begin(anl__buf *out, const char *colour, const char *dash)
{
    anl__buf_add(out, "<polyline class=\"way\" stroke=\"%s\"", colour);
    if (dash) anl__buf_add(out, " stroke-dasharray=\"%s\"", dash);
    anl__buf_add(out, " points=\"");
}

void page_way_end(anl__buf *out, const char *hint)
{
    anl__buf_add(out, "\"><title>");
    svg_text(out, hint);
    anl__buf_add(out, "</title></polyline>\n");
}
