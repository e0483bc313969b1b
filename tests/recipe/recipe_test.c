/* Values, overrides, the resolved text and what it reads back as, differences, run names, memory that runs out. */
#include "fixture.h"

static char *dump(anl_ctx *ctx, const recipe *r, anl__buf *b)
{
    anl__buf_init(b, ctx);
    assert_int_equal(recipe_dump(r, b), ANL_OK);
    return b->text;
}

static void defaults(void **state)
{
    recipe *r = recipe_good(*state, "", NULL);
    assert_string_equal(recipe_text(r, "model.name"), "cnn2");
    assert_int_equal(recipe_int(r, "train.batch"), 128);
    assert_true(recipe_real(r, "optim.eps") == 1e-8);
    assert_true(recipe_bool(r, "data.normalize"));
    assert_int_equal(recipe_count(r, "model.hidden"), 2);
    assert_int_equal(recipe_int_at(r, "model.hidden", 1), 256);
    assert_null(recipe_text(r, "data.path"));
    assert_null(recipe_tree(r, "model.layers"));
    assert_false(recipe_is_set(r, "train.batch"));
    assert_string_equal(recipe_where(r, "train.batch"), "default");
    assert_int_equal(recipe_int(r, "no.such.key"), 0); /* a mistake of ours: no crash */
    recipe_free(r);
}

static void values(void **state)
{
    recipe *r = recipe_good(*state,
                            "train:\n  batch: auto\n  seed: 1000000000000\n  ema: 0.999\noptim: {lr: 1e-3, momentum: .5}\n"
                            "schedule: {name: multistep, milestones: [1, 2.5]}\ndata:\n  path: \"n\\u00e4me #1\"\n  cache: false\n"
                            "loss: {class_weights: balanced}\nmodel: {hidden: []}\ncheckpoint: {command: 'cp {file} /x'}\n", NULL);
    assert_true(recipe_is_word(r, "train.batch"));
    assert_int_equal(recipe_int(r, "train.batch"), 0);
    assert_true(recipe_int(r, "train.seed") == 1000000000000);
    assert_true(recipe_real(r, "optim.lr") == 1e-3 && recipe_real(r, "optim.momentum") == 0.5);
    assert_int_equal(recipe_count(r, "schedule.milestones"), 2);
    assert_true(recipe_real_at(r, "schedule.milestones", 1) == 2.5);
    assert_true(recipe_real_at(r, "schedule.milestones", 2) == 0);
    assert_string_equal(recipe_text(r, "data.path"), "n\xc3\xa4me #1");
    assert_false(recipe_bool(r, "data.cache"));
    assert_true(recipe_is_word(r, "loss.class_weights"));
    assert_int_equal(recipe_count(r, "loss.class_weights"), 0);
    assert_int_equal(recipe_count(r, "model.hidden"), 0);
    assert_string_equal(recipe_text(r, "checkpoint.command"), "cp {file} /x");
    assert_string_equal(recipe_where(r, "train.seed"), "r.yaml:3:9");
    recipe_free(r);
}

static void overrides(void **state)
{
    recipe *r = recipe_good(*state, "train: {batch: 64, epochs: 3}\noptim:\nmodel:\n  name: graph\n  layers:\n    - {type: conv, filters: 8}\n    - flatten\n",
                            "optim.lr=1e-2|train.batch=|train.epochs=5|train.epochs=7|schedule.milestones=[3,4]|model.layers.0.filters=32|model.layers.1=relu|"
                            "data.augment.flip=true|train.init=runs/a:best");
    assert_true(recipe_real(r, "optim.lr") == 0.01);
    assert_int_equal(recipe_int(r, "train.batch"), 128);
    assert_false(recipe_is_set(r, "train.batch"));
    assert_int_equal(recipe_int(r, "train.epochs"), 7);
    assert_string_equal(recipe_where(r, "train.epochs"), "command line");
    assert_int_equal(recipe_count(r, "schedule.milestones"), 2);
    assert_true(recipe_bool(r, "data.augment.flip"));
    assert_string_equal(recipe_text(r, "train.init"), "runs/a:best");
    const yaml_node *layers = recipe_tree(r, "model.layers");
    assert_int_equal(layers->n, 2);
    assert_string_equal(yaml_find(layers->item[0], "filters")->text, "32");
    assert_string_equal(yaml_find(layers->item[0], "type")->text, "conv");
    assert_string_equal(layers->item[1]->text, "relu");
    recipe_free(r);
    r = recipe_good(*state, "model: {name: mlp, hidden: 3}\n", NULL); /* one number is a list of it */
    assert_int_equal(recipe_count(r, "model.hidden"), 1);
    assert_int_equal(recipe_int_at(r, "model.hidden", 0), 3);
    recipe_free(r);
    r = recipe_good(*state, "model: {name: mlp, hidden: [3]}\n", "model=|model.hidden=[4,5]");
    assert_string_equal(recipe_text(r, "model.name"), "cnn2");
    assert_int_equal(recipe_int_at(r, "model.hidden", 1), 5);
    recipe_free(r);
}

/* What is written resolves to the same values, and is written the same again. */
static void round_trip(void **state)
{
    static const char *const texts[] = {
        "",
        "train: {batch: auto, ema: 0.1, clip_norm: 1e-7, seed: 999999999999999}\noptim: {lr: 0.30000000000000004, eps: 5e-324}\n",
        "data: {path: \"null\", cache_dir: '~', images: }\n",
        "data: {path: \"a: b # c\\n\\t\\\"d\\\\ \\u00e4 \\u2028 \\x85 \\U0001F600 \\uFEFF\"}\n",
        "data: {path: 'true', cache_dir: '-'}\ncheckpoint: {command: '- x', mirror: '?'}\n",
        "loss: {class_weights: [0.1, 2, 1e30]}\nmodel: {hidden: []}\n",
        ("model:\n  name: graph\n  blocks: {'b c': {parameters: {f: -1.5, 'null': 0}, layers: [relu]}}\n"
        "  layers:\n    - {type: conv, name: \"1\", pad: [1, 2], x: , y: \"\", z: -a, 'q: r': {}}\n    - flatten\n    - []\n  heads: [{from: conv1}]\n"),
    };
    anl_ctx *ctx = *state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        anl__buf first, again, lines;
        int fixed, changeable;
        recipe *r = recipe_good(ctx, texts[i], NULL), *s = recipe_good(ctx, dump(ctx, r, &first), NULL);
        assert_string_equal(first.text, dump(ctx, s, &again));
        anl__buf_init(&lines, ctx);
        assert_int_equal(recipe_diff(ctx, r, s, &lines, &fixed, &changeable), ANL_OK);
        assert_int_equal(fixed + changeable, 0);
        assert_string_equal(lines.text, "");
        if (recipe_text(r, "data.path")) assert_string_equal(recipe_text(r, "data.path"), recipe_text(s, "data.path"));
        assert_true(recipe_real(r, "optim.lr") == recipe_real(s, "optim.lr"));
        anl__buf_release(&first);
        anl__buf_release(&again);
        anl__buf_release(&lines);
        recipe_free(r);
        recipe_free(s);
    }
}

static void differences(void **state)
{
    anl_ctx *ctx = *state;
    recipe *r = recipe_good(ctx, "optim: {lr: 0.1}\nmodel: {name: graph, layers: [flatten]}\n", NULL);
    recipe *s = recipe_good(ctx, "optim: {lr: 0.2}\nmodel: {name: graph, layers: [relu]}\ntrain: {epochs: 20, batch: auto}\n", NULL);
    anl__buf lines;
    int fixed, changeable;
    anl__buf_init(&lines, ctx);
    assert_int_equal(recipe_diff(ctx, r, s, &lines, &fixed, &changeable), ANL_OK);
    assert_string_equal(lines.text, "  model.layers: [flatten] -> [relu]\n  train.batch: 128 -> auto\n"
                                    "  train.epochs: 10 -> 20   (may be changed)\n  optim.lr: 0.1 -> 0.2\n");
    assert_int_equal(fixed, 3);
    assert_int_equal(changeable, 1);
    anl__buf_release(&lines);
    recipe_free(r);
    recipe_free(s);
}

static void decided(void **state)
{
    recipe *r = recipe_good(*state, "train: {batch: auto}\n", NULL);
    assert_int_equal(recipe_set(r, "train.batch", "96"), ANL_OK);
    assert_int_equal(recipe_int(r, "train.batch"), 96);
    assert_false(recipe_is_word(r, "train.batch"));
    assert_int_equal(recipe_set(r, "train.batch", "0"), ANL_INTERNAL);
    assert_int_equal(recipe_set(r, "no.key", "0"), ANL_INTERNAL);
    recipe_free(r);
}

static void run_names(void **state)
{
    anl__arena *a;
    static const char *const two[] = {"train.seed=2", "optim.lr=0.1"}, *const swapped[] = {"optim.lr=0.1", "train.seed=2"};
    static const char *const again[] = {"train.seed=1", "optim.lr=0.1", "train.seed=2"}, *const reset[] = {"train.seed="};
    static const char *const odd[] = {"data.path=/a b"}, *const other[] = {"data.path=/a c"};
    assert_int_equal(anl__arena_create(*state, &a), ANL_OK);
    assert_string_equal(recipe_run_name(a, "models/recipes/fashion-cnn.yaml", NULL, 0), "runs/fashion-cnn");
    assert_string_equal(recipe_run_name(a, "x", two, 2), "runs/x,optim.lr=0.1,train.seed=2");
    assert_string_equal(recipe_run_name(a, "x", swapped, 2), "runs/x,optim.lr=0.1,train.seed=2");
    assert_string_equal(recipe_run_name(a, "x", again, 3), "runs/x,optim.lr=0.1,train.seed=2");
    assert_string_equal(recipe_run_name(a, "x", reset, 1), "runs/x");
    const char *hashed = recipe_run_name(a, "x", odd, 1);
    assert_int_equal(strlen(hashed), strlen("runs/x,") + 12);
    assert_string_not_equal(hashed, recipe_run_name(a, "x", other, 1));
    assert_string_equal(hashed, recipe_run_name(a, "d/x.yaml", odd, 1));
    anl__arena_destroy(a);
}

/* The table itself: defaults that parse (every recipe does), help for each key, groups that stand together. */
static void table(void **state)
{
    (void)state;
    const char *before = "";
    for (const recipe_key *k = recipe_keys; k->path; k++) {
        assert_true(k->help && strlen(k->help) > 3);
        assert_true(!k->machine || k->change);
        assert_true((k->type == RECIPE_ENUM) == (k->choices != NULL));
        for (const recipe_key *o = recipe_keys; o < k; o++) assert_string_not_equal(o->path, k->path);
        size_t n = strcspn(k->path, ".");
        if (k->path[n] && strncmp(before, k->path, n + 1))
            for (const recipe_key *o = recipe_keys; o < k; o++) assert_true(strncmp(o->path, k->path, n + 1) != 0);
        before = k->path;
    }
}

/* The n-th allocation fails: an error, nothing left behind. */
static void no_memory(void **state)
{
    anl_ctx *ctx = *state;
    static const char text[] = "model:\n  name: graph\n  blocks: {b: {parameters: {f: 3}, layers: [{type: conv, name: c, filters: $f, kernel: 1}]}}\n"
                               "  layers:\n    - {repeat: 3, layers: [{block: b, name: x}, relu]}\n  heads: [{from: x_1}]\ntrain: {epochs: 3}\n";
    bool done = false;
    for (int64_t n = 1; !done; n++) {
        int64_t live = anl__live_blocks(ctx);
        recipe *r = NULL;
        anl__arena *a = NULL;
        anl__buf b;
        anl_model_opts m = anl_model_opts_default();
        anl__buf_init(&b, ctx);
        anl__inject(ctx, ANL__INJECT_ALLOC, n);
        anl_status st = recipe_try(ctx, text, "optim.lr=0.1|model.layers.0.repeat=2", &r);
        if (st == ANL_OK) st = anl__arena_create(ctx, &a);
        if (st == ANL_OK) st = recipe_model(r, ctx, a, &m);
        if (st == ANL_OK) st = recipe_dump(r, &b);
        done = anl__inject_seen(ctx, ANL__INJECT_ALLOC) < n;
        anl__inject(ctx, ANL__INJECT_ALLOC, 0);
        if (st != ANL_OK && st != ANL_NOMEM) fail_msg("allocation %lld: %s", (long long)n, anl_last_error(ctx));
        assert_true(st == ANL_OK || !done);
        if (a) anl__arena_destroy(a);
        anl__buf_release(&b);
        recipe_free(r);
        assert_int_equal(anl__live_blocks(ctx), live);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {recipe_test(defaults), recipe_test(values), recipe_test(overrides), recipe_test(round_trip), recipe_test(differences),
                                       recipe_test(decided), recipe_test(run_names), recipe_test(table), recipe_test(no_memory)};
    return recipe_tests("recipe/recipe", tests);
}
