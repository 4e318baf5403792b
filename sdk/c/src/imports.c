/* What the gateway offers to a filter, in the words of sluicegate.h. */
#include "../include/sluicegate.h"

static filter_plugin_list_tuple2_string_string_t list(const sg_field *fields, size_t count) {
    return (filter_plugin_list_tuple2_string_string_t){(sg_field *)fields, count};
}

bool sg_log_enabled(sg_level level) { return sluicegate_plugin_log_enabled((uint8_t)level); }

void sg_log(sg_level level, sg_string message) { sg_log_with(level, message, NULL, 0); }

void sg_log_with(sg_level level, sg_string message, const sg_field *fields, size_t count) {
    filter_plugin_list_tuple2_string_string_t all = list(fields, count);
    sluicegate_plugin_log_write((uint8_t)level, &message, &all);
}

sg_counter sg_counter_new(sg_string name, const sg_field *labels, size_t count) {
    filter_plugin_list_tuple2_string_string_t all = list(labels, count);
    return (sg_counter){sluicegate_plugin_metrics_counter(&name, &all)};
}

sg_histogram sg_histogram_new(sg_string name, const sg_field *labels, size_t count) {
    filter_plugin_list_tuple2_string_string_t all = list(labels, count);
    return (sg_histogram){sluicegate_plugin_metrics_histogram(&name, &all)};
}

void sg_counter_add(sg_counter counter, uint64_t delta) {
    sluicegate_plugin_metrics_add(counter.id, delta);
}

void sg_histogram_observe(sg_histogram histogram, double value) {
    sluicegate_plugin_metrics_observe(histogram.id, value);
}

uint64_t sg_now_ns(void) { return sluicegate_plugin_clock_now_ns(); }
