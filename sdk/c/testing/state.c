/* State in memory, for native tests. It answers as the gateway does, which state.cases beside the
 * SDKs shows of both. */
#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../include/sluicegate_test.h"

enum { KEY_BYTES_MAX = 512 };

typedef sluicegate_plugin_state_error_t state_error;

typedef struct entry {
    struct entry *next;
    uint8_t *key, *value;
    size_t key_len, value_len;
    uint64_t ends_ns; /* from then on the key is not there */
} entry;

sg_test_grant sg_test_granted;
static entry *entries;

static void forget(entry **at) {
    entry *it = *at;
    *at = it->next;
    free(it->key);
    free(it->value);
    free(it);
}

void sg_test_state_clear(void) {
    while (entries != NULL) forget(&entries);
    sg_test_granted = (sg_test_grant){10000, 16 << 20, 64 << 10};
}

static bool refuse(state_error *error, uint8_t tag) {
    error->tag = tag;
    return false;
}

static bool unavailable(state_error *error, const char *why) {
    sg_string words = sg_from(why);
    error->val.unavailable = (sg_string){sg_alloc(words.len), words.len};
    memcpy(error->val.unavailable.ptr, words.ptr, words.len);
    return refuse(error, SLUICEGATE_PLUGIN_STATE_ERROR_UNAVAILABLE);
}

/* The place of the entry, whose next is NULL if the key is not there. */
static entry **find(sg_string key) {
    entry **at = &entries;
    while (*at != NULL) {
        if ((*at)->ends_ns <= sg_test_now_ns) forget(at);
        else if (sg_equal((sg_string){(*at)->key, (*at)->key_len}, key)) break;
        else at = &(*at)->next;
    }
    return at;
}

static bool look(sg_string key, entry ***at, state_error *error) {
    if (key.len == 0 || key.len > KEY_BYTES_MAX) {
        return refuse(error, SLUICEGATE_PLUGIN_STATE_ERROR_TOO_LARGE);
    }
    *at = find(key);
    return true;
}

static uint8_t *copied(const uint8_t *from, size_t len) {
    uint8_t *copy = malloc(len + 1);
    if (copy == NULL) abort();
    if (len > 0) memcpy(copy, from, len);
    return copy;
}

static uint64_t ends(const uint64_t *ttl_ms) {
    if (ttl_ms == NULL || *ttl_ms > (UINT64_MAX - sg_test_now_ns) / 1000000) return UINT64_MAX;
    return sg_test_now_ns + *ttl_ms * 1000000;
}

static bool has_room(sg_string key, sg_bytes value, const entry *before) {
    size_t keys = 1, bytes = key.len + value.len;
    for (entry *it = entries; it != NULL; it = it->next) {
        if (it == before || it->ends_ns <= sg_test_now_ns) continue;
        keys++;
        bytes += it->key_len + it->value_len;
    }
    /* What does not grow is always taken. */
    bool no_key = before == NULL && keys > sg_test_granted.keys_max;
    bool grows = before == NULL || value.len > before->value_len;
    return !no_key && !(grows && bytes > sg_test_granted.bytes_max);
}

static bool put(sg_string key, sg_bytes value, uint64_t ends_ns, state_error *error) {
    if (value.len > sg_test_granted.value_bytes_max) {
        return refuse(error, SLUICEGATE_PLUGIN_STATE_ERROR_TOO_LARGE);
    }
    entry **at = find(key);
    if (!has_room(key, value, *at)) {
        return refuse(error, SLUICEGATE_PLUGIN_STATE_ERROR_QUOTA_EXCEEDED);
    }
    entry *fresh = malloc(sizeof *fresh);
    if (fresh == NULL) abort();
    *fresh = (entry){NULL, copied(key.ptr, key.len), copied(value.ptr, value.len), key.len,
                     value.len, ends_ns};
    if (*at != NULL) forget(at);
    fresh->next = entries;
    entries = fresh;
    return true;
}

bool sluicegate_plugin_state_get(filter_plugin_string_t *key, filter_plugin_option_list_u8_t *ret,
                                 state_error *error) {
    entry **at;
    *ret = (filter_plugin_option_list_u8_t){0};
    if (!look(*key, &at, error)) return false;
    if (*at == NULL) return true;
    ret->is_some = true;
    /* The filter's own copy, as it has one in the gateway. */
    ret->val = (sg_bytes){sg_alloc((*at)->value_len), (*at)->value_len};
    if ((*at)->value_len > 0) memcpy(ret->val.ptr, (*at)->value, (*at)->value_len);
    return true;
}

bool sluicegate_plugin_state_set(filter_plugin_string_t *key, filter_plugin_list_u8_t *value,
                                 uint64_t *ttl_ms, state_error *error) {
    entry **at;
    return look(*key, &at, error) && put(*key, *value, ends(ttl_ms), error);
}

bool sluicegate_plugin_state_set_if_absent(filter_plugin_string_t *key,
                                           filter_plugin_list_u8_t *value, uint64_t *ttl_ms,
                                           bool *ret, state_error *error) {
    entry **at;
    if (!look(*key, &at, error)) return false;
    *ret = *at == NULL;
    return !*ret || put(*key, *value, ends(ttl_ms), error);
}

bool sluicegate_plugin_state_delete(filter_plugin_string_t *key, state_error *error) {
    entry **at;
    if (!look(*key, &at, error)) return false;
    if (*at != NULL) forget(at);
    return true;
}

/* Reads a whole number that is all of the text. */
static bool read_number(const entry *it, int64_t *number) {
    size_t at = it->value_len > 0 && (it->value[0] == '-' || it->value[0] == '+');
    bool is_negative = at == 1 && it->value[0] == '-';
    if (at == it->value_len) return false;
    for (*number = 0; at < it->value_len; at++) {
        int64_t digit = (int64_t)it->value[at] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(*number, 10, number)) return false;
        if (__builtin_add_overflow(*number, is_negative ? -digit : digit, number)) return false;
    }
    return true;
}

bool sluicegate_plugin_state_increment(filter_plugin_string_t *key, int64_t delta,
                                       uint64_t *ttl_ms, int64_t *ret, state_error *error) {
    entry **at;
    int64_t number = 0;
    char digits[24];
    if (!look(*key, &at, error)) return false;
    if (*at != NULL && !read_number(*at, &number)) {
        return unavailable(error, "the value is not a number");
    }
    if (__builtin_add_overflow(number, delta, &number)) {
        return unavailable(error, "the sum is too large");
    }
    uint64_t ends_ns = *at != NULL && ttl_ms == NULL ? (*at)->ends_ns : ends(ttl_ms);
    size_t len = (size_t)snprintf(digits, sizeof digits, "%lld", (long long)number);
    *ret = number;
    return put(*key, (sg_bytes){(uint8_t *)digits, len}, ends_ns, error);
}

bool sg_test_state(const char *key, sg_string *value) {
    entry *it = *find(sg_from(key));
    if (it != NULL && value != NULL) *value = (sg_string){it->value, it->value_len};
    return it != NULL;
}
