/* What a cell of a table means: a missing value, a number, a time (table.h). */
#include "datasets/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool anl__cell_missing(const char *cell)
{
    return !*cell || strcmp(cell, "?") == 0 || strcasecmp(cell, "na") == 0 || strcasecmp(cell, "nan") == 0;
}

static const char *digits(const char *p)
{
    while (*p >= '0' && *p <= '9') p++;
    return p;
}

/* [+-] digits [. digits] [e [+-] digits], at least one digit before the exponent, blanks around. */
bool anl__cell_number(const char *cell, double *out)
{
    const char *p = cell + strspn(cell, " "), *begin = p;
    if (*p == '+' || *p == '-') p++;
    const char *whole = p;
    p = digits(p);
    int64_t count = p - whole;
    if (*p == '.') {
        const char *part = ++p;
        p = digits(p);
        count += p - part;
    }
    if (!count) return false;
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '+' || *p == '-') p++;
        const char *power = p;
        p = digits(p);
        if (p == power) return false;
    }
    p += strspn(p, " ");
    double v = *p ? INFINITY : strtod(begin, NULL);
    if (!isfinite(v)) return false;
    *out = v;
    return true;
}

/* ---- times ------------------------------------------------------------------------------------ */

/* `n` digits; -1: they are not. */
static int take_digits(const char **p, int n)
{
    int v = 0;
    for (int i = 0; i < n; i++, (*p)++) {
        if (**p < '0' || **p > '9') return -1;
        v = v * 10 + (**p - '0');
    }
    return v;
}

static bool take(const char **p, char c)
{
    if (**p != c) return false;
    (*p)++;
    return true;
}

/* Days since 1970-01-01 in the Gregorian calendar, from March so that the leap day is the last of a year. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = year - (month <= 2), era = y / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* One or two digits; -1: they are not. */
static int take_short(const char **p)
{
    int n = 0;
    while (n < 3 && (*p)[n] >= '0' && (*p)[n] <= '9') n++;
    return n == 1 || n == 2 ? take_digits(p, n) : -1;
}

/* Of a date's two orders the one that its mark says: 2024-03-13, 2024/03/13 and 2024.03.13, or 13.03.2024. */
static bool take_date(const char **p, int64_t *days)
{
    static const int most[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    if (strspn(*p, "0123456789") == 4) {
        year = take_digits(p, 4);
        char mark = **p;
        if (!mark || !strchr("-/.", mark) || !take(p, mark)) return false;
        month = take_digits(p, 2);
        if (month < 0 || !take(p, mark)) return false;
        day = take_digits(p, 2);
    } else {
        day = take_short(p);
        if (day < 0 || !take(p, '.')) return false;
        month = take_short(p);
        if (month < 0 || !take(p, '.')) return false;
        year = take_digits(p, 4);
    }
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > most[month - 1] || (month == 2 && day == 29 && !leap)) return false;
    *days = days_of(year, month, day);
    return true;
}

/* hh:mm[:ss[.fraction]] */
static bool take_clock(const char **p, double *seconds)
{
    int h = take_digits(p, 2), m = h < 0 || !take(p, ':') ? -1 : take_digits(p, 2), s = 0;
    if (h < 0 || h > 23 || m < 0 || m > 59) return false;
    double part = 0;
    if (take(p, ':')) {
        s = take_digits(p, 2);
        if (s < 0 || s > 59) return false;
        double unit = 0.1;
        if (take(p, '.')) {
            if (**p < '0' || **p > '9') return false;
            for (; **p >= '0' && **p <= '9'; (*p)++, unit /= 10) part += unit * (**p - '0');
        }
    }
    *seconds = h * 3600 + m * 60 + s + part;
    return true;
}

/* Z, or +hh:mm, or nothing. */
static bool take_zone(const char **p, double *seconds)
{
    double ahead;
    if (!**p || take(p, 'Z')) return true;
    int sign = take(p, '+') ? 1 : take(p, '-') ? -1 : 0;
    if (!sign || !take_clock(p, &ahead)) return false;
    *seconds -= sign * ahead;
    return true;
}

bool anl__cell_time(const char *cell, double *out)
{
    const char *p = cell;
    int64_t days = 0;
    double seconds = 0;
    if (!take_date(&p, &days)) return false;
    if (*p && (!(take(&p, 'T') || take(&p, ' ')) || !take_clock(&p, &seconds) || !take_zone(&p, &seconds))) return false;
    if (*p) return false;
    *out = (double)days * 86400 + seconds;
    return true;
}

bool anl__cell_dated(const char *cell)
{
    const char *p = cell;
    int first = take_short(&p);
    char mark = first < 0 ? 0 : *p;
    if (!mark || !strchr("/-.", mark) || !take(&p, mark)) return false;
    int second = take_short(&p);
    if (second < 0 || !take(&p, mark)) return false;
    size_t n = strspn(p, "0123456789");
    return first <= 31 && second <= 31 && (n == 2 || n == 4) && (!p[n] || strchr(" T,", p[n]));
}
