/* Holds the double of state against the list that the gateway is held against too. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sluicegate_test.h>

#include "../testing/state.h"

enum { WORD_MAX = 70000 };

static uint8_t key_bytes[WORD_MAX], value_bytes[WORD_MAX];
static char answer[2 * WORD_MAX + 16];

/* Writes the bytes that a word of the list stands for. */
static size_t bytes_of(const char *word, uint8_t *to) {
    size_t len = strlen(word), at = 0;
    const char *star = strchr(word, '*');
    if (strcmp(word, "\"\"") == 0) return 0;
    if (strncmp(word, "0x", 2) == 0) {
        for (unsigned byte; sscanf(word + 2 + 2 * at, "%2x", &byte) == 1; at++) to[at] = (uint8_t)byte;
        return at;
    }
    size_t part = star == NULL ? len : (size_t)(star - word);
    for (int times = star == NULL ? 1 : atoi(star + 1); times > 0; times--, at += part) {
        memcpy(to + at, word, part);
    }
    return at;
}

static void say_value(const uint8_t *bytes, size_t len) {
    size_t at = (size_t)snprintf(answer, sizeof answer, "some ");
    for (size_t i = 0; i < len; i++, at += 2) snprintf(answer + at, 3, "%02x", bytes[i]);
}

/* Asks; what is left in `answer` if there was one. Whether it was no error. */
static bool ask(char *const words[4], sluicegate_plugin_state_error_t *error) {
    filter_plugin_string_t key = {key_bytes, bytes_of(words[1], key_bytes)};
    filter_plugin_list_u8_t value = {value_bytes, 0};
    filter_plugin_option_list_u8_t found;
    uint64_t ms = words[3] == NULL ? 0 : strtoull(words[3], NULL, 10);
    uint64_t *ttl = words[3] == NULL ? NULL : &ms;
    int64_t sum;
    bool was_set, right = false;
    strcpy(answer, "ok");
    if (strcmp(words[0], "get") == 0) {
        right = sluicegate_plugin_state_get(&key, &found, error);
        if (right && found.is_some) say_value(found.val.ptr, found.val.len);
        else strcpy(answer, "none");
    } else if (strcmp(words[0], "set") == 0) {
        value.len = bytes_of(words[2], value_bytes);
        right = sluicegate_plugin_state_set(&key, &value, ttl, error);
    } else if (strcmp(words[0], "set-if-absent") == 0) {
        value.len = bytes_of(words[2], value_bytes);
        right = sluicegate_plugin_state_set_if_absent(&key, &value, ttl, &was_set, error);
        if (right) strcpy(answer, was_set ? "true" : "false");
    } else if (strcmp(words[0], "delete") == 0) {
        right = sluicegate_plugin_state_delete(&key, error);
    } else if (strcmp(words[0], "increment") == 0) {
        right = sluicegate_plugin_state_increment(&key, strtoll(words[2], NULL, 10), ttl, &sum,
                                                  error);
        if (right) snprintf(answer, sizeof answer, "%" PRId64, sum);
    } else {
        SG_CHECK(!"the list has a step that is none");
    }
    return right;
}

static void step(char *const words[4]) {
    sluicegate_plugin_state_error_t error = {0};
    answer[0] = 0;
    if (strcmp(words[0], "case") == 0) {
        sg_test_state_clear();
        sg_test_now_ns = 1700000000000000000u;
    } else if (strcmp(words[0], "grant") == 0) {
        size_t bounds[3];
        for (int i = 0; i < 3; i++) bounds[i] = (size_t)atol(words[i + 1]);
        sg_test_granted = (sg_test_grant){bounds[0], bounds[1], bounds[2]};
    } else if (strcmp(words[0], "pass") == 0) {
        sg_test_now_ns += strtoull(words[1], NULL, 10) * 1000000;
    } else if (!ask(words, &error)) {
        sg_string why = error.val.unavailable;
        if (error.tag == SLUICEGATE_PLUGIN_STATE_ERROR_UNAVAILABLE) {
            snprintf(answer, sizeof answer, "unavailable %.*s", (int)why.len, (char *)why.ptr);
        } else {
            bool is_size = error.tag == SLUICEGATE_PLUGIN_STATE_ERROR_TOO_LARGE;
            strcpy(answer, is_size ? "too-large" : "quota-exceeded");
        }
    }
}

static bool is_as_wanted(const char *wanted) {
    static char said[sizeof answer];
    if (strncmp(wanted, "some ", 5) != 0) return strcmp(answer, wanted) == 0;
    strcpy(said, answer);
    say_value(value_bytes, bytes_of(wanted + 5, value_bytes));
    return strcmp(said, answer) == 0;
}

SG_TEST(the_double_answers_as_the_gateway_does) {
    char line[1000], whole[1000], path[1000];
    int steps = 0;
    /* Beside the SDKs: this file is sdk/c/test/state_test.c, as run-tests names it. */
    snprintf(path, sizeof path, "%.*s../../state.cases", (int)(strrchr(__FILE__, '/') + 1 - __FILE__),
             __FILE__);
    FILE *cases = fopen(path, "r");
    SG_CHECK(cases != NULL);
    while (cases != NULL && fgets(line, sizeof line, cases) != NULL) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] == 0 || line[0] == '#') continue;
        strcpy(whole, line);
        char *wanted = strstr(line, " => ");
        if (wanted != NULL) *wanted = 0, wanted += 4, steps++;
        char *words[4] = {0};
        char *word = strtok(line, " ");
        for (int i = 0; i < 4 && word != NULL; i++, word = strtok(NULL, " ")) words[i] = word;
        step(words);
        sg_string said = SG_JOIN(sg_from(whole), SG(": "), sg_from(answer));
        if (!is_as_wanted(wanted == NULL ? "" : wanted)) SG_IS(said, "another answer");
    }
    if (cases != NULL) fclose(cases);
    SG_CHECK(steps > 100);
}

SG_TEST(what_is_remembered_can_be_looked_at) {
    filter_plugin_string_t key = SG("k");
    sluicegate_plugin_state_error_t error;
    int64_t number;
    uint64_t ttl_ms = 10;
    sg_string value;
    SG_CHECK(sluicegate_plugin_state_increment(&key, 5, &ttl_ms, &number, &error));
    SG_CHECK(sg_test_state("k", &value));
    SG_IS(value, "5");
    sg_test_now_ns += 10000000;
    SG_CHECK(!sg_test_state("k", NULL));
}
