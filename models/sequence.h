/* Built-in models of sequences. Inputs are sample-major, as the feed gives them (shards cut the first dimension); inside, a
 * sequence is time-major. Each declares its inputs, loss, sums and outputs itself:
 *
 *   forecaster     x f32 (n,W,F), y f32 (n, horizon * targets)            output "logits" like y
 *   charlm         tokens i32 (n,T), next i32 (n,T; -1: does not count)   carries its state from batch to batch
 *   transformer    the same, without state: T tokens are its memory
 *   seq2seq        source i32 (n,S), source_length i32 (n), given i32 (n,T), wanted i32 (n,T; -1: does not count)
 *   seqclassifier  tokens i32 (n,T) or x f32 (n,T,F), length i32 (n), label i32 (n)   output "logits" (n, classes)
 *
 * T, S are those of the batch's variant. Models of tokens add the sum "correct"; with `decode` they give "logits", f32, time-major:
 * (T * n, vocabulary).
 */
#ifndef ANL_SEQUENCE_H
#define ANL_SEQUENCE_H

#include "model.h"

void anl__forecaster(anl_graph *g, const anl_model_opts *o, anl__size size);
void anl__charlm(anl_graph *g, const anl_model_opts *o, anl__size size);
void anl__transformer(anl_graph *g, const anl_model_opts *o, anl__size size);
void anl__seq2seq(anl_graph *g, const anl_model_opts *o, anl__size size);
/* For answers, two graphs over the same parameters, for n texts of S = `steps` tokens. read: from "source", "source_length" the outputs
   "memory" (S,n,C), "keys" (additive attention only) and the decoder's first states "h0", "c0" (lstm), "h1", ... (n,units).
   step: from "given" i32 (n,1), "source_length" and all of these the outputs "logits" (n, vocabulary) and the next states. */
void anl__seq2seq_read(anl_graph *g, const anl_model_opts *o, int64_t n, int64_t steps);
void anl__seq2seq_step(anl_graph *g, const anl_model_opts *o, int64_t n, int64_t steps);
void anl__seqclassifier(anl_graph *g, const anl_model_opts *o, anl__size size);

/* Shared. A node over one value; x in the graph's type; (n,T,F) to (T,n,F). */
anl_value anl__seq_node(anl_graph *g, const char *op, const char *name, anl_value x, const char *fmt, ...) ANL_FORMAT(5, 6);
anl_value anl__seq_values(anl_graph *g, const char *name, int64_t n, int64_t t, int64_t f);
/* Embedding of an i32 input (n,t) as (t,n,units). */
anl_value anl__seq_embedding(anl_graph *g, const char *name, anl_value tokens, int64_t vocabulary, int64_t units);
anl_value anl__seq_dropout(anl_graph *g, const char *name, double p, anl_value x);
/* A product with new weights (PyTorch's initialisation) over the last dimension. */
anl_value anl__seq_dense(anl_graph *g, const char *name, anl_value x, int64_t units, bool bias);
/* Cross-entropy of y (T,n,V) with labels i32 (n,T), its sums, and with `decode` the logits. */
void anl__seq_token_loss(anl_graph *g, const anl_model_opts *o, anl_value y, anl_value label);

#endif
