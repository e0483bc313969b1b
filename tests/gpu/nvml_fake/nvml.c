/* A stand-in for libnvidia-ml.so.1, of which NCCL asks what is connected with what: as many devices as ANL_DRIVER_DEVICES says, which reach each
 * other over PCIe. Declarations as in NVIDIA's nvml.h, which is in no toolkit that pip installs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAYED __attribute__((visibility("default")))
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
enum { SUCCESS = 0, INVALID = 2, NOT_SUPPORTED = 3, P2P_OK = 0 };
typedef struct device *device; /* 1 + its number */

static unsigned devices(void)
{
    const char *n = getenv("ANL_DRIVER_DEVICES");
    return n ? (unsigned)atoi(n) : 1;
}

PLAYED int nvmlInit_v2(void) { return SUCCESS; }
PLAYED int nvmlInit(void) { return SUCCESS; }
PLAYED int nvmlShutdown(void) { return SUCCESS; }
PLAYED const char *nvmlErrorString(int code) { return code == NOT_SUPPORTED ? "not supported" : "an error of the stand-in"; }
PLAYED int nvmlDeviceGetCount_v2(unsigned *n) { return *n = devices(), SUCCESS; }
PLAYED int nvmlDeviceGetCount(unsigned *n) { return nvmlDeviceGetCount_v2(n); }
PLAYED int nvmlDeviceGetHandleByIndex(unsigned i, device *out) { return i < devices() ? *out = (device)(size_t)(i + 1), SUCCESS : INVALID; }
PLAYED int nvmlDeviceGetIndex(device d, unsigned *i) { return *i = (unsigned)(size_t)d - 1, SUCCESS; }
PLAYED int nvmlDeviceGetCudaComputeCapability(device d, int *major, int *minor) { return (void)d, *major = 9, *minor = 0, SUCCESS; }
PLAYED int nvmlDeviceGetP2PStatus(device a, device b, int what, int *status) { return (void)a, (void)b, (void)what, *status = P2P_OK, SUCCESS; }
PLAYED int nvmlDeviceGetNvLinkState(device d, unsigned link, int *on) { return (void)d, (void)link, *on = 0, NOT_SUPPORTED; }
PLAYED int nvmlDeviceGetNvLinkRemotePciInfo(device d, unsigned link, void *pci) { return (void)d, (void)link, (void)pci, NOT_SUPPORTED; }
PLAYED int nvmlDeviceGetNvLinkCapability(device d, unsigned link, int what, unsigned *can)
{
    return (void)d, (void)link, (void)what, *can = 0, NOT_SUPPORTED;
}
PLAYED int nvmlDeviceGetFieldValues(device d, int n, void *values) { return (void)d, (void)n, (void)values, NOT_SUPPORTED; }
PLAYED int nvmlDeviceGetGpuFabricInfoV(device d, void *info) { return (void)d, (void)info, NOT_SUPPORTED; }
PLAYED int nvmlDeviceGetPlatformInfo(device d, void *info) { return (void)d, (void)info, NOT_SUPPORTED; }
PLAYED int nvmlSystemGetConfComputeState(void *state) { return (void)state, NOT_SUPPORTED; }
PLAYED int nvmlSystemGetConfComputeSettings(void *settings) { return (void)settings, NOT_SUPPORTED; }

PLAYED int nvmlDeviceGetHandleByPciBusId(const char *id, device *out)
{
    unsigned domain, bus;
    if (sscanf(id, "%x:%x", &domain, &bus) != 2 || (bus - 25) % 16) return INVALID;
    return nvmlDeviceGetHandleByIndex((bus - 25) / 16, out);
}

/* What NCCL reads of a card in /sys elsewhere: vendor and device, and its PCIe. */
typedef struct pci {
    char id[16];
    unsigned domain, bus, device, vendor, subsystem, reserved[4];
} pci;

PLAYED int nvmlDeviceGetPciInfo_v3(device d, pci *out)
{
    *out = (pci){.bus = 25 + 16 * ((unsigned)(size_t)d - 1), .vendor = 0x233510de};
    snprintf(out->id, sizeof out->id, "0000:%02X:00.0", out->bus);
    return SUCCESS;
}
PLAYED int nvmlDeviceGetPciInfoExt(device d, void *info) { return (void)d, (void)info, NOT_SUPPORTED; }
PLAYED int nvmlDeviceGetPcieLinkMaxSpeed(device d, int *speed) { return (void)d, *speed = 32000, SUCCESS; }
PLAYED int nvmlDeviceGetCurrPcieLinkGeneration(device d, unsigned *generation) { return (void)d, *generation = 5, SUCCESS; }
PLAYED int nvmlDeviceGetCurrPcieLinkWidth(device d, unsigned *width) { return (void)d, *width = 16, SUCCESS; }
