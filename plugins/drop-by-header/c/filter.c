/* Drops the events that carry a header, or a header with one of some values. It never asks for the
 * payload. */
#include <sluicegate.h>
#include <sluicegate_json.h>

static sg_string header;
static sg_strings values; /* empty: any */
static sg_string reason;

static bool read_member(sg_string name, sg_string value) {
    if (sg_equal(name, SG("header"))) {
        bool right = sg_json_string(value, &header) && header.len > 0;
        header = sg_lower(header);
        return right;
    }
    if (sg_equal(name, SG("values"))) {
        values = (sg_strings){0};
        return sg_json_strings(value, &values);
    }
    return sg_equal(name, SG("reason")) && sg_json_string(value, &reason);
}

bool sg_configure(sg_string config, sg_subscription *wanted, sg_string *why) {
    header = reason = (sg_string){0};
    values = (sg_strings){0};
    sg_json_walk walk = sg_json_begin(config);
    while (sg_json_next_member(&walk)) {
        if (read_member(walk.name, walk.value)) continue;
        *why = SG_JOIN(SG("config: "), walk.name, SG(" is unknown or has a wrong value"));
        return false;
    }
    if (walk.error.what != NULL) {
        *why = SG_JOIN(SG("config: "), sg_json_error_text(walk.error));
        return false;
    }
    if (header.len == 0) {
        *why = SG("config: header is missing");
        return false;
    }
    if (reason.len == 0) reason = SG_JOIN(SG("marked by "), header);
    sg_strings_add(&wanted->headers, header);
    return true;
}

sg_answer sg_filter(const sg_event *event) {
    sg_string value;
    for (size_t at = 0; sg_fields_next(&event->headers, header, &at, &value);) {
        if (values.len == 0) return sg_drop(reason);
        for (size_t i = 0; i < values.len; i++) {
            if (sg_equal(values.ptr[i], value)) return sg_drop(reason);
        }
    }
    return sg_next();
}
