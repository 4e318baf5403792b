/* The memory of a filter: filled from one end, and emptied all at once when the next event comes.
 * For the SDK's own files. */
#ifndef SLUICEGATE_MEMORY_H
#define SLUICEGATE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Memory that is not zeroed; `align` is a power of two. Traps where there is none. */
void *sg_memory_take(size_t bytes, size_t align);

/* Whether `end` is where the next memory would be taken: then `sg_memory_take` of one byte more
 * extends what ends there. */
bool sg_memory_ends_at(const void *end, size_t more);

/* Keeps for good what was taken so far. */
void sg_memory_keep(void);

/* Says that the call is over. Its memory lives until the next begins: the answer is read after
 * the call has returned, and no post-return function is called by the gateway for it. */
void sg_memory_end_call(void);

/* Begins a call, if none is going on: gives back what the last one took. */
void sg_memory_begin_call(void);

/* Bytes that were ever asked of the machine. */
size_t sg_memory_bytes(void);

#endif
