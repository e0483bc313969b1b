/* train.init from safetensors files: networks of PyTorch's say here what they said there, what was exported
 * comes back to the bit, and what does not fit is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PICTURES = 8, CLASSES = 3 };

#define BLOCK(name, from, n, stride) \
    "    - {type: conv, name: " name ".conv1, from: [" from "], filters: " n ", kernel: 3, stride: " stride \
    ", pad: 1, bias: false}\n" \
    "    - {type: batchnorm, name: " name ".bn1, act: relu}\n" \
    "    - {type: conv, name: " name ".conv2, filters: " n ", kernel: 3, pad: 1, bias: false}\n" \
    "    - {type: batchnorm, name: " name ".bn2}\n"

static const char resnet[] =
    "model:\n  name: graph\n  layers:\n"
    "    - {type: conv, name: conv1, filters: 4, kernel: 3, pad: 1, bias: false}\n"
    "    - {type: batchnorm, name: bn1, act: relu}\n"
    BLOCK("layer1.0", "bn1", "4", "1")
    "    - {type: add, name: add1, from: [layer1.0.bn2, bn1]}\n"
    "    - {type: relu, name: block1}\n"
    BLOCK("layer2.0", "block1", "6", "2")
    "    - {type: conv, name: layer2.0.downsample.0, from: [block1], filters: 6, kernel: 1, stride: 2, "
    "bias: false}\n"
    "    - {type: batchnorm, name: layer2.0.downsample.1}\n"
    "    - {type: add, name: add2, from: [layer2.0.bn2, layer2.0.downsample.1]}\n"
    "    - relu\n    - global-avgpool\n"
    "    - {type: dense, name: fc, units: 3}\n";

static const char layouts[] =
    "model:\n  name: sequential\n  layers:\n"
    "    - {type: conv, name: conv, filters: 6, kernel: [3, 2], groups: 3, act: relu}\n"
    "    - {type: maxpool, kernel: [3, 2]}\n"
    "    - {type: conv-transpose, name: up, filters: 4, kernel: 3, stride: 2, groups: 2, act: relu}\n"
    "    - flatten\n"
    "    - {type: batchnorm, name: bn}\n"
    "    - {type: dropout, p: 0.5}\n"
    "    - {type: dense, name: fc1, units: 5, act: tanh}\n"
    "    - {type: dense, name: fc2, units: 3}\n";

static const char rows[] =
    "model:\n  name: sequential\n  layers:\n"
    "    - {type: conv, name: conv, filters: 1, kernel: 3, pad: 1, act: relu}\n"
    "    - to-time\n"
    "    - {type: lstm, name: lstm, units: 5}\n"
    "    - {type: time-pool, mode: last}\n"
    "    - {type: dense, name: fc, units: 3}\n";

/* A rate of 0, and normalisations that are frozen: what is trained for an epoch is what came. */
static const char rest[] =
    "data: {path: set, validation: 2, mean: [0.5, 0.4, 0.3], std: [0.25, 0.2, 0.3], workers: 0}\n"
    "train: {batch: 6, epochs: 1}\noptim: {name: sgd, lr: 0}\n";

static void write_recipe(const cli *c, const char *name, const char *model)
{
    char all[4096];
    assert_true(snprintf(all, sizeof all, "%s%s", model, rest) < (int)sizeof all);
    cli_write(c, name, all);
}

#define FEATURES "train.freeze=[conv1,bn1,layer1,layer2]"

static int setup(void **state)
{
    assert_int_equal(cli_setup(state), 0);
    cli *c = *state;
    char line[1024];
    snprintf(line, sizeof line,
             "mkdir set && cp %s/golden/data/weights/*.safetensors . && cp %s/golden/data/weights/images.npy "
             "set/train-images.npy && "
             "cp %s/golden/data/weights/labels.npy set/train-labels.npy",
             ANL_TESTS_DIR, ANL_TESTS_DIR, ANL_TESTS_DIR);
    cli_shell(c, line);
    write_recipe(c, "resnet.yaml", resnet);
    write_recipe(c, "layouts.yaml", layouts);
    write_recipe(c, "rows.yaml", rows);
    return 0;
}

/* The probabilities of `predict`, against those that PyTorch gave. */
static void says_the_same(cli *c, const char *run, const char *golden)
{
    char words[256], path[512];
    snprintf(words, sizeof words, "predict %s set/train-images.npy --probabilities", run);
    cli_expect(c, 0, words);
    snprintf(path, sizeof path, "%s/golden/data/weights/%s.txt", ANL_TESTS_DIR, golden);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    const char *line = strchr(c->out, '\n');
    for (int i = 0; i < PICTURES; i++) {
        assert_non_null(line);
        const char *at = ++line;
        for (int k = 0; k < 5; k++) at = strchr(at, ',') + 1; /* file, sample, class, name, probability */
        for (int k = 0; k < CLASSES; k++) {
            double want, got = strtod(at, NULL);
            assert_int_equal(fscanf(f, "%lf", &want), 1);
            if (fabs(want - got) > 2e-6)
                fail_msg("%s: picture %d, class %d: %.6f, but PyTorch gives %.6f", run, i, k, got, want);
            at = strchr(at, ',') ? strchr(at, ',') + 1 : at;
        }
        line = strchr(line, '\n');
    }
    fclose(f);
}

static void from_pytorch(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train resnet.yaml --run r train.init=resnet.safetensors " FEATURES);
    cli_says(c, "PyTorch's, filters O,I,H,W (as its metadata says)");
    cli_says(c, "left out  6 num_batches_tracked");
    cli_says(c, "matched   32 tensors, 6 of them turned into our layout; 0 others");
    cli_says(c, "21 of 1041 parameters train, in 2 of 20 tensors");
    says_the_same(c, "r", "resnet");
    cli_expect(c, 0, "train layouts.yaml --run l train.init=layouts.safetensors train.freeze=[bn]");
    cli_says(c, "(its metadata does not say)");
    cli_says(c, "matched   12 tensors, 7 of them turned into our layout; 0 others");
    says_the_same(c, "l", "layouts");
    cli_expect(c, 0, "train rows.yaml --run s train.init=rows.safetensors");
    cli_says(c, "names     begin with 'module.' in the file, which is left out");
    says_the_same(c, "s", "rows");
}

/* In PyTorch's layout and back again: every tensor of the first file is in the second, to the bit. */
static void there_and_back(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "export r --to torch --out there.safetensors");
    cli_expect(c, 0, "train resnet.yaml --run r2 train.init=there.safetensors " FEATURES);
    cli_says(c, "matched   32 tensors");
    cli_expect(c, 0, "export r2 --out again.safetensors");
    cli_expect(c, 0, "export r --out ours.safetensors");
    cli_shell(c, "tail -c 3000 ours.safetensors > a; tail -c 3000 again.safetensors > b; cmp a b");
    cli_expect(c, 0, "train resnet.yaml --run r3 train.init=ours.safetensors " FEATURES);
    cli_says(c, "Anneal's, filters K,R,S,C (as its metadata says)");
    cli_says(c, "left out  how inputs were normalised");
    cli_says(c, "matched   32 tensors, 0 of them turned");
    cli_expect(c, 0, "export r3 --out third.safetensors");
    cli_shell(c, "tail -c 3000 third.safetensors > b; cmp a b");
    cli_expect(c, 0, "export l --to torch");
    cli_says(c, "l/torch.safetensors");
    cli_expect(c, 0, "train layouts.yaml --run l2 train.init=l/torch.safetensors train.freeze=[bn]");
    says_the_same(c, "l2", "layouts");
}

/* Another head: its weights begin from the seed. */
static void another_head(void **state)
{
    cli *c = *state;
    cli_shell(c, "sed 's/name: fc, units: 3/name: fc, units: 4/' resnet.yaml > four.yaml");
    cli_shell(c, "cp -r set set4; printf '\\003' | dd of=set4/train-labels.npy bs=1 seek=152 conv=notrunc "
                 "2>dd.txt"); /* the fourth label */
    cli_expect(c, 0, "train four.yaml --run four train.init=resnet.safetensors data.path=set4");
    cli_says(c, "unmatched fc.weight: F32 3x6 in the file (fc.weight), 4x6 here: initialised anew");
    cli_says(c, "unmatched fc.bias: F32 3 in the file (fc.bias), 4 here: initialised anew");
    cli_says(c, "matched   30 tensors, 6 of them turned into our layout; 2 others");
    cli_shell(c, "sed 's/name: fc, units: 3/name: head, units: 3/' resnet.yaml > head.yaml");
    cli_expect(c, 0, "train head.yaml --run head train.init=resnet.safetensors");
    cli_says(c, "missing   head.weight 3x6: not in the file, initialised anew");
    cli_says(c, "extra     fc.weight 3x6: in the file, not in this model");
}

static void inspected(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "inspect resnet.safetensors");
    cli_says(c, "format   pt");
    cli_says(c, "layer2.0.downsample.0.weight                         F32      6x4x1x1");
    cli_says(c, "38 tensors, ");
    cli_expect(c, 0, "inspect resnet.safetensors --tensor fc.bias");
    assert_int_equal(strspn(c->out, "-0123456789.e+\n"), strlen(c->out));
    cli_expect(c, 2, "inspect resnet.safetensors --tensor fc.biass");
    cli_says(c, "did you mean 'fc.bias'?");
    cli_expect(c, 2, "inspect resnet.safetensors --tensor bn1.num_batches_tracked");
    cli_says(c, "is of type I64");
    cli_expect(c, 2, "inspect resnet.safetensors --digest");
    cli_expect(c, 2, "inspect nowhere.safetensors");
}

static void refusals(void **state)
{
    cli *c = *state;
    cli_expect(c, 2, "train resnet.yaml --run x train.init=weights/net.pth");
    cli_says(c, "s.save_file(torch.load('weights/net.pth', map_location='cpu'), 'weights/net.safetensors')");
    cli_expect(c, 2, "train resnet.yaml --run x train.init=nowhere.safetensors");
    cli_says(c, "nowhere.safetensors: there is no such file");
    cli_shell(c, "head -c 3000 resnet.safetensors > short.safetensors; cp recipe.yaml text.safetensors");
    cli_expect(c, 6, "train resnet.yaml --run x train.init=short.safetensors");
    cli_says(c, "truncated");
    cli_expect(c, 6, "train resnet.yaml --run x train.init=text.safetensors");
    cli_says(c, "no safetensors file");
    cli_shell(c, "sed 's/name: conv1,/name: convolution1,/; s/name: bn1/name: norm/; s/\\[bn1\\]/[norm]/; "
                 "s/, bn1\\]/, norm]/; "
                 "s/layer/stage/g; s/name: fc/name: out/; s/stages:/layers:/' resnet.yaml > other.yaml");
    cli_expect(c, 2, "train other.yaml --run x train.init=resnet.safetensors");
    cli_says(c, "has no tensor of this model (graph)");
    cli_says(c, "wanted convolution1.weight");
    cli_says(c, "the file has bn1.bias, ");
    /* what a dense layer multiplies is no image flattened at once */
    cli_shell(c, "sed 's/- flatten/- {type: reshape, shape: [0, 20, 7]}/' layouts.yaml > order.yaml");
    cli_expect(c, 2, "train order.yaml --run x train.init=layouts.safetensors");
    cli_says(c, "the order of its columns cannot be told");
    cli_expect(c, 2, "train resnet.yaml --run x data.mean=[1]");
    cli_says(c, "data.mean has 1 numbers and data.std 3: they go together");
    cli_expect(c, 2, "train resnet.yaml --run x data.mean=[1,2] data.std=[1,2]");
    cli_says(c, "data.mean has 2 numbers, but set has 3 channels");
    cli_expect(c, 2, "train resnet.yaml --run x data.std=[1,2,0]");
    cli_expect(c, 2, "train resnet.yaml --run x data.normalize=false");
    cli_says(c, "without effect where data.normalize is false");
    cli_expect(c, 2, "export r --to caffe");
    cli_says(c, "safetensors, torch, onnx or keras");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(from_pytorch), cmocka_unit_test(there_and_back),
                                       cmocka_unit_test(another_head),
                                       cmocka_unit_test(inspected), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests_name("cli/init", tests, setup, cli_teardown);
}
