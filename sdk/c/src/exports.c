/* Between the generated bindings and the two functions of a filter. Only this file knows when a
 * call begins and ends, and so when memory goes. */
#include <stdlib.h>

#include "../include/sluicegate.h"
#include "memory.h"

static bool configured;

bool exports_sluicegate_plugin_filter_configure(
    filter_plugin_string_t *config, exports_sluicegate_plugin_filter_subscription_t *wanted,
    filter_plugin_string_t *why) {
    sg_memory_begin_call();
    *wanted = (sg_subscription){0};
    *why = (sg_string){0};
    configured = sg_configure(*config, wanted, why);
    sg_memory_keep();
    sg_memory_end_call();
    return configured;
}

bool exports_sluicegate_plugin_filter_filter(exports_sluicegate_plugin_filter_event_t *event,
                                             exports_sluicegate_plugin_filter_decision_t *decision,
                                             exports_sluicegate_plugin_filter_failure_t *failure) {
    sg_memory_begin_call();
    sg_answer answer = configured ? sg_filter(event) : sg_failed(SG("not configured"));
    if (answer.is_err) *failure = answer.val.err;
    else *decision = answer.val.ok;
    sg_memory_end_call();
    return !answer.is_err;
}

#ifdef __wasm__
__attribute__((export_name("cabi_realloc")))
#endif
/* The gateway writes the arguments of a call here, before the call. */
void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
    sg_memory_begin_call();
    if (size == 0) return (void *)align;
    void *memory = sg_memory_take(size, align);
    if (old_size > 0) __builtin_memcpy(memory, old, old_size < size ? old_size : size);
    return memory;
}

/* The bindings have weak functions of these names, which would free an answer piece by piece after
 * it was read. These are not exported, so that the gateway has one call less to make. */
void __wasm_export_exports_sluicegate_plugin_filter_configure_post_return(uint8_t *answer);
void __wasm_export_exports_sluicegate_plugin_filter_configure_post_return(uint8_t *answer) {
    (void)answer;
}
void __wasm_export_exports_sluicegate_plugin_filter_filter_post_return(uint8_t *answer);
void __wasm_export_exports_sluicegate_plugin_filter_filter_post_return(uint8_t *answer) {
    (void)answer;
}

/* What freestanding/stdlib.h names: memory that goes by itself. Each piece has its size before it,
 * which `realloc` needs. */
void *sg_memory_malloc(size_t bytes) {
    size_t *piece = sg_memory_take(bytes + 16, 16);
    *piece = bytes;
    return (uint8_t *)piece + 16;
}

void *sg_memory_calloc(size_t count, size_t bytes) {
    size_t all;
    if (__builtin_mul_overflow(count, bytes, &all)) __builtin_trap();
    return __builtin_memset(sg_memory_malloc(all), 0, all);
}

void *sg_memory_realloc(void *old, size_t bytes) {
    void *memory = sg_memory_malloc(bytes);
    if (old != NULL) {
        size_t old_bytes = *(size_t *)((uint8_t *)old - 16);
        __builtin_memcpy(memory, old, old_bytes < bytes ? old_bytes : bytes);
    }
    return memory;
}

void sg_memory_free(void *memory) { (void)memory; }
