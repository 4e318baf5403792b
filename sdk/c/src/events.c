/* What a filter reads from an event. */
#include "../include/sluicegate.h"

bool sg_fields_next(const sg_fields *fields, sg_string name, size_t *at, sg_string *value) {
    for (; *at < fields->len; ++*at) {
        if (!sg_equal_any_case(fields->ptr[*at].f0, name)) continue;
        if (value != NULL) *value = fields->ptr[*at].f1;
        ++*at;
        return true;
    }
    return false;
}

bool sg_header(const sg_event *event, sg_string name, sg_string *value) {
    size_t at = 0;
    return sg_fields_next(&event->headers, name, &at, value);
}

bool sg_attribute(const sg_event *event, sg_string name, sg_string *value) {
    size_t at = 0;
    return sg_fields_next(&event->attributes, name, &at, value);
}

bool sg_text(const sg_event *event, sg_string *text) {
    if (event->data.tag != SLUICEGATE_PLUGIN_TYPES_DATA_TEXT) return false;
    *text = event->data.val.text;
    return true;
}

sg_bytes sg_payload(const sg_event *event) {
    if (event->data.tag == SLUICEGATE_PLUGIN_TYPES_DATA_BINARY) return event->data.val.binary;
    return (sg_bytes){event->data.val.text.ptr, event->data.val.text.len};
}
