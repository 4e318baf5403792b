/* What there is of <stdlib.h> without a C library: the filter's own memory, under the usual names.
 * `free` does nothing: memory goes by itself, see sluicegate.h. */
#ifndef SLUICEGATE_STDLIB_H
#define SLUICEGATE_STDLIB_H

#include <stddef.h>

#define malloc sg_memory_malloc
#define calloc sg_memory_calloc
#define realloc sg_memory_realloc
#define free sg_memory_free
#define abort __builtin_trap

void *sg_memory_malloc(size_t bytes);
void *sg_memory_calloc(size_t count, size_t bytes);
void *sg_memory_realloc(void *old, size_t bytes);
void sg_memory_free(void *memory);

#endif
