/* The codecs of libtiff that the relocatable archive leaves out: JBIG, whose library is under the GPL, and LERC, which is in C++. libtiff
 * links to them; a TIFF that is compressed so is refused, with libtiff's message. */
#include <stddef.h>
#include <tiffio.h> /* for the link test of AnnealDeps.cmake */

typedef struct jbg_dec_state jbg_dec_state;
typedef struct jbg_enc_state jbg_enc_state;

enum { JBG_NOT_HERE = 7 << 4 /* JBIG's code for what is not implemented */, LERC_FAILED = 1 };

void jbg_dec_init(jbg_dec_state *s);
int jbg_dec_in(jbg_dec_state *s, unsigned char *data, size_t n, size_t *done);
unsigned char *jbg_dec_getimage(const jbg_dec_state *s, int plane);
unsigned long jbg_dec_getsize(const jbg_dec_state *s);
void jbg_dec_free(jbg_dec_state *s);
void jbg_enc_init(jbg_enc_state *s, unsigned long w, unsigned long h, int planes, unsigned char **p, void (*out)(unsigned char *, size_t, void *), void *file);
void jbg_enc_out(jbg_enc_state *s);
void jbg_enc_free(jbg_enc_state *s);
int jbg_newlen(unsigned char *p, size_t n);
const char *jbg_strerror(int code);

void jbg_dec_init(jbg_dec_state *s) { (void)s; }

int jbg_dec_in(jbg_dec_state *s, unsigned char *data, size_t n, size_t *done)
{
    (void)s, (void)data, (void)n, (void)done;
    return JBG_NOT_HERE;
}

unsigned char *jbg_dec_getimage(const jbg_dec_state *s, int plane)
{
    (void)s, (void)plane;
    return NULL;
}

unsigned long jbg_dec_getsize(const jbg_dec_state *s)
{
    (void)s;
    return 0;
}

void jbg_dec_free(jbg_dec_state *s) { (void)s; }

void jbg_enc_init(jbg_enc_state *s, unsigned long w, unsigned long h, int planes, unsigned char **p, void (*out)(unsigned char *, size_t, void *), void *file)
{
    (void)s, (void)w, (void)h, (void)planes, (void)p, (void)out, (void)file;
}

void jbg_enc_out(jbg_enc_state *s) { (void)s; }

void jbg_enc_free(jbg_enc_state *s) { (void)s; }

int jbg_newlen(unsigned char *p, size_t n)
{
    (void)p, (void)n;
    return JBG_NOT_HERE;
}

const char *jbg_strerror(int code)
{
    (void)code;
    return "this build has no JBIG";
}

unsigned lerc_decode(void);
unsigned lerc_encodeForVersion(void);
unsigned lerc_getBlobInfo(void);

unsigned lerc_decode(void) { return LERC_FAILED; }

unsigned lerc_encodeForVersion(void) { return LERC_FAILED; }

unsigned lerc_getBlobInfo(void) { return LERC_FAILED; }
