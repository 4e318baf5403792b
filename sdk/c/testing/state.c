/* What stands in for the gateway's state in native tests. A key whose time is over, by the clock of
 * the test, is not there. */
#include "state.h"

#include <stdlib.h>
#include <string.h>

#include "../include/sluicegate_test.h"

enum { KEYS_MAX = 1024 };

typedef struct {
    uint8_t *key, *value; /* NULL key: a free place */
    size_t key_len, value_len;
    uint64_t ends_ns;
} entry;

static entry entries[KEYS_MAX];

static void forget(entry *it) {
    free(it->key);
    free(it->value);
    *it = (entry){0};
}

void sg_test_state_clear(void) {
    for (size_t i = 0; i < KEYS_MAX; i++) forget(&entries[i]);
}

static entry *find(sg_string key) {
    for (entry *it = entries; it < entries + KEYS_MAX; it++) {
        if (it->key == NULL || !sg_equal((sg_string){it->key, it->key_len}, key)) continue;
        if (it->ends_ns > sg_test_now_ns) return it;
        forget(it);
    }
    return NULL;
}

static uint8_t *copied(const uint8_t *from, size_t len) {
    uint8_t *copy = malloc(len + 1);
    if (copy == NULL) abort();
    if (len > 0) memcpy(copy, from, len);
    return copy;
}

static uint64_t ends(const uint64_t *ttl_ms) {
    return ttl_ms == NULL ? UINT64_MAX : sg_test_now_ns + *ttl_ms * 1000000;
}

static bool put(sg_string key, sg_bytes value, const uint64_t *ttl_ms,
                sluicegate_plugin_state_error_t *error) {
    entry *it = find(key);
    for (size_t i = 0; it == NULL && i < KEYS_MAX; i++) {
        if (entries[i].key == NULL) it = &entries[i];
    }
    if (it == NULL) {
        error->tag = SLUICEGATE_PLUGIN_STATE_ERROR_QUOTA_EXCEEDED;
        return false;
    }
    uint8_t *copy = copied(value.ptr, value.len);
    forget(it);
    *it = (entry){copied(key.ptr, key.len), copy, key.len, value.len, ends(ttl_ms)};
    return true;
}

bool sluicegate_plugin_state_get(filter_plugin_string_t *key, filter_plugin_option_list_u8_t *ret,
                                 sluicegate_plugin_state_error_t *error) {
    (void)error;
    entry *it = find(*key);
    *ret = (filter_plugin_option_list_u8_t){0};
    if (it == NULL) return true;
    ret->is_some = true;
    /* The filter's own copy, as it has one in the gateway. */
    ret->val = (sg_bytes){sg_alloc(it->value_len), it->value_len};
    if (it->value_len > 0) memcpy(ret->val.ptr, it->value, it->value_len);
    return true;
}

bool sluicegate_plugin_state_set(filter_plugin_string_t *key, filter_plugin_list_u8_t *value,
                                 uint64_t *ttl_ms, sluicegate_plugin_state_error_t *error) {
    return put(*key, *value, ttl_ms, error);
}

bool sluicegate_plugin_state_set_if_absent(filter_plugin_string_t *key,
                                           filter_plugin_list_u8_t *value, uint64_t *ttl_ms,
                                           bool *ret, sluicegate_plugin_state_error_t *error) {
    *ret = find(*key) == NULL;
    return !*ret || put(*key, *value, ttl_ms, error);
}

bool sluicegate_plugin_state_delete(filter_plugin_string_t *key,
                                    sluicegate_plugin_state_error_t *error) {
    (void)error;
    entry *it = find(*key);
    if (it != NULL) forget(it);
    return true;
}

bool sluicegate_plugin_state_increment(filter_plugin_string_t *key, int64_t delta,
                                       uint64_t *ttl_ms, int64_t *ret,
                                       sluicegate_plugin_state_error_t *error) {
    entry *it = find(*key);
    int64_t number = 0;
    if (it != NULL && it->value_len == sizeof number) memcpy(&number, it->value, sizeof number);
    number += delta;
    *ret = number;
    return put(*key, (sg_bytes){(uint8_t *)&number, sizeof number}, ttl_ms, error);
}

bool sg_test_state(const char *key, sg_string *value) {
    entry *it = find(sg_from(key));
    if (it != NULL) *value = (sg_string){it->value, it->value_len};
    return it != NULL;
}
