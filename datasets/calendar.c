/* Calendar features of a row: what is known ahead, as points on circles (series_inside.h). */
#include "datasets/series_inside.h"

#include <math.h>

static const double full_turn = 6.283185307179586476925286766559;

/* Year, month (0 .. 11) and day of the year of a day since 1970-01-01 (Gregorian, any sign), after the days-to-civil algorithm
   of H. Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March, so that the leap day is the last. */
static void civil(int64_t days, int *month, int *yearday, int *year_days)
{
    static const int before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t of_era = z - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t m = (5 * of_year + 2) / 153, day = of_year - (153 * m + 2) / 5;
    *month = (int)(m < 10 ? m + 2 : m - 10);
    int64_t year = year_of_era + era * 400 + (*month <= 1);
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    *yearday = before[*month] + (int)day + (leap && *month > 1);
    *year_days = leap ? 366 : 365;
}

const char *anl__calendar_name(int part)
{
    static const char *const name[ANL__CALENDAR_PARTS] = {"hour", "weekday", "month", "yearday"};
    return name[part];
}

static int turn(float *out, int n, double share)
{
    if (out) {
        out[n] = (float)sin(full_turn * share);
        out[n + 1] = (float)cos(full_turn * share);
    }
    return n + 2;
}

int anl__calendar_features(const anl__series_fit *f, int64_t row, double time, float *out)
{
    int n = 0, month = 0, yearday = 0, year_days = 365;
    double day = floor(time / 86400);
    if (out && f->calendar) civil((int64_t)day, &month, &yearday, &year_days);
    double weekday = fmod(fmod(day + 3, 7) + 7, 7); /* 1970-01-01 was a Thursday */
    const double share[ANL__CALENDAR_PARTS] = {(time - day * 86400) / 86400, weekday / 7, month / 12.0, (double)yearday / year_days};
    for (int p = 0; p < ANL__CALENDAR_PARTS; p++)
        if (f->calendar & (1u << p)) n = turn(out, n, share[p]);
    for (int p = 0; p < ANL__SERIES_PERIODS && f->period[p]; p++) n = turn(out, n, (double)((row % f->period[p] + f->period[p]) % f->period[p]) / (double)f->period[p]);
    return n;
}
