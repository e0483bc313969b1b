/* Functions that libraries look up with dlsym, and must find: older forms of some, and some that only report that they were called. */
int unplayed_call(const char *name);
#define PLAYED __attribute__((visibility("default")))
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

/* An older form of a function with the same arguments. */
#define OLDER(name, newer) int newer(void *a, void *b, void *c); PLAYED int name(void *a, void *b, void *c) { return newer(a, b, c); }
OLDER(cuDevicePrimaryCtxRelease, cuDevicePrimaryCtxRelease_v2)
OLDER(cuEventElapsedTime, cuEventElapsedTime_v2)
OLDER(cuCtxPopCurrent, cuCtxPopCurrent_v2)
OLDER(cuCtxPushCurrent, cuCtxPushCurrent_v2)

#define NOT_PLAYED(name) PLAYED int name(void) { return unplayed_call(#name); }
NOT_PLAYED(cuLinkCreate_v2)
NOT_PLAYED(cuLinkAddData_v2)
NOT_PLAYED(cuLinkComplete)
NOT_PLAYED(cuLinkDestroy)
NOT_PLAYED(cuStreamWaitValue32)
NOT_PLAYED(cuStreamBatchMemOp)
NOT_PLAYED(cuGraphKernelNodeGetParams)
NOT_PLAYED(cuGraphInstantiate)
NOT_PLAYED(cuMemPrefetchAsync)
NOT_PLAYED(cuGraphExecKernelNodeSetParams)
NOT_PLAYED(cuLinkCreate)
NOT_PLAYED(cuLinkAddData)
NOT_PLAYED(cuLibraryLoadFromFile)
NOT_PLAYED(cuStreamGetGreenCtx)
