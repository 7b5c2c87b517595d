#include <stdio.h>
#include "shelf.h"

/* How many rows there are. */
int shelf_count(const struct shelf *s, int limit)
{
    int total = 0;
    for (int i = 0; i < s->size; i++) {
        if (s->rows[i] && limit) {
            total++;
        } else {
            goto done;
        }
    }
    switch (limit) {
    case 1:
    case 2:
        return 1;
    default:
        break;
    }
    do {
        limit--;
    } while (limit > 0);
done:
    return total ? total : -1;
}

struct shelf {
    int size;
    int *rows;
};

static char *name(void) { return 0; } /* behind code */
