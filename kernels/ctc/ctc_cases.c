#include "tests/ops/case.h"

/* Labels are below the blank, the last class, unless a case says otherwise. */
#define CTC(id, attributes, terms, ...) \
    static const anl__case id = {.op = "ctc", .attrs = attributes, .in = {__VA_ARGS__}, .reduction = terms}
CTC(plain, "blank=-1", 64, "7,3,5", "i32 3,3 <4");
CTC(flat, "blank=4", 64, "4,6,5", "i32 6 <4");
CTC(first, "blank=0", 64, "5,2,3", "i32 2,2 =1"); /* a repetition: a blank must stand between */
CTC(middle, "blank=2", 64, "6,2,4", "i32 2,3 <2");
CTC(lengths, "blank=-1", 64, "9,7,4", "i32 7,3 <3", "i32 7 <12", "i32 7 <5");
CTC(labels, "blank=-1", 64, "9,6,4", "i32 6,3 <3", "-", "i32 6 <4");
CTC(steps, "blank=-1", 64, "9,6,4", "i32 6,3 <3", "i32 6 <10");
CTC(empty, "blank=0", 64, "4,3,3", "i32 3,2 =-1"); /* blanks only */
CTC(nothing, "blank=0", 64, "4,3,3", "i32 3,2 =1", "i32 3 =0");
CTC(too_long, "blank=-1", 64, "3,2,4", "i32 2,5 <3");
CTC(no_class, "blank=-1", 64, "5,2,4", "i32 2,2 =3", "-", "i32 2 =0");
CTC(one_step, "blank=-1", 8, "1,1,2", "i32 1,1 <1");
CTC(blank_only, "blank=0", 8, "3,2,1", "i32 2,1 =-1");
CTC(wide, "blank=-1", 256, "40,5,37", "i32 5,12 <36", "i32 5 <41", "i32 5 <13");
static const anl__case back = {.op = "ctc_bwd", .attrs = "blank=-1",
                               .in = {"9,5,6", "i32 5,3 <5", "scalar", "i32 5 <10", "i32 5 <4"},
                               .nograd = true, .reduction = 64};
static const anl__case back_wide = {.op = "ctc_bwd", .attrs = "blank=0",
                                    .in = {"50,9,40", "i32 9,14 <39", "scalar"}, .nograd = true,
                                    .reduction = 256};
/* more states than a block's shared memory holds */
static const anl__case endless = {.op = "ctc", .attrs = "blank=-1", .in = {"600,1,10", "i32 1,520 <9"}, .nograd = true,
                                  .reduction = 1024};
static const anl__case back_endless = {.op = "ctc_bwd", .attrs = "blank=-1",
                                       .in = {"600,1,10", "i32 1,520 <9", "scalar"}, .nograd = true,
                                       .reduction = 1024};
static const anl__case batch = {.op = "ctc", .in = {"5,4,3", "i32 5,2 <3"},
                                .reject = "do not fit logits 5x4x3"};
static const anl__case kind = {.op = "ctc", .in = {"5,4,3", "4,2"}, .reject = "targets (f"};
static const anl__case rank = {.op = "ctc", .in = {"5,4", "i32 4,2 <3"},
                               .reject = "logits (time, batch, classes)"};
static const anl__case blank = {.op = "ctc", .attrs = "blank=3", .in = {"5,4,3", "i32 4,2 <3"},
                                .reject = "blank 3 is none of the 3 classes"};
static const anl__case few = {.op = "ctc", .in = {"5,4,3", "i32 4,2 <3", "-", "i32 3 <2"},
                              .reject = "lengths of the targets must be i32 4"};
static const anl__case lengths_kind = {.op = "ctc", .in = {"5,4,3", "i32 4,2 <3", "4"},
                                       .reject = "lengths of the logits must be i32 4"};
static const anl__case bench = {.op = "ctc", .attrs = "blank=-1", .in = {"200,32,64", "i32 32,40 <63"},
                                .reduction = 256, .bench = true};
static const anl__case bench_back = {.op = "ctc_bwd", .attrs = "blank=-1",
                                     .in = {"200,32,64", "i32 32,40 <63", "scalar"}, .nograd = true,
                                     .reduction = 256, .bench = true};
const anl__case *const anl__cases_ctc[] = {&plain, &flat, &first, &middle, &lengths, &labels, &steps, &empty,
                                           &nothing, &too_long, &no_class, &one_step, &blank_only,
                                           &wide, &back, &back_wide, &endless, &back_endless, &batch, &kind, &rank, &blank, &few,
                                           &lengths_kind, &bench, &bench_back, NULL};
