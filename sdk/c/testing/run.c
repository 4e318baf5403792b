/* Runs the tests, makes events, and calls the filter as the gateway does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../include/sluicegate_test.h"
#include "doubles.h"

static struct { const char *name; sg_test_function run; } tests[512];
static size_t test_count, failures;
static sg_subscription wanted;
static sg_string why;

void sg_test_register(const char *name, sg_test_function run) {
    if (test_count == sizeof tests / sizeof *tests) abort();
    tests[test_count].name = name;
    tests[test_count++].run = run;
}

void sg_test_check(bool right, const char *what, const char *file, int line) {
    if (right) return;
    failures++;
    printf("%s:%d: it is not so: %s\n", file, line, what);
}

void sg_test_compare(const char *said, const char *expected, const char *file, int line) {
    if (strcmp(said, expected) == 0) return;
    failures++;
    printf("%s:%d:\n  said    %s\n  wanted  %s\n", file, line, said, expected);
}

int main(void) {
    size_t failed = 0;
    for (size_t i = 0; i < test_count; i++) {
        sg_test_doubles_clear();
        failures = 0;
        tests[i].run();
        if (failures > 0) printf("test %s FAILED\n", tests[i].name), failed++;
        else printf("test %s ok\n", tests[i].name);
    }
    printf("%zu tests, %zu failed\n", test_count, failed);
    return failed > 0 || test_count == 0;
}

bool sg_test_configure(const char *config) {
    filter_plugin_string_t text = sg_from(config);
    return exports_sluicegate_plugin_filter_configure(&text, &wanted, &why);
}

sg_string sg_test_why(void) { return why; }

const sg_subscription *sg_test_wanted(void) { return &wanted; }

sg_answer sg_test_filter(const sg_event *event) {
    sg_event copy = *event;
    sg_answer answer = {0};
    exports_sluicegate_plugin_filter_decision_t decision = {0};
    exports_sluicegate_plugin_filter_failure_t failure = {0};
    answer.is_err = !exports_sluicegate_plugin_filter_filter(&copy, &decision, &failure);
    if (answer.is_err) answer.val.err = failure;
    else answer.val.ok = decision;
    return answer;
}

sg_event sg_test_event(const char *type) {
    sg_event event = {0};
    event.id = SG("018bcfe5-6800-7000-8000-000000000007");
    event.source = SG("test");
    event.type = sg_from(type);
    event.time = 1700000000000000000u;
    event.content_type = SG("application/json");
    sg_test_text(&event, "");
    return event;
}

/* Left to the end of the process: tests are short, and events outlive the filter's memory. */
static void *forever(size_t bytes) {
    static struct piece { struct piece *next; } *all;
    struct piece *memory = calloc(1, sizeof *all + bytes);
    if (memory == NULL) abort();
    memory->next = all;
    all = memory;
    return memory + 1;
}

static void add(sg_fields *fields, const char *name, const char *value) {
    sg_field *more = forever((fields->len + 1) * sizeof *more);
    if (fields->len > 0) memcpy(more, fields->ptr, fields->len * sizeof *more);
    more[fields->len] = (sg_field){sg_from(name), sg_from(value)};
    fields->ptr = more;
    fields->len++;
}

void sg_test_attribute(sg_event *event, const char *name, const char *value) {
    add(&event->attributes, name, value);
}

void sg_test_header(sg_event *event, const char *name, const char *value) {
    add(&event->headers, name, value);
}

void sg_test_text(sg_event *event, const char *text) {
    event->data.tag = SLUICEGATE_PLUGIN_TYPES_DATA_TEXT;
    event->data.val.text = sg_from(text);
}

void sg_test_bytes(sg_event *event, const void *bytes, size_t len) {
    event->data.tag = SLUICEGATE_PLUGIN_TYPES_DATA_BINARY;
    event->data.val.binary = (sg_bytes){(uint8_t *)bytes, len};
}
