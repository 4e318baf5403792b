/* Text by place and length, and lists of it. */
#include <string.h>

#include "../include/sluicegate.h"
#include "memory.h"

sg_string sg_from(const char *text) { return (sg_string){(uint8_t *)text, strlen(text)}; }

bool sg_equal(sg_string one, sg_string other) {
    return one.len == other.len && (one.len == 0 || memcmp(one.ptr, other.ptr, one.len) == 0);
}

static uint8_t lower(uint8_t byte) { return byte >= 'A' && byte <= 'Z' ? byte + 32 : byte; }

bool sg_equal_any_case(sg_string one, sg_string other) {
    if (one.len != other.len) return false;
    for (size_t i = 0; i < one.len; i++) {
        if (lower(one.ptr[i]) != lower(other.ptr[i])) return false;
    }
    return true;
}

bool sg_starts_with(sg_string text, sg_string start) {
    return text.len >= start.len && sg_equal((sg_string){text.ptr, start.len}, start);
}

sg_string sg_lower(sg_string text) {
    uint8_t *copy = sg_memory_take(text.len, 1);
    for (size_t i = 0; i < text.len; i++) copy[i] = lower(text.ptr[i]);
    return (sg_string){copy, text.len};
}

sg_string sg_join(const sg_string *parts, size_t count) {
    size_t len = 0;
    for (size_t i = 0; i < count; i++) len += parts[i].len;
    sg_string all = {sg_memory_take(len, 1), len};
    uint8_t *at = all.ptr;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0) memcpy(at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    return all;
}

sg_string sg_number(int64_t number) {
    enum { DIGITS_MAX = 20 };
    uint8_t *digits = sg_memory_take(DIGITS_MAX, 1);
    uint8_t *at = digits + DIGITS_MAX;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        *--at = (uint8_t)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0) *--at = '-';
    return (sg_string){at, (size_t)(digits + DIGITS_MAX - at)};
}

/* Room for one more item. A list that ends where free memory begins grows in place; any other is
 * copied, so that a list that is the gateway's, or a copy of its place, is never written behind. */
static void *grown(void *items, size_t len, size_t size) {
    if (len > 0 && sg_memory_ends_at((uint8_t *)items + len * size, size)) {
        sg_memory_take(size, 1);
        return items;
    }
    void *copy = sg_memory_take((len + 1) * size, sizeof(void *));
    if (len > 0) memcpy(copy, items, len * size);
    return copy;
}

void sg_strings_add(sg_strings *strings, sg_string item) {
    strings->ptr = grown(strings->ptr, strings->len, sizeof *strings->ptr);
    strings->ptr[strings->len++] = item;
}

void sg_fields_add(sg_fields *fields, sg_string name, sg_string value) {
    fields->ptr = grown(fields->ptr, fields->len, sizeof *fields->ptr);
    fields->ptr[fields->len++] = (sg_field){name, value};
}
