/* Models of sequences as a user runs them: they learn, resume to the bit inside an epoch with carried state, answer, and name what is
 * wrong with their data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"
#include "runtime/base/philox.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char data[1 << 18];

static uint32_t draw(uint32_t i)
{
    return anl__philox(5, i, 0, 0, 0).v[0];
}

static const char *const digit[] = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"};

static void write_text(const cli *c)
{
    size_t n = 0;
    for (uint32_t i = 0; n < 9000; i++) n += (size_t)sprintf(data + n, "%s%s", digit[draw(i) % 10], i % 9 == 8 ? ".\n" : " ");
    cli_write(c, "text.txt", data);
    cli_write(c, "text.yaml", "model: {name: charlm, cell: gru, units: 24, embed: 8, num_layers: 2, dropout: 0.1}\ndata: {path: text.txt, chunk: 12, validation: 0.1, test: 0.1}\n"
                              "train: {batch: 8, epochs: 2, seed: 3, clip_norm: 1}\noptim: {lr: 0.01}\ncheckpoint: {every: 5 steps}\n");
}

static void write_series(const cli *c)
{
    size_t n = (size_t)sprintf(data, "load,heat\n");
    for (uint32_t t = 0; t < 400; t++)
        n += (size_t)sprintf(data + n, "%.3f,%.3f\n", 100 + 20 * sin(0.5236 * t) + (double)(draw(t) % 100) / 50, 10 + (double)(draw(t + 999) % 100) / 25);
    cli_write(c, "series.csv", data);
    cli_write(c, "series.yaml", "model: {name: forecaster, cell: lstm, units: 12}\n"
                                "data: {path: series.csv, targets: [load], inputs: [heat], window: 24, horizon: 6, difference: 12, periods: [12], validation: 0.1, test: 0.2}\n"
                                "train: {batch: 16, epochs: 2, seed: 3}\noptim: {lr: 0.01}\ncheckpoint: {every: 3 steps}\n");
}

static void write_pairs(const cli *c)
{
    size_t n = (size_t)sprintf(data, "source\ttarget\n");
    for (uint32_t i = 0; i < 300; i++) {
        uint32_t v = draw(i) % 900 + 100;
        n += (size_t)sprintf(data + n, "%u %u %u\t%s %s %s\n", v / 100, v / 10 % 10, v % 10, digit[v / 100], digit[v / 10 % 10], digit[v % 10]);
    }
    cli_write(c, "pairs.tsv", data);
    cli_write(c, "pairs.yaml", "model: {name: seq2seq, cell: gru, units: 24, embed: 12, bidirectional: true, attention: general}\n"
                               "data: {path: pairs.tsv, tokens: word, buckets: 2, validation: 0.1, test: 0.1}\ntrain: {batch: 16, epochs: 2, seed: 3, clip_norm: 1}\n"
                               "optim: {lr: 0.01}\ncheckpoint: {every: 4 steps}\n");
}

static void write_labelled(const cli *c)
{
    size_t n = (size_t)sprintf(data, "label,text\n");
    for (uint32_t i = 0; i < 240; i++) {
        bool good = draw(i) % 3 != 0;
        n += (size_t)sprintf(data + n, "%s,", good ? "good" : "bad");
        for (uint32_t k = 0; k < 3 + draw(i + 500) % 6; k++) n += (size_t)sprintf(data + n, "%s ", digit[draw(i * 31 + k) % 8]);
        n += (size_t)sprintf(data + n, "%s\n", digit[good ? 8 : 9]);
    }
    cli_write(c, "labelled.csv", data);
    cli_write(c, "labelled.yaml", "model: {name: seqclassifier, cell: lstm, units: 12, embed: 8, bidirectional: true, pool: max}\n"
                                  "data: {path: labelled.csv, text: text, label: label, tokens: word, buckets: 2, validation: 0.1, test: 0.2}\n"
                                  "train: {batch: 16, epochs: 2, seed: 3}\noptim: {lr: 0.01}\nloss: {class_weights: balanced}\ncheckpoint: {every: 3 steps}\n");
}

/* ---- runs -------------------------------------------------------------------------------------- */

static void rest(uint32_t ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000L};
    nanosleep(&t, NULL);
}

/* Killed at moments of an epoch again and again, and run with other threads: the same weights. */
static void same_bits(cli *c, const char *name)
{
    char want[65], got[65], words[128], run[64];
    snprintf(words, sizeof words, "train %s.yaml --run %s", name, name);
    cli_expect(c, 0, words);
    cli_digest(c, name, want);
    snprintf(words, sizeof words, "train %s.yaml --run %s-1 threads=1", name, name);
    cli_expect(c, 0, words);
    snprintf(run, sizeof run, "%s-1", name);
    cli_digest(c, run, got);
    assert_string_equal(got, want);
    int kills = 0;
    for (uint32_t r = 0; kills < 3; r++) {
        int code = 1;
        snprintf(run, sizeof run, "%s-kill%u", name, r);
        snprintf(words, sizeof words, "train %s.yaml --run %s", name, run);
        for (uint32_t k = 0; code != 0; k++) {
            int pid = cli_start(c, words);
            rest(20 + 12 * k + draw(r * 64 + k) % 100);
            kill(pid, SIGKILL);
            code = cli_wait(pid);
            assert_true(code == 0 || code == 128 + SIGKILL);
            kills += code != 0;
            cli_verify(c, run);
            if (k > 400) fail_msg("the run does not come to its end");
        }
        cli_digest(c, run, got);
        assert_string_equal(got, want);
        cli_log_once(c, run);
    }
}

static void text(void **state)
{
    cli *c = *state;
    char first[4096];
    same_bits(c, "text");
    cli_expect(c, 0, "eval text");
    cli_says(c, "bits a character");
    cli_expect(c, 0, "eval text --data text.txt"); /* all of it */
    cli_says(c, "8999 tokens");
    cli_expect(c, 0, "predict text --prompt one --length 40 --temperature 0.8 --top-k 5 --seed 7");
    assert_int_equal(strncmp(c->out, "one", 3), 0);
    assert_true(strlen(c->out) >= 43);
    snprintf(first, sizeof first, "%.4000s", c->out);
    cli_expect(c, 0, "predict text --prompt one --length 40 --temperature 0.8 --top-k 5 --seed 7");
    assert_string_equal(c->out, first);
    cli_expect(c, 0, "predict text --prompt one --length 40 --temperature 0.8 --top-k 5 --seed 8");
    assert_string_not_equal(c->out, first);
}

static void series(void **state)
{
    cli *c = *state;
    same_bits(c, "series");
    cli_expect(c, 0, "eval series");
    cli_says(c, "seasonal naive, lag 12");
    cli_says(c, "ridge regression");
    size_t n = (size_t)sprintf(data, "load,heat\n"); /* a series that the model has never seen */
    for (uint32_t t = 0; t < 50; t++) n += (size_t)sprintf(data + n, "%.3f,12\n", 50 + 5 * sin(0.5236 * t));
    cli_write(c, "new.csv", data);
    cli_expect(c, 0, "predict series new.csv");
    int lines = 0;
    double sum = 0, v;
    for (char *p = strchr(c->out, '\n'); p && sscanf(p, "\n%*d,%lf", &v) == 1; p = strchr(p + 1, '\n'), lines++) sum += v;
    assert_int_equal(lines, 6);
    assert_true(fabs(sum / 6 - 50) < 10);
    cli_write(c, "short.csv", "load,heat\n1,2\n3,4\n");
    cli_expect(c, 3, "predict series short.csv");
    cli_says(c, "short.csv has 2 rows; the model needs 36");
    cli_write(c, "other.csv", "lode,heat\n1,2\n3,4\n");
    cli_expect(c, 3, "predict series other.csv");
    cli_says(c, "has no column \"load\"; did you mean \"lode\"?");
}

/* A category is a learnt vector in place of columns of its own; without one there is nothing to embed. */
static void categories(void **state)
{
    cli *c = *state;
    size_t n = (size_t)sprintf(data, "load,day\n");
    for (uint32_t t = 0; t < 300; t++) n += (size_t)sprintf(data + n, "%.2f,%s\n", t % 3 == 1 ? 20.0 : 10 + (double)(draw(t) % 10) / 10, digit[t % 3]);
    cli_write(c, "days.csv", data);
    cli_write(c, "days.yaml", "model: {name: forecaster, cell: gru, units: 8, category_embed: 2}\n"
                              "data: {path: days.csv, targets: [load], inputs: [day], window: 6, validation: 0.1, test: 0.2}\n"
                              "train: {batch: 16, epochs: 8, seed: 3}\noptim: {lr: 0.02}\n");
    cli_expect(c, 0, "train days.yaml --run days");
    cli_expect(c, 0, "predict days days.csv");
    cli_says(c, "load");
    cli_expect(c, 2, "train days.yaml --run no-days data.inputs=[]");
    cli_says(c, "model.category_embed is 2, but no column of data.inputs is a category");
}

static void pairs(void **state)
{
    cli *c = *state;
    same_bits(c, "pairs");
    cli_expect(c, 0, "eval pairs");
    cli_says(c, "nearest training source");
    char words[256] = "train pairs.yaml --run longer train.epochs=25";
    cli_expect(c, 0, words);
    cli_write(c, "ask.txt", "4 2 7\n1 1 9\n");
    cli_expect(c, 0, "predict longer ask.txt --beam 3");
    cli_says(c, "four two seven");
    cli_says(c, "one one nine");
    cli_expect(c, 0, "predict longer ask.txt --beam 1");
    cli_says(c, "four two seven");
    cli_write(c, "ask.tsv", "source\ttarget\n4 2 7\tnone\n");
    cli_expect(c, 0, "predict longer ask.tsv");
    assert_string_equal(c->out, "four two seven\n");
}

/* Translations of alike sources are read too; the memory is in the checkpoint. */
static void alike(void **state)
{
    cli *c = *state;
    cli_write(c, "alike.yaml", "model: {name: seq2seq, cell: gru, units: 24, embed: 12, bidirectional: true, attention: additive}\n"
                               "data: {path: pairs.tsv, tokens: word, similar: 2, buckets: 2, validation: 0.1, test: 0.1}\ntrain: {batch: 16, epochs: 2, seed: 3, clip_norm: 1}\n"
                               "optim: {lr: 0.01}\ncheckpoint: {every: 4 steps}\n");
    same_bits(c, "alike");
    cli_expect(c, 0, "eval alike");
    cli_says(c, "nearest training source");
    cli_expect(c, 0, "train alike.yaml --run longer-alike train.epochs=40");
    cli_shell(c, "mv pairs.tsv gone.tsv");
    cli_write(c, "ask.txt", "4 2 7\n");
    cli_expect(c, 0, "predict longer-alike ask.txt");
    cli_says(c, "four two seven");
    cli_write(c, "test.tsv", "source\ttarget\n4 2 7\tfour two seven\n");
    cli_expect(c, 0, "eval longer-alike --data test.tsv");
    cli_says(c, "100.00      0.00    1.0000");
    cli_shell(c, "mv gone.tsv pairs.tsv");
    cli_expect(c, 2, "train text.yaml data.similar=1");
    cli_says(c, "data.similar");
}

static void labelled(void **state)
{
    cli *c = *state;
    same_bits(c, "labelled");
    cli_expect(c, 0, "train labelled.yaml --run longer-labels train.epochs=15");
    cli_says(c, "logistic regression (bag of words");
    cli_says(c, "class bad at probability");
    cli_write(c, "ask.txt", "one two nine\n\n  \t \r\none two three eight\n"); /* blank lines are no texts */
    cli_expect(c, 0, "predict longer-labels ask.txt");
    double p[2];
    assert_int_equal(sscanf(c->out, "text,class,probability\none two nine,bad,%lf\none two three eight,good,%lf\n", &p[0], &p[1]), 2);
    assert_true(p[0] > 0.5 && p[0] <= 1 && p[1] > 0.5 && p[1] <= 1);
    cli_write(c, "ask.csv", "id,text\n17,\"one two nine\"\n18,one two three eight\n"); /* a table: its column, not its lines */
    double q[2];
    cli_expect(c, 0, "predict longer-labels ask.csv");
    assert_int_equal(sscanf(c->out, "text,class,probability\none two nine,bad,%lf\none two three eight,good,%lf\n", &q[0], &q[1]), 2);
    assert_true(q[0] == p[0] && q[1] == p[1]);
    assert_null(strstr(c->err, "vocabulary"));
    cli_write(c, "ask.csv", "id,text\n17,one two\n18,\n");
    cli_expect(c, 3, "predict longer-labels ask.csv");
    cli_says(c, "ask.csv:3: column text: there is no text");
    cli_write(c, "ask.csv", "one two nine\nsix one, two three eight\n"); /* lines, whatever the name */
    cli_expect(c, 0, "predict longer-labels ask.csv");
    cli_says(c, "note: ask.csv: 1 tokens, in 1 of 2 texts, are not in the model's vocabulary");
}

/* ---- what is wrong with data -------------------------------------------------------------------- */

static void bad_data(void **state)
{
    cli *c = *state;
    static const struct { const char *file, *text, *words, *says; } bad[] = {
        {"b.csv", "load,heat\n1,2\n3\n", "train series.yaml data.path=b.csv", "b.csv:3"},
        {"b.csv", "load,heat\n1,2\nx,4\n2,3\n5,6\n", "train series.yaml data.path=b.csv", "b.csv:3: column load: \"x\" is no number"},
        {"b.csv", "load,heat\n1,2\n,4\n2,3\n5,6\n", "train series.yaml data.path=b.csv", "b.csv:3"},
        {"b.csv", "", "train series.yaml data.path=b.csv", "b.csv"},
        {"b.txt", "one tw\xff o three", "train text.yaml data.path=b.txt", "UTF-8"},
        {"b.txt", "", "train text.yaml data.path=b.txt", "b.txt"},
        {"b.tsv", "source\ttarget\na\tb\nc\n", "train pairs.yaml data.path=b.tsv", "b.tsv:3"},
        {"b.tsv", "sauce\ttarget\na\tb\n", "train pairs.yaml data.path=b.tsv", "source"},
        {"b.csv", "label,text\ngood,\n", "train labelled.yaml data.path=b.csv", "b.csv"},
        {"b.csv", "label,txt\ngood,a\n", "train labelled.yaml data.path=b.csv", "text"},
        {"b.csv", "label,text\ngood,a\n", "train labelled.yaml data.path=nowhere.csv", "nowhere.csv"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cli_write(c, bad[i].file, bad[i].text);
        cli_expect(c, 3, bad[i].words);
        cli_says(c, bad[i].says);
    }
    cli_expect(c, 2, "train series.yaml data.targets=[]");
    cli_says(c, "data.targets names no column to predict");
    cli_expect(c, 3, "train series.yaml data.targets=[lode]");
    cli_says(c, "did you mean \"load\"?");
    cli_expect(c, 2, "train labelled.yaml model.cell=cnn model.num_layers=2");
    cli_says(c, "model.num_layers 2");
}

/* Without a validation part the last epoch is the best. */
static void describe(void **state)
{
    cli *c = *state;
    cli_write(c, "mixed.csv", "day,load,kind\n2024-03-01,1.5,a\n2024-03-02,NA,\"b,c\"\n2024-03-03,4.5,a\n");
    cli_expect(c, 0, "data describe mixed.csv");
    static const char *const lines[] = {"rows         3", "columns      3", "missing 0, time, 2024-03-01 to 2024-03-03", "missing 1, number, 1.5 to 4.5, mean 3",
                                        "missing 0, text, 2 different: a 2, b,c 1"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strstr(c->out, lines[i])) fail_msg("no '%s' in:\n%s", lines[i], c->out);
    cli_write(c, "few.txt", "abba\n\xc3\xa9\n");
    cli_expect(c, 0, "data describe few.txt");
    assert_non_null(strstr(c->out, "bytes        8\ncharacters   7, 4 different\n"));
    cli_write(c, "ragged.csv", "a,b\n1,2\n3\n");
    cli_expect(c, 3, "data describe ragged.csv");
    cli_says(c, "ragged.csv:3");
    cli_write(c, "latin.txt", "caf\xe9\n");
    cli_expect(c, 3, "data describe latin.txt");
    cli_says(c, "latin.txt");
}

static void no_validation(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train series.yaml --run whole-fit data.validation=0");
    cli_says(c, "(the last)");
}

static int setup(void **state)
{
    static cli c;
    cli_begin(&c);
    write_text(&c);
    write_series(&c);
    write_pairs(&c);
    write_labelled(&c);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(text), cmocka_unit_test(series), cmocka_unit_test(categories), cmocka_unit_test(pairs), cmocka_unit_test(alike), cmocka_unit_test(labelled), cmocka_unit_test(bad_data),
                                       cmocka_unit_test(no_validation), cmocka_unit_test(describe)};
    return cmocka_run_group_tests_name("cli/sequence", tests, setup, teardown);
}
