/* Decisions and failures, and the parts of an output. */
#include "../include/sluicegate.h"

static sg_answer decided(uint8_t tag) {
    sg_answer answer = {0};
    answer.val.ok.tag = tag;
    return answer;
}

sg_answer sg_next(void) { return decided(SLUICEGATE_PLUGIN_TYPES_DECISION_NEXT); }

sg_answer sg_drop(sg_string reason) {
    sg_answer answer = decided(SLUICEGATE_PLUGIN_TYPES_DECISION_DROP);
    answer.val.ok.val.drop = reason;
    return answer;
}

sg_answer sg_route(sg_strings queues) {
    sg_answer answer = decided(SLUICEGATE_PLUGIN_TYPES_DECISION_ROUTE);
    answer.val.ok.val.route = queues;
    return answer;
}

sg_answer sg_emit(const sg_output *outputs, size_t count) {
    sg_answer answer = decided(SLUICEGATE_PLUGIN_TYPES_DECISION_EMIT);
    /* Copied: the outputs may be on the stack of the filter, which is gone when they are read. */
    sg_output *copy = sg_alloc(count * sizeof *copy);
    for (size_t i = 0; i < count; i++) copy[i] = outputs[i];
    answer.val.ok.val.emit.ptr = copy;
    answer.val.ok.val.emit.len = count;
    return answer;
}

sg_answer sg_reject(sg_reject_code code, sg_string reason) {
    sg_answer answer = decided(SLUICEGATE_PLUGIN_TYPES_DECISION_REJECT);
    answer.val.ok.val.reject.code = (uint8_t)code;
    answer.val.ok.val.reject.reason = reason;
    return answer;
}

sg_answer sg_dead_letter(sg_string reason) {
    sg_answer answer = decided(SLUICEGATE_PLUGIN_TYPES_DECISION_DEAD_LETTER);
    answer.val.ok.val.dead_letter = reason;
    return answer;
}

sg_answer sg_failed(sg_string why) {
    sg_answer answer = {0};
    answer.is_err = true;
    answer.val.err.tag = SLUICEGATE_PLUGIN_TYPES_FAILURE_FAILED;
    answer.val.err.val.failed = why;
    return answer;
}

sg_answer sg_retry_after(uint32_t ms) {
    sg_answer answer = {0};
    answer.is_err = true;
    answer.val.err.tag = SLUICEGATE_PLUGIN_TYPES_FAILURE_RETRY_AFTER;
    answer.val.err.val.retry_after = ms;
    return answer;
}

void sg_set_text(sg_output *output, sg_string text) {
    output->data.is_some = true;
    output->data.val.tag = SLUICEGATE_PLUGIN_TYPES_DATA_TEXT;
    output->data.val.val.text = text;
}

void sg_set_bytes(sg_output *output, const void *bytes, size_t len) {
    output->data.is_some = true;
    output->data.val.tag = SLUICEGATE_PLUGIN_TYPES_DATA_BINARY;
    output->data.val.val.binary = (sg_bytes){(uint8_t *)bytes, len};
}

void sg_set_type(sg_output *output, sg_string type) {
    output->type.is_some = true;
    output->type.val = type;
}

void sg_set_content_type(sg_output *output, sg_string content_type) {
    output->content_type.is_some = true;
    output->content_type.val = content_type;
}
