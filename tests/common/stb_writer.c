/* stb_image_write, for tests that need a JPEG: its code is not ours, and is compiled alone. */
#ifdef ANL_HAVE_STB
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>
#else
typedef int no_stb;
#endif
