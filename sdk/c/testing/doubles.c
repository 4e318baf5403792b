/* What stands in for the gateway in native tests: log, metrics and clock, kept in memory. */
#include "doubles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../include/sluicegate_test.h"
#include "state.h"

enum { LINES_MAX = 256, SERIES_MAX = 64, TEXT_MAX = 512 };

uint64_t sg_test_now_ns;
sg_level sg_test_level;

static char lines[LINES_MAX][TEXT_MAX];
static size_t line_count;
static struct { char name[TEXT_MAX]; uint64_t count; double sum; } series[SERIES_MAX];
static size_t series_count;

void sg_test_doubles_clear(void) {
    sg_test_now_ns = 1700000000000000000u;
    sg_test_level = SG_DEBUG;
    line_count = series_count = 0;
    memset(series, 0, sizeof series);
    sg_test_state_clear();
}

/* Adds text, and the fields after it, to what is in `to`. */
static void write_words(char *to, sg_string text,
                        const filter_plugin_list_tuple2_string_string_t *fields) {
    size_t at = strlen(to);
    at += (size_t)snprintf(to + at, TEXT_MAX - at, "%.*s", (int)text.len, (char *)text.ptr);
    for (size_t i = 0; i < fields->len && at < TEXT_MAX; i++) {
        sg_field field = fields->ptr[i];
        at += (size_t)snprintf(to + at, TEXT_MAX - at, " %.*s=%.*s", (int)field.f0.len,
                               (char *)field.f0.ptr, (int)field.f1.len, (char *)field.f1.ptr);
    }
}

bool sluicegate_plugin_log_enabled(sluicegate_plugin_log_level_t level) {
    return level >= sg_test_level;
}

void sluicegate_plugin_log_write(sluicegate_plugin_log_level_t level,
                                 filter_plugin_string_t *message,
                                 filter_plugin_list_tuple2_string_string_t *fields) {
    static const char *const names[] = {"trace ", "debug ", "info ", "warn ", "error "};
    if (level < sg_test_level || line_count == LINES_MAX) return;
    strcpy(lines[line_count], names[level]);
    write_words(lines[line_count++], *message, fields);
}

size_t sg_test_log_count(void) { return line_count; }

const char *sg_test_log_line(size_t at) { return at < line_count ? lines[at] : "no such line"; }

static size_t find_series(const char *name) {
    size_t at = 0;
    while (at < series_count && strcmp(series[at].name, name) != 0) at++;
    return at;
}

static uint32_t make_series(filter_plugin_string_t *name,
                            filter_plugin_list_tuple2_string_string_t *labels) {
    char words[TEXT_MAX] = "";
    write_words(words, *name, labels);
    size_t at = find_series(words);
    if (at == SERIES_MAX) return UINT32_MAX;
    if (at == series_count) strcpy(series[series_count++].name, words);
    return (uint32_t)at;
}

uint32_t sluicegate_plugin_metrics_counter(filter_plugin_string_t *name,
                                           filter_plugin_list_tuple2_string_string_t *labels) {
    return make_series(name, labels);
}

uint32_t sluicegate_plugin_metrics_histogram(filter_plugin_string_t *name,
                                             filter_plugin_list_tuple2_string_string_t *labels) {
    return make_series(name, labels);
}

void sluicegate_plugin_metrics_add(uint32_t id, uint64_t delta) {
    if (id < series_count) series[id].count += delta;
}

void sluicegate_plugin_metrics_observe(uint32_t id, double value) {
    if (id >= series_count) return;
    series[id].count++;
    series[id].sum += value;
}

uint64_t sg_test_counted(const char *name) {
    size_t at = find_series(name);
    return at < series_count ? series[at].count : 0;
}

size_t sg_test_observed(const char *name, double *sum) {
    size_t at = find_series(name);
    *sum = at < series_count ? series[at].sum : 0;
    return at < series_count ? (size_t)series[at].count : 0;
}

uint64_t sluicegate_plugin_clock_now_ns(void) { return sg_test_now_ns; }
