/* Pictures as a user has them: trained from folders and tables, predicted by file, folder and pipe, evaluated on other folders,
 * described and split; and what is wrong is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"
#include "tests/common/pictures_fixture.h"

#include "datasets/picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EACH = 30, SIDE = 8 };
static const char *const classes[] = {"dark", "grey", "light"};

static const char recipe[] = "model: {name: sequential, layers: [flatten, {type: dense, units: 3}]}\ndata: {path: pics, validation: 0.2}\n"
                             "train: {batch: 16, epochs: 60}\noptim: {name: adam, lr: 0.02}\n";

/* A noisy picture of a class's brightness. */
static picture_file picture_of(int class, int i)
{
    uint8_t p[SIDE * SIDE];
    uint32_t s = (uint32_t)(class * 1000 + i) * 2654435761u + 1;
    for (int k = 0; k < SIDE * SIDE; k++) {
        s = s * 1664525u + 1013904223u;
        p[k] = (uint8_t)(class * 90 + (s >> 24) % 60);
    }
    return picture_png(SIDE, SIDE, PNG_GREY, 8, p);
}

static void put_picture(const cli *c, const char *name, int class, int i)
{
    char path[512];
    picture_file f = picture_of(class, i);
    snprintf(path, sizeof path, "%s/%s", c->dir, name);
    picture_put(path, &f);
    picture_free(&f);
}

/* dir/CLASS/00.png ...: n of each of the first classes. */
static void put_classes(const cli *c, const char *dir, int first, int n_classes, int n)
{
    char name[128];
    for (int k = first; k < first + n_classes; k++)
        for (int i = 0; i < n; i++) {
            snprintf(name, sizeof name, "%s/%s/%02d.png", dir, classes[k], i);
            put_picture(c, name, k, i + 50 * (int)strlen(dir));
        }
}

static int setup(void **state)
{
    cli_setup(state);
    put_classes(*state, "pics", 0, 3, EACH);
    cli_write(*state, "p.yaml", recipe);
    cli_expect(*state, 0, "train p.yaml --run run");
    return 0;
}

static int lines(const char *text)
{
    int n = 0;
    for (; (text = strchr(text, '\n')); text++) n++;
    return n;
}

static void test_train(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train p.yaml --run again");
    cli_says(c, "pics: pictures as 8x8x1, 3 classes: 65 to train on, 16 to validate, 9 to test");
    char hex[2][65];
    cli_digest(c, "run", hex[0]);
    cli_digest(c, "again", hex[1]);
    assert_string_equal(hex[0], hex[1]);
    cli_expect(c, 0, "train p.yaml --run bare data.cache=false");
    cli_digest(c, "bare", hex[1]);
    assert_string_equal(hex[0], hex[1]);
    cli_expect(c, 0, "eval run --json");
    cli_says(c, "\"samples\":9");
    cli_says(c, "\"accuracy\":1");
    /* brought to another size, which the model then has */
    cli_expect(c, 0, "train p.yaml --run small data.size=4 train.epochs=1");
    cli_says(c, "pictures as 4x4x1");
    cli_expect(c, 0, "train p.yaml --run flat data.size=[4,6] data.color=rgb data.fit=pad train.epochs=1");
    cli_says(c, "pictures as 4x6x3");
    cli_expect(c, 0, "predict flat pics/dark/00.png"); /* 8x8 grey, brought to the model's shape */
}

/* The first steps as docs/recipes.md has them, on smaller pictures. */
static void test_first_steps(void **state)
{
    cli *c = *state;
    cli_shell(c, "sed -n '/^## A folder of photographs/,/^## Models/p' " ANL_TESTS_DIR "/../docs/recipes.md | sed -n '/^```yaml/,/^```$/p' | sed '1d;$d' > photos.yaml && cp -r pics photos && test -s photos.yaml");
    cli_expect(c, 0, "train photos.yaml data.size=16 data.augment.crop=2 train.epochs=1 --run runs/photos");
    cli_says(c, "photos: pictures as 16x16x1, 3 classes: ");
    cli_says(c, "Next: anneal predict runs/photos, anneal eval runs/photos, anneal export runs/photos");
    cli_expect(c, 0, "eval runs/photos");
    cli_says(c, "  accuracy ");
    cli_expect(c, 0, "predict runs/photos pics/dark");
    cli_says(c, "file,sample,class,name,probability\npics/dark/00.png,0,");
    cli_expect(c, 0, "export runs/photos --out photos.safetensors");
}

/* What is not evaluated on is not read. */
static void test_quick_look(void **state)
{
    cli *c = *state;
    put_classes(c, "look/train", 0, 3, 10);
    put_classes(c, "look/test", 0, 3, 10);
    cli_expect(c, 0, "train p.yaml data.path=look --limit-batches 1 train.batch=6 train.epochs=1");
    cli_says(c, "look: pictures as 8x8x1, 3 classes: 24 to train on, 6 to validate\n");
    cli_says(c, "   6\n\nconfusion matrix"); /* the test part has 30 */
    cli_shell(c, "echo no > look/test/dark/01.png");
    cli_expect(c, 0, "train p.yaml data.path=look --limit-batches 1 train.batch=6 train.epochs=1");
    cli_expect(c, 0, "train p.yaml data.path=look --run looked --no-test train.epochs=1");
    cli_says(c, "24 to train on, 6 to validate\n");
    cli_expect(c, 3, "train p.yaml data.path=look --run refused train.epochs=1");
    cli_says(c, "look/test/dark/01.png");
}

static void test_predict(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "predict run pics/light/03.png");
    assert_int_equal(lines(c->out), 2);
    if (strncmp(c->out, "file,sample,class,name,probability\npics/light/03.png,0,2,light,", 63)) fail_msg("%s", c->out);
    cli_expect(c, 0, "predict run pics/dark pics/light/00.png --format jsonl");
    assert_int_equal(lines(c->out), EACH + 1);
    if (strncmp(c->out, "{\"file\":\"pics/dark/00.png\",\"sample\":0,\"class\":0,\"name\":\"dark\",\"probability\":", 76)) fail_msg("%s", c->out);
    cli_says(c, "{\"file\":\"pics/dark/29.png\",\"sample\":0,\"class\":0");
    cli_says(c, "{\"file\":\"pics/light/00.png\",\"sample\":0,\"class\":2");
    cli_shell(c, "mkdir mixed && cp pics/dark/00.png mixed && echo x > mixed/notes.txt");
    cli_expect(c, 0, "predict run mixed");
    cli_says(c, "mixed: 1 files are no pictures by their names, and are left out, the first mixed/notes.txt");
    cli_expect(c, 0, "predict run pics --probabilities");
    assert_int_equal(lines(c->out), 3 * EACH + 1);
    /* a pipe says the same as the file, but for the name */
    cli_shell(c, ANL_PROGRAM " predict run - < pics/grey/07.png > piped && " ANL_PROGRAM " predict run pics/grey/07.png > named && sed 's:pics/grey/07.png:-:' named | cmp - piped");
    cli_expect(c, 3, "predict run pics/nothing.png");
    cli_says(c, "pics/nothing.png: cannot be read: No such file");
    cli_shell(c, "mkdir -p none; head -c 100 pics/dark/00.png > cut.png");
    cli_expect(c, 3, "predict run none");
    cli_says(c, "none: no pictures there");
    cli_expect(c, 3, "predict run cut.png");
    cli_says(c, "cut.png: it is cut short");
}

static void test_eval_on_others(void **state)
{
    cli *c = *state;
    put_classes(c, "fewer", 1, 2, 5); /* grey and light only: the model's numbers, not the folder's */
    cli_expect(c, 0, "eval run --data fewer --json");
    cli_says(c, "\"samples\":10");
    cli_says(c, "\"accuracy\":1");
    put_classes(c, "more", 0, 1, 2);
    put_picture(c, "more/ligth/1.png", 2, 1);
    cli_expect(c, 3, "eval run --data more");
    cli_says(c, "'ligth' is none of the 3 classes (did you mean 'light'?)");
    put_classes(c, "parted/train", 0, 3, 2);
    put_classes(c, "parted/test", 0, 3, 4);
    cli_expect(c, 0, "eval run --data parted --json"); /* its own test part */
    cli_says(c, "\"samples\":12");
}

static void test_more_pictures(void **state)
{
    cli *c = *state;
    put_classes(c, "grow", 0, 3, 20);
    cli_expect(c, 0, "train p.yaml --run grown data.path=grow train.epochs=3 --until 1");
    put_picture(c, "grow/dark/99.png", 0, 99);
    cli_expect(c, 3, "train grown");
    cli_says(c, "the training data is not what this run began with");
    cli_shell(c, "rm grow/dark/99.png && touch grow/dark/*.png && echo text > grow/dark/note.txt");
    cli_expect(c, 0, "train grown"); /* other times are not other pictures */
    cli_says(c, "resumed at step");
}

static void test_values(void **state)
{
    cli *c = *state;
    cli_shell(c, "(echo name,bright,part; for k in dark:0 grey:1 light:2; do for i in 0 1 2; do for j in 0 1 2 3 4 5 6 7 8 9; do "
                 "p=train; test $i$j -gt 21 && p=valid; test $i$j -gt 25 && p=test; echo ${k%:*}/$i$j.png,${k#*:},$p; done; done; done) > values.csv");
    cli_write(c, "v.yaml", "model: {name: sequential, layers: [flatten, {type: dense, units: 1}]}\ndata: {images: pics, labels: values.csv, file: name, label: bright, label_type: value}\n"
                           "loss: {name: mse}\ntrain: {batch: 16, epochs: 3}\noptim: {name: adam, lr: 0.01}\n");
    cli_expect(c, 0, "train v.yaml --run values");
    cli_says(c, "pics: pictures as 8x8x1: 66 to train on, 12 to validate, 12 to test");
    cli_expect(c, 0, "predict values pics/dark/00.png");
    cli_says(c, "file,sample,value0\npics/dark/00.png,0,");
    cli_expect(c, 2, "train v.yaml --run other data.test=0.2");
    cli_says(c, "data.test draws a test part, but pics has parts of its own");
    cli_shell(c, "sed -i 's:dark/03.png:dark/xx.png:' values.csv");
    cli_expect(c, 3, "train v.yaml --run other");
    cli_says(c, "values.csv:5: column name: pics/dark/xx.png: No such file");
    cli_expect(c, 3, "train v.yaml --run other data.labels=");
    cli_says(c, "pics has no labels: training needs them (folders of classes: data.path");
    cli_expect(c, 3, "train v.yaml --run other data.images= data.labels= data.path=pics");
    cli_says(c, "values to predict come from a table");
}

/* An array of bytes, sample i full of i % 2; or its labels, i % 2 each. */
static void put_npy(const cli *c, const char *name, const char *shape, int n, int bytes)
{
    char path[512], head[129];
    snprintf(path, sizeof path, "%s/%s", c->dir, name);
    int used = snprintf(head, sizeof head, "{'descr': '|u1', 'fortran_order': False, 'shape': (%d%s), }", n, shape);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fwrite("\x93NUMPY\1\0\x76\0", 1, 10, f);
    fprintf(f, "%s%*s\n", head, 117 - used, "");
    for (int i = 0; i < n * bytes; i++) fputc(i / bytes % 2, f);
    assert_int_equal(fclose(f), 0);
}

/* What would train, and teach nothing. */
static void test_easily_wrong(void **state)
{
    cli *c = *state;
    cli_shell(c, "rm -rf above && mkdir above && cp -r pics above/pics");
    cli_expect(c, 0, "train p.yaml --run above data.path=above train.epochs=1 model.layers.1.units=1");
    cli_says(c, "warning: above: one class only (pics): there is nothing to tell apart");
    cli_shell(c, "rm -rf first && mkdir first");
    put_npy(c, "first/train-images.npy", ", 3, 8, 6", 40, 3 * 8 * 6); /* as PyTorch has them */
    put_npy(c, "first/train-labels.npy", ",", 40, 1);
    cli_expect(c, 0, "train p.yaml --run first-run data.path=first train.epochs=1 model.layers.1.units=2");
    cli_says(c, "warning: first: images of 3 rows, 8 columns and 6 channels: samples are N,H,W,C here; are these N,C,H,W?");
    put_npy(c, "first/train-images.npy", ", 8, 6, 3", 40, 3 * 8 * 6);
    cli_expect(c, 0, "train p.yaml --run last-run data.path=first train.epochs=1 model.layers.1.units=2");
    assert_null(strstr(c->err, "N,C,H,W"));
    cli_expect(c, 2, "train p.yaml --run other optim.name=adamW");
    cli_says(c, "did you mean 'adamw'?");
}

static void test_describe_and_split(void **state)
{
    cli *c = *state;
    cli_shell(c, "rm -rf d && cp -r pics d && head -c 50 d/dark/05.png > x && mv x d/dark/05.png && echo hm > d/grey/notes.txt");
    cli_expect(c, 0, "data describe d");
    cli_says(c, "format       pictures\nsamples      90\n");
    cli_says(c, "left out     1 files that are no pictures, or lie in no class's folder, such as d/grey/notes.txt\n");
    cli_says(c, "not readable d/dark/05.png: it is cut short");
    cli_says(c, "sizes        8x8 to 8x8");
    cli_says(c, "colour       0, grey 89\n");
    cli_says(c, "classes      3 (train, valid, test)\n");
    cli_says(c, "      1  grey                        27         0         3\n");
    /* the parts that a training draws, as a table; which is then a set with these parts */
    cli_expect(c, 0, "data split pics --fraction 0.2 --out parts.csv");
    cli_says(c, "65 samples to train on, 16 to validate, 9 to test");
    cli_shell(c, "head -2 parts.csv | tail -1 | grep -q '^dark/00.png,dark,[a-z]*$' && test $(wc -l < parts.csv) = 91 && rm -rf e && cp -r pics e && cp parts.csv e/labels.csv");
    cli_expect(c, 0, "data split e --out again.csv");
    cli_shell(c, "cmp parts.csv again.csv");
    cli_expect(c, 0, "train p.yaml --run bytable data.path= data.images=pics data.labels=parts.csv data.validation=0.1 train.epochs=1");
    cli_says(c, "pics: pictures as 8x8x1, 3 classes: 65 to train on, 16 to validate, 9 to test");
    /* the same test pictures, so the same score of the same model */
    cli_expect(c, 0, "eval run --json");
    cli_shell(c, ANL_PROGRAM " eval run --json > own.json; " ANL_PROGRAM " eval run --data e --json > table.json; for f in own table; do grep -o '\"loss\":[0-9.e-]*' $f.json > $f.loss; done; "
                 "test -s own.loss && cmp own.loss table.loss");
    cli_expect(c, 2, "train p.yaml --run no data.path= data.images=pics data.labels=parts.csv data.validation=0.3");
    cli_says(c, "data.validation and data.folds draw a validation part, but pics has one of its own");
    cli_expect(c, 3, "data describe none2");
}

static void test_wrong_recipes(void **state)
{
    cli *c = *state;
    static const char *const sizes[] = {"[1,2,3]", "0", "-3", "big", "[4,x]", "1.5", "[]4", "[4,0]", "99999999"};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char words[128];
        snprintf(words, sizeof words, "train p.yaml --run no data.size=%s", sizes[i]);
        cli_expect(c, 2, words);
        cli_says(c, "data.size");
    }
    cli_expect(c, 2, "train p.yaml --run no data.size=[1,2,3]");
    cli_says(c, "has 3 numbers: height and width, or one for both");
    cli_expect(c, 2, "train p.yaml --run no data.fit=squeeze");
    cli_expect(c, 2, "train p.yaml --run no data.color=blue");
    put_classes(c, "two/train", 0, 3, 3);
    put_classes(c, "two/test", 0, 3, 2);
    cli_expect(c, 2, "train p.yaml --run no data.path=two data.test=0.3");
    cli_says(c, "data.test draws a test part, but two has parts of its own");
    cli_expect(c, 3, "train p.yaml --run no data.classes=4");
    cli_says(c, "pics has 3 classes, and data.classes says 4");
    cli_expect(c, 2, "train recipe.yaml --run no data.test=0.2"); /* IDX has parts of its own too */
    cli_says(c, "data.test draws a test part");
}

/* A folder as it is found: of other kinds, and under names that say another. */
static void test_found_kinds(void **state)
{
    cli *c = *state;
    if (!strstr(anl__picture_formats(), "WebP") || !strstr(anl__picture_formats(), "TIFF")) {
        print_message("skipped: this build reads %s only\n", anl__picture_formats());
        skip();
    }
    cli_shell(c, "mkdir -p found/web found/tiff && cp " ANL_TESTS_DIR "/golden/data/decoded/[gw]*.* found/web && cp " ANL_TESTS_DIR "/golden/data/decoded/t*.tif found/tiff && "
                 "mv found/web/gif-grey.gif found/web/gif-grey.jpg");
    cli_expect(c, 0, "data describe found");
    cli_says(c, "format       pictures\nsamples      49\n");
    cli_says(c, "classes      2");
    cli_expect(c, 0, "train p.yaml --run found-run data.path=found data.size=8 data.color=rgb train.epochs=1 model.layers.1.units=2");
    cli_says(c, "found: pictures as 8x8x3, 2 classes");
    cli_expect(c, 0, "predict found-run found/web/webp-lossy.webp found/tiff/tiff-tiles.tif found/web/gif-grey.jpg");
    cli_says(c, "found/tiff/tiff-tiles.tif,");
    cli_shell(c, ANL_PROGRAM " predict found-run - < found/tiff/tiff-tiles.tif > piped && grep -q 'web\\|tiff' piped");
    cli_shell(c, "head -c 100 found/web/webp-lossy.webp > found/web/cut.webp");
    cli_expect(c, 3, "train p.yaml --run no data.path=found data.size=8");
    cli_says(c, "found/web/cut.webp: it is cut short");
}

/* Kinds that are not read are called by their names: in a set, by their names, and in a pipe. */
static void test_other_kinds(void **state)
{
    cli *c = *state;
    static const struct {
        const char *bytes, *ending, *name;
    } kinds[] = {{"\\0\\0\\0\\030ftypheic", "heic", "HEIC"}, {"\\0\\0\\0\\030ftypavif", "avif", "AVIF"}, {"P3\\n", "ppm", "ASCII PNM"}};
    char line[256];
    put_classes(c, "odd", 0, 3, 10);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        snprintf(line, sizeof line, "rm -f odd/dark/x.*; printf '%s' > odd/dark/x.%s", kinds[i].bytes, kinds[i].ending);
        cli_shell(c, line);
        cli_expect(c, 3, "train p.yaml --run no data.path=odd");
        snprintf(line, sizeof line, "odd/dark/x.%s: %s: such files are not read", kinds[i].ending, kinds[i].name);
        cli_says(c, line);
        snprintf(line, sizeof line, "predict run odd/dark/x.%s", kinds[i].ending);
        cli_expect(c, 3, line);
        snprintf(line, sizeof line, "%s: such files are not read", kinds[i].name);
        cli_says(c, line);
        snprintf(line, sizeof line, ANL_PROGRAM " predict run - < odd/dark/x.%s 2> said; test $? = 3 && grep -q '%s: such files' said", kinds[i].ending, kinds[i].name);
        cli_shell(c, line);
    }
    cli_shell(c, "rm odd/dark/x.*; (head -c 128 /dev/zero; printf DICM1234) > odd/dark/x.dcm; cp odd/dark/x.dcm scan");
    cli_expect(c, 3, "train p.yaml --run no data.path=odd");
    cli_says(c, "odd/dark/x.dcm: DICOM: such files are not read");
    cli_expect(c, 3, "predict run scan");
    cli_says(c, "DICOM: such files are not read");
    cli_expect(c, 0, "train p.yaml --run dropped data.path=odd data.damaged=drop train.epochs=1");
    cli_says(c, "x.dcm: DICOM");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_train), cmocka_unit_test(test_first_steps), cmocka_unit_test(test_quick_look), cmocka_unit_test(test_predict), cmocka_unit_test(test_eval_on_others), cmocka_unit_test(test_more_pictures),
                                       cmocka_unit_test(test_values), cmocka_unit_test(test_easily_wrong), cmocka_unit_test(test_describe_and_split), cmocka_unit_test(test_wrong_recipes),
                                       cmocka_unit_test(test_found_kinds), cmocka_unit_test(test_other_kinds)};
    if (!anl__picture_here()) {
        print_message("skipped: a build without stb decodes no pictures\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, setup, cli_teardown);
}
