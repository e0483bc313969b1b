#include "tests/ops/case.h"

/* x T,N,I; G gates of H units. A bias, a state or the lengths may be absent. */
#define FULL(id, attributes, T, N, I, H, GH, C0)                                                                                       \
    static const anl__case id = {.op = "recurrent", .attrs = attributes, .reduction = (I) + (H),                                       \
                                 .in = {#T "," #N "," #I, "param " #GH "," #I, "param " #GH "," #H, "param " #GH, "param " #GH, #N "," #H, C0}}
#define LENGTHS(id, attributes, T, N, I, H, GH, C0, below)                                                                             \
    static const anl__case id = {.op = "recurrent", .attrs = attributes, .reduction = (I) + (H),                                       \
                                 .in = {#T "," #N "," #I, "param " #GH "," #I, "param " #GH "," #H, "param " #GH, "param " #GH, #N "," #H, C0, "i32 " #N " <" #below}}
#define WIDE(id, attributes, T, N, I, H, GH, C0, below)                                                                                \
    static const anl__case id = {.op = "recurrent", .attrs = attributes, .reduction = (I) + (H), .nograd = true,                       \
                                 .in = {#T "," #N "," #I, "param " #GH "," #I, "param " #GH "," #H, "param " #GH, "param " #GH, #N "," #H, C0, "i32 " #N " <" #below}}
#define BARE(id, attributes, T, N, I, H, GH)                                                                                           \
    static const anl__case id = {.op = "recurrent", .attrs = attributes, .in = {#T "," #N "," #I, "param " #GH "," #I, "param " #GH "," #H}, .reduction = (I) + (H)}
FULL(tanh_full, "cell=rnn_tanh", 4, 3, 5, 3, 3, "-");
FULL(relu_full, "cell=rnn_relu", 3, 2, 2, 7, 7, "-");
FULL(lstm_full, "cell=lstm", 5, 3, 4, 3, 12, "3,3");
FULL(gru_full, "cell=gru", 5, 3, 4, 3, 9, "-");
FULL(gru_before_full, "cell=gru reset=before", 5, 3, 4, 3, 9, "-");
LENGTHS(tanh_lengths, "cell=rnn_tanh reverse=1", 4, 6, 3, 5, 5, "-", 5);
LENGTHS(relu_lengths, "cell=rnn_relu", 4, 6, 3, 5, 5, "-", 5);
LENGTHS(lstm_lengths, "cell=lstm", 4, 7, 3, 5, 20, "7,5", 5);
LENGTHS(lstm_lengths_back, "cell=lstm reverse=1", 4, 7, 3, 5, 20, "7,5", 5);
LENGTHS(gru_lengths, "cell=gru", 4, 7, 3, 5, 15, "-", 5);
LENGTHS(gru_lengths_back, "cell=gru reverse=1", 4, 7, 3, 5, 15, "-", 5);
LENGTHS(gru_before_lengths, "cell=gru reset=before", 4, 7, 3, 5, 15, "-", 5);
LENGTHS(gru_before_back, "cell=gru reset=before reverse=1", 4, 7, 3, 5, 15, "-", 5);
LENGTHS(lengths_out_of_range, "cell=gru", 3, 5, 2, 3, 9, "-", 9);
LENGTHS(all_empty, "cell=lstm", 3, 2, 2, 3, 12, "2,3", 1);
BARE(tanh_bare, "cell=rnn_tanh", 3, 2, 3, 4, 4);
BARE(lstm_bare, "cell=lstm reverse=1", 3, 2, 3, 4, 16);
BARE(gru_bare, "cell=gru reverse=1", 3, 2, 3, 4, 12);
BARE(gru_before_bare, "cell=gru reset=before", 3, 2, 3, 4, 12);
BARE(one_step, "cell=lstm", 1, 4, 3, 5, 20);
BARE(one_sample, "cell=gru", 6, 1, 3, 5, 15);
BARE(one_unit, "cell=lstm", 2, 1, 1, 1, 4);
/* weights that are no parameters; one bias of two; a cell state without h0 */
static const anl__case values = {.op = "recurrent", .attrs = "cell=lstm", .in = {"3,2,4", "stat 12,4", "stat 12,3"}, .reduction = 7};
static const anl__case one_bias = {.op = "recurrent", .attrs = "cell=gru", .in = {"3,2,4", "param 9,4", "param 9,3", "-", "param 9"}, .reduction = 7};
static const anl__case other_bias = {.op = "recurrent", .attrs = "cell=lstm", .in = {"3,2,4", "param 12,4", "param 12,3", "param 12", "-", "-", "2,3", "-"}, .reduction = 7};
/* past several tiles of the kernels */
WIDE(lstm_wide, "cell=lstm", 7, 21, 33, 37, 148, "21,37", 8);
WIDE(gru_wide, "cell=gru reverse=1", 7, 33, 19, 50, 150, "-", 8);
WIDE(before_wide, "cell=gru reset=before", 5, 18, 19, 35, 105, "-", 6);
WIDE(tanh_wide, "cell=rnn_tanh", 6, 17, 40, 131, 131, "-", 7);

/* large enough to be shared out by tiles, the last of them not full; by samples, more than a block of rows */
WIDE(lstm_tiles, "cell=lstm", 4, 9, 20, 130, 520, "9,130", 5);
WIDE(gru_tiles, "cell=gru reverse=1", 3, 70, 9, 160, 480, "-", 4);
WIDE(relu_tiles, "cell=rnn_relu", 3, 8, 130, 300, 300, "-", 4);
WIDE(lstm_rows, "cell=lstm reverse=1", 3, 150, 1, 64, 256, "150,64", 4);

/* Gradients alone, from drawn reserves: every subset that models ask for, and gradients that arrive at some outputs only. */
#define BACK(id, attributes, T, N, I, H, GH, RH, H0, C0, L, DY, DHN, DCN)                                                              \
    static const anl__case id = {.op = "recurrent_bwd", .attrs = attributes, .nograd = true, .reduction = (T) * (N) + (GH),            \
                                 .in = {#T "," #N "," #I, "param " #GH "," #I, "param " #GH "," #H, #T "," #N "," #H, H0, C0, L, RH, DY, DHN, DCN}}
BACK(lstm_back, "cell=lstm grads=127", 5, 4, 3, 6, 24, "stat 5,4,30 unit", "4,6", "4,6", "i32 4 <6", "5,4,6", "4,6", "4,6");
BACK(lstm_back_states, "cell=lstm grads=96", 3, 4, 3, 6, 24, "stat 3,4,30 unit", "4,6", "4,6", "-", "-", "4,6", "4,6");
BACK(lstm_back_first, "cell=lstm reverse=1 grads=30", 4, 3, 5, 3, 12, "stat 4,3,15 unit", "-", "-", "-", "4,3,3", "-", "-");
BACK(gru_back, "cell=gru grads=63", 5, 4, 3, 6, 18, "stat 5,4,24 unit", "4,6", "-", "i32 4 <6", "5,4,6", "4,6", "-");
BACK(gru_back_input, "cell=gru reverse=1 grads=1", 4, 3, 5, 3, 9, "stat 4,3,12 unit", "-", "-", "-", "4,3,3", "-", "-");
BACK(gru_before_back_all, "cell=gru reset=before grads=63", 5, 4, 3, 6, 18, "stat 5,4,24 unit", "4,6", "-", "i32 4 <6", "5,4,6", "4,6", "-");
BACK(tanh_back, "cell=rnn_tanh grads=63", 5, 4, 3, 6, 6, "-", "4,6", "-", "i32 4 <6", "5,4,6", "4,6", "-");
BACK(lstm_back_wide, "cell=lstm grads=127", 6, 19, 35, 41, 164, "stat 6,19,205 unit", "19,41", "19,41", "i32 19 <7", "6,19,41", "19,41", "19,41");
BACK(gru_back_wide, "cell=gru reverse=1 grads=63", 6, 34, 17, 39, 117, "stat 6,34,156 unit", "34,39", "-", "i32 34 <7", "6,34,39", "34,39", "-");

BACK(lstm_back_tiles, "cell=lstm grads=127", 3, 9, 70, 130, 520, "stat 3,9,650 unit", "9,130", "9,130", "i32 9 <4", "3,9,130", "9,130", "9,130");
BACK(gru_back_tiles, "cell=gru grads=63", 3, 70, 9, 160, 480, "stat 3,70,640 unit", "70,160", "-", "-", "3,70,160", "70,160", "-");
BACK(tanh_back_tiles, "cell=rnn_tanh reverse=1 grads=63", 3, 8, 130, 300, 300, "-", "8,300", "-", "i32 8 <4", "3,8,300", "8,300", "-");
BACK(lstm_back_rows, "cell=lstm grads=30", 3, 150, 1, 64, 256, "stat 3,150,320 unit", "-", "-", "-", "3,150,64", "-", "-");
/* several blocks of steps, several slices of samples */
BACK(lstm_back_blocks, "cell=lstm grads=127", 37, 9, 3, 5, 20, "stat 37,9,25 unit", "9,5", "9,5", "i32 9 <38", "37,9,5", "9,5", "9,5");
BACK(gru_back_blocks, "cell=gru reverse=1 grads=63", 15, 40, 17, 20, 60, "stat 15,40,80 unit", "40,20", "-", "i32 40 <16", "15,40,20", "40,20", "-");
BACK(gru_back_weights, "cell=gru grads=20", 3, 5, 4, 6, 18, "stat 3,5,24 unit", "-", "-", "-", "3,5,6", "-", "-");

#define REJECT(id, attributes, message, ...) static const anl__case id = {.op = "recurrent", .attrs = attributes, .in = {__VA_ARGS__}, .reject = message}
REJECT(flat, "cell=lstm", "x (time, batch, features) must have 3 dimensions", "4,3", "param 8,3", "param 8,2");
REJECT(gates, "cell=gru", "gru has 3 gates", "4,2,3", "param 8,3", "param 8,2");
REJECT(features, "cell=lstm", "w_ih must be 8x3, not 8x4", "4,2,3", "param 8,4", "param 8,2");
REJECT(bias, "cell=lstm", "b_hh must be 8, not 2", "4,2,3", "param 8,3", "param 8,2", "-", "param 2");
REJECT(state, "cell=lstm", "h0 must be 2x2, not 3x2", "4,2,3", "param 8,3", "param 8,2", "-", "-", "3,2");
REJECT(no_cell, "cell=gru", "only an lstm has a cell state", "4,2,3", "param 6,3", "param 6,2", "-", "-", "-", "2,2");
REJECT(lengths, "cell=lstm", "lengths must be 2, not 4", "4,2,3", "param 8,3", "param 8,2", "-", "-", "-", "-", "i32 4 <4");
REJECT(lengths_type, "cell=lstm", "lengths must be i32", "4,2,3", "param 8,3", "param 8,2", "-", "-", "-", "-", "stat 2");
static const anl__case no_reserve = {.op = "recurrent_bwd", .attrs = "cell=lstm grads=1", .in = {"4,2,3", "param 8,3", "param 8,2", "4,2,2"}, .reject = "the reserve"};
static const anl__case no_dc0 = {.op = "recurrent_bwd", .attrs = "cell=rnn_tanh grads=64", .in = {"4,2,3", "param 2,3", "param 2,2", "4,2,2"}, .reject = "without an lstm"};

const anl__case *const anl__cases_recurrent[] = {
    &tanh_full, &relu_full, &lstm_full, &gru_full, &gru_before_full, &tanh_lengths, &relu_lengths, &lstm_lengths, &lstm_lengths_back, &gru_lengths,
    &gru_lengths_back, &gru_before_lengths, &gru_before_back, &lengths_out_of_range, &all_empty, &tanh_bare, &lstm_bare, &gru_bare, &gru_before_bare, &one_step, &one_sample,
    &one_unit, &values, &one_bias, &other_bias, &lstm_wide, &gru_wide, &before_wide, &tanh_wide, &lstm_tiles, &gru_tiles, &relu_tiles, &lstm_rows, &lstm_back_tiles, &gru_back_tiles, &tanh_back_tiles,
    &lstm_back_rows, &lstm_back_blocks, &gru_back_blocks, &gru_back_weights, &lstm_back, &lstm_back_states, &lstm_back_first, &gru_back,
    &gru_back_input, &gru_before_back_all, &tanh_back, &lstm_back_wide, &gru_back_wide, &flat, &gates, &features, &bias, &state, &no_cell, &lengths, &lengths_type,
    &no_reserve, &no_dc0, NULL};
