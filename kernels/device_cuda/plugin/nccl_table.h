/* The functions and constants of NCCL that we use, declared here so that what calls them is compiled and tested where
 * it is not installed; tables_check.c holds them to NVIDIA's header. */
#ifndef ANL_NCCL_TABLE_H
#define ANL_NCCL_TABLE_H

#include <stddef.h>

enum { NCCL_SUCCESS = 0, NCCL_IN_PROGRESS = 7, NCCL_BYTES = 1 };

/* Status 0 is success. Communicators and streams are opaque. */
typedef struct anl__nccl {
    int (*CommInitAll)(void **comm, int n, const int *device);
    int (*CommDestroy)(void *comm);
    int (*CommAbort)(void *comm);
    int (*CommGetAsyncError)(void *comm, int *status);
    int (*GroupStart)(void);
    int (*GroupEnd)(void);
    int (*Send)(const void *from, size_t count, int type, int peer, void *comm, void *stream);
    int (*Recv)(void *to, size_t count, int type, int peer, void *comm, void *stream);
    const char *(*GetErrorString)(int status);
} anl__nccl;

#endif
