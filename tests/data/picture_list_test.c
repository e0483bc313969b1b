/* Which pictures a set has: found in folders, named by tables, drawn for the test part. Nothing is opened here, so the files are
 * pictures by their names only. */
#include "tests/common/files_fixture.h"
#include "tests/common/pictures_fixture.h"

#include "runtime/base/base.h"
#include "datasets/picture_list.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files of one byte below the directory, named with blanks between; their folders are made. */
static void files(const fixture *f, const char *names)
{
    char copy[4096], *save = NULL;
    snprintf(copy, sizeof copy, "%s", names);
    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) picture_put(at(f, w), &(picture_file){(uint8_t *)(uintptr_t) "x", 1});
}

/* n files DIR/CLASS/000.png ... */
static void many(const fixture *f, const char *class, int n)
{
    char name[128];
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "%s/%03d.png", class, i);
        files(f, name);
    }
}

static anl__picture_list_opts opts(void) { return (anl__picture_list_opts){.file = "file", .label = "label"}; }

static anl__picture_list *folder(fixture *f, const char *dir, const anl__picture_list_opts *o)
{
    anl__picture_list *l = NULL;
    if (anl__picture_list_folder(f->ctx, at(f, dir), o, &l) != ANL_OK) fail_msg("%s", anl_last_error(f->ctx));
    return l;
}

static void said(fixture *f, anl_status st, const char *a, const char *b)
{
    assert_int_equal(st, ANL_DATA);
    if (!strstr(anl_last_error(f->ctx), a) || (b && !strstr(anl_last_error(f->ctx), b))) fail_msg("\"%s\" does not say \"%s\" and \"%s\"", anl_last_error(f->ctx), a, b ? b : a);
}

static void refuses(fixture *f, const char *dir, const anl__picture_list_opts *o, const char *a, const char *b)
{
    anl__picture_list *l = NULL;
    said(f, anl__picture_list_folder(f->ctx, at(f, dir), o, &l), a, b);
    assert_null(l);
}

/* "class/name:part" of each item in order, blanks between, must be this. */
static void holds(const fixture *f, const anl__picture_list *l, const char *want)
{
    static const char letter[] = "TVE"; /* train, valid, test */
    char got[8192] = "";
    size_t n = 0, root = strlen(f->dir) + 1;
    for (int64_t i = 0; i < l->n; i++) {
        const anl__picture_item *m = &l->item[i];
        const char *class = l->classes ? l->class_name[m->label] : "-";
        assert_memory_equal(m->path, f->dir, root - 1);
        n += (size_t)snprintf(got + n, sizeof got - n, "%s%s=%s:%c", i ? " " : "", class, m->path + root, m->part < 0 ? '-' : letter[m->part]);
    }
    assert_string_equal(got, want);
}

static void folders_without_parts(void **state)
{
    fixture *f = *state;
    anl__picture_list_opts o = opts();
    files(f, "s/b/2.png s/b/10.jpg s/a/x.BMP s/c/1.ppm s/a/w.pgm");
    anl__picture_list *l = folder(f, "s", &o);
    holds(f, l, "a=s/a/w.pgm:T a=s/a/x.BMP:T b=s/b/10.jpg:T b=s/b/2.png:T c=s/c/1.ppm:T");
    assert_int_equal(l->classes, 3);
    assert_false(l->own_parts || l->has_valid);
    assert_int_equal(l->others, 0);
    for (int64_t i = 0; i < l->n; i++) {
        struct stat sb;
        assert_int_equal(stat(l->item[i].path, &sb), 0);
        assert_int_equal(l->item[i].bytes, 1);
        assert_true(l->item[i].mtime_ns == (int64_t)sb.st_mtim.tv_sec * 1000000000 + sb.st_mtim.tv_nsec);
    }
    anl__picture_list_free(l);
}

static void folders_with_parts(void **state)
{
    fixture *f = *state;
    anl__picture_list_opts o = opts();
    files(f, "s/train/a/1.png s/train/b/2.png s/test/b/3.png s/val/a/4.png");
    anl__picture_list *l = folder(f, "s", &o);
    holds(f, l, "a=s/train/a/1.png:T b=s/train/b/2.png:T a=s/val/a/4.png:V b=s/test/b/3.png:E");
    assert_true(l->own_parts && l->has_valid);
    anl__picture_list_free(l);
    o.parts.test = 0.5; /* nothing to draw where there are parts */
    files(f, "u/train/a/1.png u/train/a/2.png u/validation/a/3.png");
    l = folder(f, "u", &o);
    holds(f, l, "a=u/train/a/1.png:T a=u/train/a/2.png:T a=u/validation/a/3.png:V");
    anl__picture_list_free(l);
    files(f, "v/train/a/1.png v/valid/a/3.png");
    l = folder(f, "v", &o);
    holds(f, l, "a=v/train/a/1.png:T a=v/valid/a/3.png:V");
    anl__picture_list_free(l);
    files(f, "w/train/a/1.png w/test/a/3.png");
    l = folder(f, "w", &o);
    assert_true(l->own_parts && !l->has_valid);
    anl__picture_list_free(l);
    files(f, "x/train/a/1.png x/tset/a/3.png");
    refuses(f, "x", &o, "beside train only val (valid, validation) and test are looked for, and here is tset", NULL);
}

static void what_a_directory_is(void **state)
{
    fixture *f = *state;
    files(f, "s/train/a/1.png s/test/x.txt flat/1.png text/a.txt");
    assert_true(anl__picture_list_is(at(f, "s")) && anl__picture_list_is(at(f, "flat")));
    assert_false(anl__picture_list_is(at(f, "text")) || anl__picture_list_is(at(f, "none")) || anl__picture_list_is(at(f, "flat/1.png")));
}

static void nested_hidden_and_foreign(void **state)
{
    fixture *f = *state;
    anl__picture_list_opts o = opts();
    files(f, "s/a/deep/er/1.png s/a/0.png s/a/.hidden.png s/.git/x.png s/a/.thumbs/t.png s/a/notes.txt s/readme.txt s/lost.png s/b/1.gif");
    anl__picture_list *l = folder(f, "s", &o);
    holds(f, l, "a=s/a/0.png:T a=s/a/deep/er/1.png:T b=s/b/1.gif:T"); /* a GIF is told of when it is read */
    assert_int_equal(l->others, 3);
    assert_non_null(strstr(l->first_other, "s/lost.png"));
    anl__picture_list_free(l);
    assert_int_equal(mkfifo(at(f, "s/a/pipe.png"), 0600), 0);
    l = folder(f, "s", &o);
    assert_int_equal(l->n, 3);
    assert_int_equal(l->others, 4);
    anl__picture_list_free(l);
}

static void nothing_there(void **state)
{
    fixture *f = *state;
    anl__picture_list_opts o = opts();
    refuses(f, "none", &o, "none: cannot be read: No such file", NULL);
    files(f, "flat/1.png flat/2.png");
    refuses(f, "flat", &o, "no pictures in folders of classes there", "but such as");
    files(f, "t/a/x.txt");
    refuses(f, "t", &o, "no pictures in folders of classes there", "t/a/x.txt");
    assert_int_equal(mkdir(at(f, "empty"), 0755), 0);
    refuses(f, "empty", &o, "empty: no pictures in folders of classes there", NULL);
    o.values = true;
    refuses(f, "flat", &o, "folders are classes; values to predict come from a table", NULL);
    assert_int_equal(symlink("nowhere", at(f, "t/a/broken.png")), 0);
    o.values = false;
    refuses(f, "t", &o, "t/a/broken.png: cannot be read: No such file", NULL);
}

/* A class without pictures is a class (whether it may be is the set's business); files of it may be in one part only. */
static void empty_classes(void **state)
{
    fixture *f = *state;
    anl__picture_list_opts o = opts();
    files(f, "s/a/1.png s/c/2.png");
    assert_int_equal(mkdir(at(f, "s/b"), 0755), 0);
    anl__picture_list *l = folder(f, "s", &o);
    assert_int_equal(l->classes, 3);
    holds(f, l, "a=s/a/1.png:T c=s/c/2.png:T");
    anl__picture_list_free(l);
}

static void unknown_classes(void **state)
{
    fixture *f = *state;
    anl__picture_list_opts o = opts();
    files(f, "s/train/apple/1.png s/train/pear/1.png s/val/apple/1.png s/val/paer/1.png");
    refuses(f, "s", &o, "s/val: 'paer' is none of the 2 classes (did you mean 'pear'?)", NULL);
    files(f, "u/train/apple/1.png u/test/zebra/1.png");
    refuses(f, "u", &o, "u/test: 'zebra' is none of the 1 classes", NULL);
    assert_int_equal(mkdir(at(f, "v"), 0755) | mkdir(at(f, "v/two\nlines"), 0755), 0); /* a checkpoint keeps names a line each */
    refuses(f, "v", &o, "v: a folder's name has a line break", NULL);
}

static void given_classes(void **state)
{
    fixture *f = *state;
    anl__picture_list_opts o = opts();
    const char *names[] = {"pear", "apple", "fig"}; /* in the model's order */
    o.class_names = names;
    o.classes = 3;
    files(f, "s/apple/1.png s/pear/2.png");
    anl__picture_list *l = folder(f, "s", &o);
    holds(f, l, "pear=s/pear/2.png:T apple=s/apple/1.png:T");
    assert_int_equal(l->classes, 3);
    assert_int_equal(l->item[0].label, 0);
    assert_string_equal(l->class_name[2], "fig");
    anl__picture_list_free(l);
    o.classes = 1;
    refuses(f, "s", &o, "'apple' is none of the 1 classes", NULL);
    o.classes = 3;
    const char rows[] = "file,label\napple/1.png,pear\npear/2.png,apple\n";
    put(at(f, "s.csv"), rows, sizeof rows - 1);
    assert_int_equal(anl__picture_list_table(f->ctx, at(f, "s"), at(f, "s.csv"), &o, &l), ANL_OK);
    assert_int_equal(l->item[0].label, 0);
    assert_int_equal(l->item[1].label, 1);
    anl__picture_list_free(l);
    o.classes = 1;
    said(f, anl__picture_list_table(f->ctx, at(f, "s"), at(f, "s.csv"), &o, &l), "s.csv:3: column label: 'apple' is none of the 1 classes", NULL);
}

static void links(void **state)
{
    fixture *f = *state;
    anl__picture_list_opts o = opts();
    files(f, "s/a/1.png elsewhere/2.png");
    assert_int_equal(symlink("../elsewhere", at(f, "s/b")), 0);
    anl__picture_list *l = folder(f, "s", &o);
    holds(f, l, "a=s/a/1.png:T b=s/b/2.png:T");
    anl__picture_list_free(l);
    assert_int_equal(symlink("..", at(f, "s/a/up")), 0); /* round and round, two ways at each turn */
    assert_int_equal(symlink("..", at(f, "s/a/vp")), 0);
    refuses(f, "s", &o, "folders lie more than 32 deep (a link that goes round?)", NULL);
}

static void named_files(void **state)
{
    fixture *f = *state;
    anl__picture_list *l = NULL;
    files(f, "d/2.png d/x/1.png d/note.txt odd");
    const char *paths[] = {at(f, "odd"), at(f, "d")};
    assert_int_equal(anl__picture_list_files(f->ctx, paths, 2, &l), ANL_OK);
    holds(f, l, "-=odd:E -=d/2.png:E -=d/x/1.png:E"); /* a file that is named is taken at its word */
    assert_int_equal(l->others, 1);
    anl__picture_list_free(l);
    paths[0] = at(f, "nothing.png");
    said(f, anl__picture_list_files(f->ctx, paths, 1, &l), "nothing.png: cannot be read", NULL);
    assert_int_equal(mkfifo(at(f, "pipe"), 0600), 0);
    paths[0] = at(f, "pipe");
    said(f, anl__picture_list_files(f->ctx, paths, 1, &l), "pipe: is not a regular file", NULL);
    assert_int_equal(mkdir(at(f, "empty"), 0755), 0);
    paths[0] = at(f, "empty");
    said(f, anl__picture_list_files(f->ctx, paths, 1, &l), "empty: no pictures there", NULL);
}

/* ---- tables ------------------------------------------------------------------------------------ */

static anl_status table(fixture *f, const char *text, const anl__picture_list_opts *o, anl__picture_list **l)
{
    put(at(f, "t.csv"), text, strlen(text));
    return anl__picture_list_table(f->ctx, at(f, "s"), at(f, "t.csv"), o, l);
}

static void tables(void **state)
{
    fixture *f = *state;
    anl__picture_list_opts o = opts();
    anl__picture_list *l;
    char text[1024];
    files(f, "s/a.png s/b,c.png s/sub/d.jpg other/e.png");
    snprintf(text, sizeof text, "label,file,part\nx,a.png,train\n\"y, or \"\"z\"\"\",\"b,c.png\",valid\nx,sub/d.jpg,test\nx,%s,train\n", at(f, "other/e.png"));
    assert_int_equal(table(f, text, &o, &l), ANL_OK);
    holds(f, l, "x=s/a.png:T y, or \"z\"=s/b,c.png:V x=s/sub/d.jpg:E x=other/e.png:T");
    assert_true(l->own_parts && l->has_valid);
    anl__picture_list_free(l);
    o.file = "picture";
    o.label = "class";
    o.part = "use";
    assert_int_equal(table(f, "picture,class,use,part\na.png,2,test,nonsense\na.png,10,train,nonsense\n", &o, &l), ANL_OK); /* and twice the same: as often as it stands there */
    holds(f, l, "2=s/a.png:E 10=s/a.png:T"); /* classes by bytes: 10 before 2 */
    assert_int_equal(l->item[0].label, 1);
    anl__picture_list_free(l);
    o.part = "fold";
    said(f, table(f, "picture,class,use\na.png,2,test\n", &o, &l), "fold", "t.csv");
    o.part = NULL;
    said(f, table(f, "file,class\na.png,2\n", &o, &l), "has no column \"picture\"", NULL);
    o = opts();
    o.parts.test = 0;
    assert_int_equal(table(f, "file,label\na.png,q\nsub/d.jpg,r\n", &o, &l), ANL_OK);
    assert_false(l->own_parts);
    holds(f, l, "q=s/a.png:T r=s/sub/d.jpg:T");
    anl__picture_list_free(l);
}

static void wrong_tables(void **state)
{
    fixture *f = *state;
    anl__picture_list_opts o = opts();
    anl__picture_list *l;
    files(f, "s/a.png s/dir/x.png");
    said(f, table(f, "file,label\na.png,x\nb.png,x\n", &o, &l), "t.csv:3: column file:", "s/b.png: No such file");
    said(f, table(f, "file,label\na.png,x\ndir,x\n", &o, &l), "t.csv:3: column file:", "is no file");
    said(f, table(f, "file,label\n,x\n", &o, &l), "t.csv:2: column file: it names no file", NULL);
    said(f, table(f, "file,label\na.png,\n", &o, &l), "t.csv:2: column label: the label is missing", NULL);
    said(f, table(f, "file,label\na.png,x\na.png,NA\n", &o, &l), "t.csv:3: column label: the label is missing", NULL);
    said(f, table(f, "file,label\na.png,\"x\ny\"\n", &o, &l), "t.csv:2: column label:", "line break");
    said(f, table(f, "file,label,part\na.png,x,tran\n", &o, &l), "t.csv:2: column part: 'tran' is none of train, valid, test", NULL);
    said(f, table(f, "file,label\na.png,2\na.png,0.25\n", &o, &l), "t.csv: column label holds numbers such as 0.25; are they values to predict?", "data.label_type");
    said(f, table(f, "file,label\n", &o, &l), "t.csv: there are no rows below the header", NULL);
    o.values = true;
    said(f, table(f, "file,label\na.png,1.5\na.png,red\n", &o, &l), "t.csv:3: column label: 'red' is no value to predict", NULL);
    said(f, table(f, "file,label\na.png,\n", &o, &l), "t.csv:2: column label: '' is no value to predict", NULL);
    said(f, table(f, "file,label\na.png,1e300\n", &o, &l), "t.csv:2: column label:", "1e300");
}

static void values(void **state)
{
    fixture *f = *state;
    anl__picture_list_opts o = opts();
    anl__picture_list *l;
    o.values = true;
    files(f, "s/a.png s/b.png");
    assert_int_equal(table(f, "file,label\na.png,-1.5\nb.png,2e3\na.png,0.1\n", &o, &l), ANL_OK);
    assert_int_equal(l->classes, 0);
    assert_int_equal(l->n, 3);
    assert_true(l->item[0].value == -1.5f && l->item[1].value == 2000.0f && l->item[2].value == 0.1f);
    anl__picture_list_free(l);
}

/* ---- the drawn test part ----------------------------------------------------------------------- */

static int in_test(const anl__picture_list *l, int class)
{
    int n = 0;
    for (int64_t i = 0; i < l->n; i++) n += l->item[i].label == class && l->item[i].part == ANL__PART_TEST;
    return n;
}

static void drawn_parts(void **state)
{
    fixture *f = *state;
    anl__picture_list_opts o = opts();
    many(f, "s/a", 40);
    many(f, "s/b", 20);
    many(f, "s/c", 10);
    o.parts.test = 0.1;
    anl__picture_list *l = folder(f, "s", &o), *again = folder(f, "s", &o);
    assert_false(l->own_parts);
    assert_int_equal(in_test(l, 0), 4);
    assert_int_equal(in_test(l, 1), 2);
    assert_int_equal(in_test(l, 2), 1);
    for (int64_t i = 0; i < l->n; i++) { /* every picture in one part, and in the same one again */
        assert_true(l->item[i].part == ANL__PART_TRAIN || l->item[i].part == ANL__PART_TEST);
        assert_int_equal(l->item[i].part, again->item[i].part);
    }
    anl__picture_list_free(again);
    o.parts.seed = 5;
    again = folder(f, "s", &o);
    int other = 0;
    for (int64_t i = 0; i < l->n; i++) other += l->item[i].part != again->item[i].part;
    assert_true(other > 0);
    assert_int_equal(in_test(again, 0) + in_test(again, 1) + in_test(again, 2), 7);
    anl__picture_list_free(again);
    anl__picture_list_free(l);
    o.parts = (anl__parts_opts){.test = 14};
    l = folder(f, "s", &o);
    assert_int_equal(in_test(l, 0), 8);
    assert_int_equal(in_test(l, 1), 4);
    assert_int_equal(in_test(l, 2), 2);
    anl__picture_list_free(l);
    o.parts = (anl__parts_opts){.test_only = true};
    l = folder(f, "s", &o);
    assert_int_equal(in_test(l, 0) + in_test(l, 1) + in_test(l, 2), 70);
    anl__picture_list_free(l);
    o.parts = (anl__parts_opts){.test = 70};
    l = NULL;
    assert_int_equal(anl__picture_list_folder(f->ctx, at(f, "s"), &o, &l), ANL_INVALID);
    assert_non_null(strstr(anl_last_error(f->ctx), "leave nothing to train on"));
}

static void failing_allocations(void **state)
{
    fixture *f = *state;
    anl__picture_list_opts o = opts();
    o.parts.test = 0.4;
    files(f, "s/a/1.png s/a/2.png s/b/1.png s/b/x.txt p/train/a/1.png p/val/a/1.png");
    const char rows[] = "file,label\na/1.png,x\nb/1.png,y\na/2.png,x\n";
    put(at(f, "t.csv"), rows, sizeof rows - 1);
    int failed = 0;
    for (int what = 0; what < 3; what++)
        for (int64_t nth = 1;; nth++) {
            anl__picture_list *l = NULL;
            anl__inject(f->ctx, ANL__INJECT_ALLOC, nth);
            anl_status st = what == 2 ? anl__picture_list_table(f->ctx, at(f, "s"), at(f, "t.csv"), &o, &l) : anl__picture_list_folder(f->ctx, at(f, what ? "p" : "s"), &o, &l);
            anl__inject(f->ctx, ANL__INJECT_ALLOC, 0);
            if (st != ANL_OK) {
                assert_int_equal(st, ANL_NOMEM);
                assert_null(l);
                assert_int_equal(anl__live_blocks(f->ctx), 0);
                failed++;
                continue;
            }
            anl__picture_list_free(l);
            break;
        }
    assert_true(failed > 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {TEST(folders_without_parts), TEST(folders_with_parts), TEST(what_a_directory_is), TEST(nested_hidden_and_foreign), TEST(nothing_there),
                                       TEST(empty_classes), TEST(unknown_classes), TEST(given_classes), TEST(links), TEST(named_files), TEST(tables), TEST(wrong_tables),
                                       TEST(values), TEST(drawn_parts), TEST(failing_allocations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
