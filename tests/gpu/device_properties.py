"""The description of this machine's GPU as cuDNN keeps it, in JSON: what stands in for the device where cuDNN
is asked for plans without one (tests/gpu/cudnn_plans.c). Usage: device_properties.py [LIBCUDNN]. Exit 77: the
library or the device is not here."""
import ctypes, sys

# cudnn_graph.h: CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR and its attributes, since cuDNN 9.8; types
DESCRIPTOR, DEVICE_ID, JSON, INT32, CHAR = 38, 2700, 2702, 23, 24


def main():
    try:
        lib = ctypes.CDLL(sys.argv[1] if len(sys.argv) > 1 else "libcudnn.so.9")
    except OSError as e:
        print(e, file=sys.stderr)
        return 77
    one, size, d = ctypes.c_int32(0), ctypes.c_int64(0), ctypes.c_void_p()
    text = ctypes.create_string_buffer(1 << 16)

    def must(what, status):
        if status:
            lib.cudnnGetErrorString.restype = ctypes.c_char_p
            print(f"{what}: {lib.cudnnGetErrorString(status).decode()} ({status})", file=sys.stderr)
            sys.exit(77)

    must("create", lib.cudnnBackendCreateDescriptor(DESCRIPTOR, ctypes.byref(d)))
    must("device", lib.cudnnBackendSetAttribute(d, DEVICE_ID, INT32, ctypes.c_int64(1), ctypes.byref(one)))
    must("finalize", lib.cudnnBackendFinalize(d))
    room = ctypes.c_int64(len(text))
    must("JSON", lib.cudnnBackendGetAttribute(d, JSON, CHAR, room, ctypes.byref(size), text))
    print(text.value.decode())
    return 0


sys.exit(main())
