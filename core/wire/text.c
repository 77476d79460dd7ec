#include "perch/text.h"

#include "base/mem.h"

void perch_text_free(char *p)
{
    perch_free(p);
}
