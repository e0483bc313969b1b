/* Inside the CUDA plug-in: what the device offers to kernels, and what the plug-in offers to the program.
 * The plug-in links no CUDA library dynamically: cudart is static, cuDNN and cuBLASLt are opened by name (libs.h). */
#ifndef ANL_CUDA_PLUGIN_H
#define ANL_CUDA_PLUGIN_H

#include "calls.h"
#include "device.h"
#include "op.h"

/* Changes with every change of the contracts' structures: a plug-in of another build is refused. */
#define ANL__CUDA_ABI 6
typedef struct anl__cuda_plugin {
    int abi;
    const char *version;                 /* ANL_VERSION_TEXT of the build */
    size_t kernel_bytes, env_bytes, run_bytes, device_bytes; /* sizeof, against a mixture of builds */
    const anl__device_vt *device;
    /* Text for `anneal doctor`: libraries taken and rejected, driver, device, measured rates. */
    void (*report)(anl_ctx *ctx, anl__buf *out);
} anl__cuda_plugin;
#define ANL__CUDA_ENTRY "anl__cuda_plugin_entry"

extern const anl__kernel *const *const anl__cuda_kernel_table[]; /* generated; ended by NULL */

#endif
