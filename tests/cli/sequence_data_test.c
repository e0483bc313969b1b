/* What a user gives to models of sequences, and what is said of it: unused columns, missing values, gaps and doubled times, categories
 * that look like numbers, windows without classes, other data for evaluation, options and keys that do not go with the model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char data[1 << 18];

/* Hourly rows from 2024-01-01; `notes` is a column that no model reads. */
static size_t hours(char *out, int from, int to)
{
    size_t n = 0;
    for (int t = from; t < to; t++)
        n += (size_t)sprintf(out + n, "2024-01-%02dT%02d:00,%.3f,%d,%s\n", 1 + t / 24, t % 24, 50 + 10 * sin(0.5236 * t) + (t * 7919 % 13) / 10.0, t % 4, t % 5 ? "NA" : "seen");
    return n;
}

static void write_hours(const cli *c, const char *name, const char *more)
{
    size_t n = (size_t)sprintf(data, "when,load,shift,notes\n");
    n += hours(data + n, 0, 200);
    n += (size_t)sprintf(data + n, "%s", more);
    hours(data + n, 204, 300);
    cli_write(c, name, data);
}

/* The column of notes is full of missing values, and nobody asked for it. */
static void unused_columns(void **state)
{
    cli *c = *state;
    write_hours(c, "hours.csv", "");
    cli_expect(c, 0, "train hours.yaml --run plain");
    cli_says(c, "gaps in time: 1 (first before line 202), left as they are");
}

static void gaps_and_doubles(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train hours.yaml --limit-batches 1 train.epochs=1 data.periods=[5]");
    cli_says(c, "note: data.periods are counted in rows, so that each gap moves them against the time");
    cli_expect(c, 3, "train hours.yaml --run a data.gaps=refuse");
    cli_says(c, "hours.csv:202: column when: a gap of 4 rows before this one");
    cli_expect(c, 3, "train hours.yaml --run b data.gaps=fill");
    cli_says(c, "data.missing");
    cli_expect(c, 0, "train hours.yaml --run c data.gaps=fill data.missing=interpolate");
    cli_says(c, "rows put into gaps: 4");
    cli_says(c, "values filled: 4");
    write_hours(c, "doubled.csv", "2024-01-09T08:00,1,1,x\n2024-01-09T08:00,2,2,x\n");
    cli_expect(c, 3, "train hours.yaml --run d data.path=doubled.csv");
    cli_says(c, "doubled.csv:203: column when: the same time as line 202");
    cli_says(c, "data.doubled");
    cli_expect(c, 0, "train hours.yaml --run e data.path=doubled.csv data.doubled=drop");
    cli_says(c, "rows of a time that was there already: 1 (first in line 203), left out");
    write_hours(c, "holes.csv", "2024-01-09T08:00,,1,x\n2024-01-09T09:00,?,2,x\n");
    cli_expect(c, 3, "train hours.yaml --run f data.path=holes.csv");
    cli_says(c, "holes.csv:202: column load: the value is missing");
    cli_says(c, "data.missing");
    cli_expect(c, 0, "train hours.yaml --run g data.path=holes.csv data.missing=drop");
    cli_says(c, "missing values: 2 (first in line 202)");
    cli_says(c, "rows dropped for missing values: 2");
    cli_expect(c, 0, "train hours.yaml --run h data.path=holes.csv data.missing=ffill");
    cli_says(c, "values filled: 2");
}

/* A number that is a name: one column a level. */
static void declared_categories(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train hours.yaml --run numbers data.inputs=[shift] --dry-run");
    cli_says(c, "16x8x2");
    cli_expect(c, 0, "train hours.yaml --run named data.inputs=[shift] data.categories=[shift] --dry-run");
    cli_says(c, "16x8x5");
    cli_expect(c, 2, "train hours.yaml --run named data.categories=[shift]");
    cli_says(c, "data.categories");
}

static void forecast(cli *c, const char *words, double out[4])
{
    cli_expect(c, 0, words);
    const char *p = c->out;
    for (int i = 0; i < 4; i++) {
        p = strchr(p, '\n');
        assert_non_null(p);
        assert_int_equal(sscanf(++p, "%*d,%*[^,],%lf", &out[i]), 1);
    }
}

/* With a column of times, a period goes on where the training rows had it: wherever the new file begins. */
static void phase_of_periods(void **state)
{
    cli *c = *state;
    double whole[4], tail[4];
    size_t n = (size_t)sprintf(data, "when,load,shift,notes\n");
    hours(data + n, 0, 300);
    cli_write(c, "even.csv", data);
    cli_expect(c, 0, "train hours.yaml --run phase data.path=even.csv data.periods=[5] train.epochs=3 optim.lr=0.02");
    forecast(c, "predict phase even.csv", whole);
    cli_says(c, "step,when,load\n1,2024-01-13T12:00:00,");
    hours(data + n, 251, 300);
    cli_write(c, "tail.csv", data);
    forecast(c, "predict phase tail.csv", tail);
    for (int i = 0; i < 4; i++) assert_float_equal(tail[i], whole[i], 1e-4);
    n = (size_t)sprintf(data, "load\n");
    for (int t = 0; t < 300; t++) n += (size_t)sprintf(data + n, "%d\n", t % 5 * 10 + t % 7);
    cli_write(c, "timeless.csv", data);
    cli_expect(c, 0, "train hours.yaml --run timeless data.path=timeless.csv data.periods=[5,12]");
    cli_expect(c, 0, "predict timeless timeless.csv");
    cli_says(c, "counted from the file's first row");
}

/* Every target has a row of its own; a window that ridge regression cannot take costs only its row; no number is null. */
static void series_report(void **state)
{
    cli *c = *state;
    size_t n = (size_t)sprintf(data, "a,b,zero\n");
    for (int t = 0; t < 300; t++) n += (size_t)sprintf(data + n, "%d,%d,0\n", t % 6 + t * 31 % 4, t % 5 * 100 + t * 17 % 9);
    cli_write(c, "two.csv", data);
    cli_expect(c, 0, "train two.yaml --run two");
    cli_says(c, "\n  of a ");
    cli_says(c, "\n  of b ");
    cli_expect(c, 0, "eval two --json");
    cli_says(c, "\"targets\":{\"a\":{");
    cli_expect(c, 0, "train two.yaml --run nothing data.targets=[zero]");
    cli_expect(c, 0, "eval nothing --json");
    cli_says(c, "\"mape\":null");
    n = (size_t)sprintf(data, "load");
    for (int k = 0; k < 130; k++) n += (size_t)sprintf(data + n, ",c%d", k);
    for (int t = 0; t < 160; t++) {
        n += (size_t)sprintf(data + n, "\n%d", t % 6);
        for (int k = 0; k < 130; k++) n += (size_t)sprintf(data + n, ",%d", (t * (k + 3)) % 7);
    }
    cli_write(c, "wide.csv", data);
    char list[1024] = "train wide.yaml --run wide data.inputs=[c0";
    for (int k = 1; k < 130; k++) sprintf(list + strlen(list), ",c%d", k);
    cli_expect(c, 0, strcat(list, "]"));
    cli_says(c, "ridge regression: left out");
}

static void windows(void **state)
{
    cli *c = *state;
    size_t n = (size_t)sprintf(data, "window,label,x\n");
    for (int i = 0; i < 120; i++)
        for (int t = 0; t < 4 + i % 3; t++) n += (size_t)sprintf(data + n, "w%d,%s,%d\n", i, i % 4 ? "ok" : "bad", (i % 4 ? 1 : 9) + (i + t) % 2);
    cli_write(c, "windows.csv", data);
    cli_expect(c, 0, "train windows.yaml --run windows");
    cli_write(c, "new.csv", "window,x\nfirst,9\nfirst,10\nfirst,9\nsecond,1\nsecond,2\nsecond,2\nsecond,1\nsecond,1\nsecond,2\nsecond,1\nsecond,1\n");
    cli_expect(c, 0, "predict windows new.csv --probabilities");
    assert_int_equal(strncmp(c->out, "window,class,probability,bad,ok\nfirst,bad,0.", 44), 0);
    cli_says(c, "\nsecond,ok,");
    cli_expect(c, 0, "predict windows new.csv --format jsonl");
    cli_says(c, "{\"window\":\"first\",\"class\":\"bad\",\"probability\":0.");
    cli_write(c, "bad.csv", "window,y\nfirst,9\n");
    cli_expect(c, 3, "predict windows bad.csv");
    cli_says(c, "bad.csv has no column \"x\"");
    cli_expect(c, 2, "predict windows");
    cli_says(c, "a table with the columns window and x");
    cli_expect(c, 2, "predict windows --text hello");
}

/* A column's name that needs quotes has them in the header of a forecast, too. */
static void quoted_target(void **state)
{
    cli *c = *state;
    size_t n = (size_t)sprintf(data, "\"load, kW\"\n");
    for (int t = 0; t < 120; t++) n += (size_t)sprintf(data + n, "%d\n", t % 5);
    cli_write(c, "quoted.csv", data);
    cli_write(c, "quoted.yaml", "model: {name: forecaster, units: 4}\ndata: {path: quoted.csv, targets: [\"load, kW\"], window: 8, horizon: 2, validation: 0.2, test: 0.2}\n"
                                "train: {batch: 16, epochs: 1}\n");
    cli_expect(c, 0, "train quoted.yaml --run quoted");
    cli_expect(c, 0, "predict quoted quoted.csv");
    assert_int_equal(strncmp(c->out, "step,\"load, kW\"\n1,", 18), 0);
}

/* Dates whose mark says which number is the day are times; others are told of, and are none. */
static void other_dates(void **state)
{
    cli *c = *state;
    cli_shell(c, "for d in $(seq 1 28); do echo \"$d.02.2023,$d\"; done > body; (echo when,load; cat body body | awk -F, '{ split($1, d, \".\"); m = NR > 28 ? 3 : 2; print d[1] \".\" m \".2023,\" $2 }') > dots.csv; "
                 "sed 's:^\\([0-9]*\\)\\.\\([0-9]*\\)\\.:\\2/\\1/:' dots.csv > slashes.csv");
    cli_write(c, "dates.yaml", "model: {name: forecaster, units: 4}\ndata: {path: dots.csv, targets: [load], window: 8, horizon: 2, validation: 0.2, test: 0.2}\ntrain: {batch: 8, epochs: 1}\n");
    cli_expect(c, 0, "train dates.yaml --run dots");
    assert_null(strstr(c->err, "looks like dates"));
    cli_expect(c, 0, "predict dots dots.csv");
    cli_says(c, "step,when,load\n1,2023-03-29T00:00:00,");
    cli_expect(c, 0, "train dates.yaml --run slashes data.path=slashes.csv");
    cli_says(c, "note: slashes.csv: column when looks like dates (\"2/1/2023\"), but which number is the day is not known: it is left alone, and the rows have no times");
    cli_expect(c, 3, "train dates.yaml --run named data.path=slashes.csv data.time=when");
    cli_says(c, "is no date or time that is understood (2024-03-13, 2024/03/13 or 13.03.2024");
    cli_expect(c, 0, "data describe slashes.csv");
    cli_says(c, "looks like dates, of which the day is not known");
}

/* Another file without a column of parts is read whole; one with it gives its test part. */
static void other_data(void **state)
{
    cli *c = *state;
    cli_write(c, "other.csv", "window,label,x\na,ok,1\na,ok,2\nb,bad,9\nb,bad,9\nc,ok,1\nc,ok,1\n");
    cli_expect(c, 0, "eval windows --data other.csv");
    cli_says(c, "3 samples");
    cli_write(c, "parts.csv", "part,window,label,x\ntrain,a,ok,1\ntrain,a,ok,2\ntest,b,bad,9\ntest,b,bad,9\n");
    cli_expect(c, 0, "eval windows --data parts.csv");
    cli_says(c, "1 samples");
    cli_write(c, "pairs.tsv", "source\ttarget\none\teins\ntwo\tzwei\nthree\tdrei\nfour\tvier\nfive\tf\xc3\xbcnf\nsix\tsechs\nseven\tsieben\neight\tacht\nnine\tneun\nten\tzehn\n");
    cli_expect(c, 0, "train pairs.yaml --run pairs");
    cli_write(c, "more.tsv", "source\ttarget\none\teins\neleven\telf\n");
    cli_expect(c, 0, "eval pairs --data more.tsv");
    cli_says(c, "over 2 sources");
}

/* What the vocabulary lacks, and what is cut or left out, is counted. */
static void counted(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train pairs.yaml --run short data.longest=4");
    cli_says(c, "left out");
    cli_write(c, "labelled.csv", "part,label,text\ntrain,a,x y z\ntrain,b,y y y\ntrain,a,x x x\ntest,a,x q q\ntest,b,y y\nvalid,a,x x x x\nvalid,b,y q\n");
    cli_expect(c, 0, "train labelled.yaml --run labelled");
    cli_says(c, "2 of the test part's tokens are not in the vocabulary");
    cli_says(c, "1 of the valid part's tokens are not in the vocabulary");
    cli_says(c, "1 tokens behind the first 3 of a text are cut off");
    cli_write(c, "long.txt", "x y z x q\nx y z\n");
    cli_expect(c, 0, "predict labelled long.txt");
    cli_says(c, "note: long.txt: 2 tokens at the end of 1 texts are not read"); /* a note a file */
    assert_int_equal(strncmp(c->out, "text,class,probability\nx y z x q,", 33), 0);
    cli_write(c, "commas.txt", "x, \"y\"\n");
    cli_expect(c, 0, "predict labelled commas.txt long.txt --probabilities"); /* one header, whatever follows */
    assert_int_equal(strncmp(c->out, "text,class,probability,a,b\n\"x, \"\"y\"\"\",", 38), 0);
    assert_null(strstr(c->out + 1, "text,class"));
    cli_write(c, "none.txt", "");
    cli_expect(c, 0, "predict labelled none.txt");
    assert_string_equal(c->out, "text,class,probability\n");
    cli_expect(c, 0, "predict labelled long.txt --format jsonl");
    assert_int_equal(c->out[0], '{');
    cli_shell(c, ANL_PROGRAM " predict labelled --text 'x y z x q' 2> said && grep -q \"note: the last 2 tokens of 'x y z x q' are not read\" said");
}

static void text_beside(void **state)
{
    cli *c = *state;
    size_t n = 0;
    for (int i = 0; i < 900; i++) n += (size_t)sprintf(data + n, "%s ", i % 3 ? i % 7 ? "abc" : "de" : "fgh");
    cli_write(c, "text.txt", data);
    cli_write(c, "text.yaml", "model: {name: charlm, cell: gru, units: 8, embed: 4}\ndata: {path: text.txt, chunk: 12, validation: 0.1, test: 0.1, compressors: [gzip -9n, 'no-such-program -9']}\n"
                              "train: {batch: 8, epochs: 1, seed: 3}\n");
    cli_expect(c, 0, "train text.yaml --run text");
    cli_says(c, "bits a character");
    cli_says(c, "gzip -9n, the whole text");
    cli_says(c, "no-such-program -9: left out (");
    cli_expect(c, 0, "eval text"); /* a checkpoint may come from anybody */
    cli_says(c, "gzip -9n: left out (commands of a checkpoint are not run; give data.compressors here)");
    cli_expect(c, 0, "eval text --json data.compressors=[gzip]");
    cli_says(c, "\"compressed\":{\"gzip\":0.");
    cli_expect(c, 0, "predict text --prompt \xc3\xa9 --length 5");
    cli_says(c, "note: 1 tokens of");
    cli_expect(c, 2, "predict text --length 1.5");
    cli_expect(c, 2, "predict text --seed 1e30");
    cli_expect(c, 2, "predict text --temperature nan");
    cli_expect(c, 2, "predict text --beam 3");
    cli_says(c, "--beam");
    cli_expect(c, 2, "predict pairs --text one --beam 0");
    cli_expect(c, 2, "train pairs.yaml --run deep model.num_layers=9"); /* and not when it is to answer */
    cli_says(c, "seq2seq has at most 8 layers of gru, not 9");
    cli_expect(c, 2, "train pairs.yaml --run deep model.num_layers=7 model.cell=lstm");
    cli_says(c, "at most 6 layers of lstm, not 7");
    cli_expect(c, 0, "train pairs.yaml --run deep model.num_layers=6 model.cell=lstm model.attention=additive");
    cli_write(c, "latin.txt", "\xEF\xBB\xBFone\n\ntw\xff\n");
    cli_expect(c, 3, "predict pairs latin.txt");
    cli_says(c, "latin.txt:3: invalid UTF-8: byte 0xff at 3 of the line");
    cli_expect(c, 2, "predict plain hours.csv --prompt x");
    cli_says(c, "--prompt");
}

/* Keys that would be without effect are refused. */
static void useless_keys(void **state)
{
    cli *c = *state;
    static const char *const bad[][2] = {
        {"train hours.yaml data.calendar=[weekdays]", "data.calendar"},
        {"train hours.yaml data.periods=[2,3,4,5,6,7,8,9,10]", "data.periods"},
        {"train hours.yaml data.folds=5", "data.folds"},
        {"train hours.yaml model.bidirectional=true", "model.bidirectional"},
        {"train hours.yaml model.cell=linear model.autoregressive=true", "model.autoregressive"},
        {"train text.yaml model.autoregressive=true", "model.autoregressive"},
        {"train text.yaml data.test=100", "data.test"},
        {"train text.yaml data.validation=100", "data.validation"},
        {"train text.yaml data.augment.flip=true", "data.augment"},
        {"train hours.yaml data.compressors=[gzip]", "data.compressors"},
        {"train labelled.yaml data.missing=drop", "data.missing"},
    };
    static const char *const none[][2] = {
        {"train text.yaml data.vocabulary=3", "data.vocabulary: is without effect where data.tokens is char"},
        {"train labelled.yaml data.classes=7", "data.classes"},
        {"train labelled.yaml model.attention=dot", "model.attention: is without effect: seqclassifier does not read it"},
        {"train windows.yaml data.longest=2", "data.longest"},
        {"train windows.yaml data.text=label", "data.group"},
        {"train hours.yaml data.sha256=abc", "data.sha256"},
        {"train hours.yaml data.targets=[load,load]", "names 'load' twice"},
        {"train text.yaml model.name=transformer", "model.cell"},
        {"train text.yaml model.cell=lstm model.num_layers=8", "charlm has at most 7 layers of lstm, not 8"},
        {"train pairs.yaml data.test=0.7 data.validation=0.5", "leave nothing to train on"},
        {"train recipe.yaml data.horizon=3", "data.horizon"},
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        cli_expect(c, 2, none[i][0]);
        cli_says(c, none[i][1]);
    }
    cli_expect(c, 3, "train hours.yaml data.validation=0.001");
    cli_says(c, "the part for validation is empty");
    cli_expect(c, 3, "train hours.yaml data.targets=[nothing]");
    cli_says(c, "hours.csv has no column \"nothing\": its columns are \"when\", \"load\", \"shift\", \"notes\"");
    cli_write(c, "one.csv", "label,text\na,x\na,y\na,z\na,z\na,z\na,z\na,z\na,z\na,z\na,z\n");
    cli_expect(c, 3, "train labelled.yaml data.path=one.csv");
    cli_says(c, "one class only");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cli_expect(c, 2, bad[i][0]);
        cli_says(c, bad[i][1]);
    }
}

/* Names are lines of what a checkpoint keeps. */
static void line_breaks(void **state)
{
    cli *c = *state;
    size_t n = (size_t)sprintf(data, "when,load,\"sh\nift\",note\n");
    for (int t = 0; t < 100; t++) n += (size_t)sprintf(data + n, "2024-%02d-%02d,%d,%d,%s\n", 1 + t / 28, 1 + t % 28, t % 7, t % 3, t == 50 ? "\"a\nb\"" : t % 2 ? "a" : "b");
    cli_write(c, "breaks.csv", data);
    cli_expect(c, 0, "train hours.yaml data.path=breaks.csv --run breaks");
    cli_expect(c, 3, "train hours.yaml data.path=breaks.csv data.inputs=[note]");
    cli_says(c, "breaks.csv:53: column \"note\": a category with a line break");
    cli_expect(c, 3, "train hours.yaml data.path=breaks.csv data.inputs=[\"sh\\nift\"]");
    cli_says(c, "has a line break in its name");
    cli_write(c, "classes.csv", "label,text\na,x\n\"b\nc\",y\na,z\n");
    cli_expect(c, 3, "train labelled.yaml data.path=classes.csv");
    cli_says(c, "classes.csv:3: column label: a class with a line break");
}

/* A count of items is a part's size as well as a fraction. */
static void counts_of_items(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train windows.yaml --run counts data.test=30 data.validation=20");
    cli_says(c, "to train on, 20 to validate, 30 to test");
    cli_says(c, "     30\n");
}

static int setup(void **state)
{
    static cli c;
    cli_begin(&c);
    cli_write(&c, "hours.yaml", "model: {name: forecaster, cell: gru, units: 6}\ndata: {path: hours.csv, targets: [load], window: 16, horizon: 4, validation: 0.1, test: 0.2}\n"
                                "train: {batch: 8, epochs: 1, seed: 3}\n");
    cli_write(&c, "two.yaml", "model: {name: forecaster, cell: linear}\ndata: {path: two.csv, targets: [a, b], window: 12, horizon: 2, test: 0.2}\ntrain: {batch: 32, epochs: 1}\n");
    cli_write(&c, "wide.yaml", "model: {name: forecaster, cell: gru, units: 4}\ndata: {path: wide.csv, targets: [load], window: 48, test: 0.2, validation: 0}\ntrain: {batch: 32, epochs: 1}\n");
    cli_write(&c, "windows.yaml", "model: {name: seqclassifier, cell: gru, units: 8, pool: mean}\ndata: {path: windows.csv, group: window, label: label, test: 0.2}\ntrain: {batch: 8, epochs: 12}\noptim: {lr: 0.02}\n");
    cli_write(&c, "pairs.yaml", "model: {name: seq2seq, cell: gru, units: 8, embed: 4}\ndata: {path: pairs.tsv, test: 0.2, validation: 0.1}\ntrain: {batch: 4, epochs: 1}\n");
    cli_write(&c, "labelled.yaml", "model: {name: seqclassifier, cell: gru, units: 4, embed: 4}\ndata: {path: labelled.csv, text: text, label: label, tokens: word, longest: 3}\ntrain: {batch: 2, epochs: 1}\n");
    *state = &c;
    return 0;
}

static int teardown(void **state)
{
    cli_end(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(unused_columns), cmocka_unit_test(gaps_and_doubles), cmocka_unit_test(declared_categories), cmocka_unit_test(phase_of_periods),
                                       cmocka_unit_test(series_report), cmocka_unit_test(windows), cmocka_unit_test(quoted_target), cmocka_unit_test(other_dates), cmocka_unit_test(other_data), cmocka_unit_test(counted), cmocka_unit_test(text_beside),
                                       cmocka_unit_test(useless_keys), cmocka_unit_test(counts_of_items), cmocka_unit_test(line_breaks)};
    return cmocka_run_group_tests_name("cli/sequence_data", tests, setup, teardown);
}
