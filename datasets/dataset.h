/* A data set: n samples of named fields, resident in memory (own, or a mapped file) behind one small table
 * of functions. Readers (idx.c, npy.c, pictures.c, hdf5.c) fill it; splits, transforms and the loader only read it.
 *
 * Field 0 is what the model sees: "image" of shape H,W,C or "features" of shape F, u8 or f32. Field 1, when
 * there are labels, is "label": an i32 scalar in [0, classes), or, when values are to be predicted, an f32 scalar.
 * Fields 2, 3, ... are further columns of the labels' file, "label2", "label3", ..., where the options ask for them;
 * one that they pass over has no data.
 *
 * Errors: ANL_DATA (missing file, sizes that disagree, label out of range, empty class) and ANL_FORMAT (the
 * bytes are not what the format says) name the file, the record, what was expected and what was found.
 *
 * Thread rule: open, close and fingerprint on the context's thread; everything else is const and may be
 * called from any thread.
 */
#ifndef ANL_DATASET_H
#define ANL_DATASET_H

#include "datasets/picture_list.h"
#include "datasets/picture.h"

typedef struct anl__dataset anl__dataset;
typedef struct anl__source anl__source;

typedef struct anl__field {
    const char *name; /* static */
    anl_dtype dtype;  /* as stored: ANL_U8, ANL_F32 or ANL_I32 */
    anl_shape shape;  /* of one sample */
    size_t bytes;     /* of one sample */
    const void *data; /* sample i lies at data + i * bytes; borrowed from the set */
} anl__field;

/* What a column of labels is read as. */
typedef enum anl__label_kind { ANL__LABEL_UNUSED, ANL__LABEL_CLASS, ANL__LABEL_VALUE } anl__label_kind;

/* How a format is read. */
typedef struct anl__data_opts anl__data_opts;
typedef struct anl__dataset_vt {
    const char *name; /* "idx", "npy", "pictures", "hdf5" */
    /* Fills ds->n, field 0 and, when opts->labels is set, ds->label (opts->values: ds->value). What is allocated before a failure is
       released by the caller through ds. */
    anl_status (*open)(anl__dataset *ds, const anl__data_opts *opts);
    void (*close)(anl__dataset *ds); /* releases ds->inside, also of an opening that failed; NULL: there is none */
} anl__dataset_vt;

enum {
    ANL__FIELD_X = 0,
    ANL__FIELD_LABEL = 1,
    ANL__MOST_LABELS = 8, /* columns */
    ANL__MAX_FIELDS = 1 + ANL__MOST_LABELS,
    ANL__MAX_SOURCES = 2,
    ANL__MAX_CLASSES = 65536
};

struct anl__dataset {
    anl_ctx *ctx;
    const anl__dataset_vt *vt; /* NULL: from memory */
    char *name;                /* the path it was opened by */
    int64_t n;
    int fields;
    anl__field field[ANL__MAX_FIELDS];
    int classes;                    /* 0 without labels, 1 where labels are values */
    const char *const *class_names; /* classes of them, of the options or the reader; NULL: none known */
    int64_t valid_from;             /* samples from here on are the set's own validation part; n: it has none */
    bool own_parts;                 /* the set itself says which samples are the test part */
    const char *const *item;        /* [n]: each sample's file; NULL: they have none of their own */
    int64_t *class_count;           /* classes of them; owned */
    /* the readers' part */
    anl__source *source[ANL__MAX_SOURCES]; /* images, labels; owned */
    int32_t *label;                        /* owned; NULL without labels */
    float *value;                          /* owned; labels that are values, all finite; NULL: none */
    void *more[ANL__MOST_LABELS];          /* [column]: i32 or f32, owned; -1: a class that is not known */
    int more_classes[ANL__MOST_LABELS];    /* [column]: of a column of classes */
    void *owned;                           /* a copy of field 0, or NULL: it lies in source[0] */
    const char *digest;                    /* SHA-256 of field 0, where the reader knows it; NULL */
    void *inside;                          /* the reader's own */
};

/* How pictures become samples (pictures.c). */
typedef struct anl__pictures_opts {
    int64_t height, width;    /* 0: their own, which must then be one size */
    int channels;             /* 1, 3; 0: 1 if all are grey, else 3 */
    anl__picture_fit fit;     /* default ANL__FIT_CROP */
    bool drop_damaged;        /* default false: a file that cannot be decoded is ANL_DATA */
    const char *file, *label; /* columns of a table; default "file", "label" */
    const char *const *class_names; /* of the model: `classes` of them, and no others; NULL: those that are found */
    int classes;
    const char *const *files; /* without labels: instead of data_opts.images, n_files of them, files and directories */
    int n_files;
    int threads;              /* that decode; 0: all CPUs */
} anl__pictures_opts;

struct anl__data_opts {
    const char *format; /* "idx", "npy", "pictures" or "hdf5"; NULL: by the ending of the file's name, or its first bytes */
    /* Either `images` and `labels` (files; labels NULL: unlabelled; pictures: a directory, and a table) ... */
    const char *images, *labels;
    /* ... or `path`, a directory or a known set's name (known.h), and the part of it: "train" or "test". */
    const char *path, *part;
    bool values;                    /* labels are values to predict, not classes (default false) */
    anl__label_kind more[ANL__MOST_LABELS]; /* [column], from 1: what a further column of the labels' file is */
    int more_classes[ANL__MOST_LABELS];     /* [column]: 0: one more than the largest label */
    int classes;                    /* 0: the known set's, or one more than the largest label */
    const char *const *class_names; /* `classes` of them, or NULL; must outlive the set */
    bool allow_empty_class;         /* default false: a class without a sample is ANL_DATA */
    size_t max_bytes;               /* of one decoded file; default 64 GiB */
    /* The decoded cache of compressed files (cache.h). */
    bool cache;            /* default true */
    const char *cache_dir; /* NULL: $XDG_CACHE_HOME/anneal, else $HOME/.cache/anneal */
    bool cache_wait; /* write the cache before open returns, not beside the caller's work (default false) */
    bool optional; /* a part that is not there is none: ANL_OK and no set (default false: ANL_DATA) */
    int64_t most; /* of pictures and HDF5 files no more than so many samples are read, spread evenly over the part; 0 (default): all. Others are read whole */
    anl__parts_opts parts; /* the test part of pictures and HDF5 files without parts of their own; default: nothing is drawn */
    anl__pictures_opts pictures;
};
anl__data_opts anl__data_opts_default(void);

/* With opts->optional *out may be NULL. */
anl_status anl__dataset_open(anl_ctx *ctx, const anl__data_opts *opts, anl__dataset **out) ANL_MUST;
/* Which pictures a set of pictures has, with nothing decoded (anl__picture_list_free); ANL_OK with NULL: it is another kind of set. */
anl_status anl__dataset_list(anl_ctx *ctx, const anl__data_opts *opts, anl__picture_list **out) ANL_MUST;
/* Further inputs of the same samples, without labels: <opts->path>/{train,test}-input<k>.npy[.gz], by opts->part. */
anl_status anl__dataset_open_input(anl_ctx *ctx, const anl__data_opts *opts, int k, anl__dataset **out) ANL_MUST;
/* A set over the caller's memory: n samples x of one shape (rank 1 or 3, u8 or f32), and labels in [0,
   classes) (NULL: none). Both are copied. No class may be empty. */
anl_status anl__dataset_from_memory(anl_ctx *ctx, anl_dtype dtype, const anl_shape *shape, int64_t n,
                                    const void *x, const int32_t *label, int classes,
                                    anl__dataset **out) ANL_MUST;
void anl__dataset_close(anl__dataset *ds);

/* The bytes of sample i of a field: borrowed, 0 <= i < ds->n. */
static inline const void *anl__dataset_get(const anl__dataset *ds, int field, int64_t i)
{
    return (const char *)ds->field[field].data + (size_t)i * ds->field[field].bytes;
}

/* SHA-256 over counts, shapes, types, labels and the decoded content: the same for a file and its compressed
   form. Waits for the digest when it is still being made beside the caller's work (from the cache it is
   known). */
anl_status anl__dataset_fingerprint(anl__dataset *ds, char hex[65]) ANL_MUST;

/* Of n samples `most` that are spread evenly: number i of them, 0 <= i < most <= n. */
static inline int64_t anl__dataset_spread(int64_t i, int64_t most, int64_t n)
{
    return (int64_t)((__int128)i * n / most);
}

/* The samples of the part that is asked for among n items, part_of(user, i) being ANL__PART_* of each: training with the set's own validation
   part behind it, or test; of files that are named without labels: all. Into pick, which has room for n. ANL_DATA: there are none, and
   the part is not optional. */
anl_status anl__dataset_pick(anl__dataset *ds, const anl__data_opts *opts, int (*part_of)(const void *user, int64_t i), const void *user, int64_t n, int64_t *pick, int64_t *picked) ANL_MUST;
/* pictures.c, for dataset.c */
anl_status anl__pictures_list(anl_ctx *ctx, const anl__data_opts *opts, anl__picture_list **out) ANL_MUST;
extern const anl__dataset_vt anl__dataset_idx, anl__dataset_npy, anl__dataset_pictures, anl__dataset_hdf5;

#endif
