/* The memory of a filter, in blocks that are used again and again. Never returns NULL, and never
 * gives memory back to the machine: it has what its largest call needed.
 *
 * The first block is part of the module: an instance that needs no more takes no pages, which would
 * cost it a fifth of its start. In Wasm another block is new pages at the end of the memory, and
 * the last block grows in place as long as nobody else (a C library) takes pages. */
#include "memory.h"

#include <stdint.h>

#include "../include/sluicegate.h"

#ifndef __wasm__
#include <stdlib.h>
#endif

typedef struct block {
    struct block *next;
    uintptr_t end;
} block;

#define PAGE ((size_t)65536)

static union {
    block head;
    uint8_t bytes[PAGE];
} own;

static block *first, *current;
static uintptr_t at;
static block *kept_block;
static uintptr_t kept_at;
static bool call_over;
static size_t bytes_ever;

static void *pages(size_t bytes) {
#ifdef __wasm__
    size_t before = __builtin_wasm_memory_grow(0, bytes / PAGE);
    return before == SIZE_MAX ? NULL : (void *)(before * PAGE);
#else
    return malloc(bytes);
#endif
}

static void use(block *it) {
    current = it;
    at = (uintptr_t)(it + 1);
}

/* Makes room for so many bytes behind `at`, or in another block. */
static void make_room(size_t bytes) {
    while (current != NULL && current->next != NULL) {
        use(current->next);
        if (current->end - at >= bytes) return;
    }
    if (bytes > SIZE_MAX / 2) __builtin_trap();
    size_t size = (bytes + sizeof(block) + PAGE - 1) / PAGE * PAGE;
    block *it = first == NULL && size <= sizeof own ? &own.head : pages(size);
    if (it == NULL) __builtin_trap();
    bytes_ever += size;
    if (current != NULL && (uintptr_t)it == current->end) {
        current->end += size;
        return;
    }
    it->next = NULL;
    it->end = (uintptr_t)it + size;
    if (current == NULL) first = it;
    else current->next = it;
    use(it);
}

void *sg_memory_take(size_t bytes, size_t align) {
    if (bytes > SIZE_MAX / 2) __builtin_trap();
    uintptr_t start = (at + align - 1) & ~(uintptr_t)(align - 1);
    if (current == NULL || start > current->end || current->end - start < bytes) {
        make_room(bytes + align);
        start = (at + align - 1) & ~(uintptr_t)(align - 1);
    }
    at = start + bytes;
    return (void *)start;
}

bool sg_memory_ends_at(const void *end, size_t more) {
    return current != NULL && (uintptr_t)end == at && current->end - at >= more;
}

void sg_memory_keep(void) {
    kept_block = current;
    kept_at = at;
}

void sg_memory_end_call(void) { call_over = true; }

void sg_memory_begin_call(void) {
    if (!call_over) return;
    call_over = false;
    if (kept_block != NULL) {
        current = kept_block;
        at = kept_at;
    } else if (first != NULL) {
        use(first);
    }
}

size_t sg_memory_bytes(void) { return bytes_ever; }

void *sg_alloc(size_t bytes) {
    return __builtin_memset(sg_memory_take(bytes, 16), 0, bytes);
}
