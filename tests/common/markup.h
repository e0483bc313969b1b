/* Is a page of ours well formed? Every element is closed by its own name, attributes are in quotes, no bare & or <. */
#ifndef COMMON_MARKUP_H
#define COMMON_MARKUP_H

/* NULL: it is; else what is wrong, in a static buffer. *pictures: its <svg> elements. */
const char *markup_wrong(const char *page, int *pictures);
/* Does it hold nothing but itself: no script, nothing fetched, no number that is none? Else what it holds. */
const char *markup_foreign(const char *page);

#endif
