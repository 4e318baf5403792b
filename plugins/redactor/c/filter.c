/* Masks values in JSON payloads and removes headers, before an event is stored anywhere.
 *
 * Every byte of the payload that is not masked stays as it was. What cannot be read as JSON is not
 * let through: the filter fails, and its failure policy applies. */
#include <sluicegate.h>
#include <sluicegate_json.h>

static sg_strings types, headers;
static sg_json_rules rules;

static bool nothing_to_mask(void) { return rules.pointer_count == 0 && rules.keys.len == 0; }

static bool lower_strings(sg_string value, sg_strings *into) {
    *into = (sg_strings){0};
    if (!sg_json_strings(value, into)) return false;
    for (size_t i = 0; i < into->len; i++) into->ptr[i] = sg_lower(into->ptr[i]);
    return true;
}

static bool read_pointers(sg_string value) {
    sg_strings texts = {0};
    if (!sg_json_strings(value, &texts)) return false;
    sg_strings *pointers = sg_alloc(texts.len * sizeof *pointers);
    for (size_t i = 0; i < texts.len; i++) {
        if (!sg_json_pointer(texts.ptr[i], &pointers[i])) return false;
    }
    rules.pointers = pointers;
    rules.pointer_count = texts.len;
    return true;
}

static bool read_member(sg_string name, sg_string value) {
    if (sg_equal(name, SG("types"))) {
        types = (sg_strings){0};
        return sg_json_strings(value, &types);
    }
    if (sg_equal(name, SG("headers"))) return lower_strings(value, &headers);
    if (sg_equal(name, SG("keys"))) return lower_strings(value, &rules.keys);
    if (sg_equal(name, SG("pointers"))) return read_pointers(value);
    sg_string mask;
    if (!sg_equal(name, SG("mask")) || !sg_json_string(value, &mask)) return false;
    rules.with = value; /* as it is written in the configuration, with its quotes */
    return true;
}

bool sg_configure(sg_string config, sg_subscription *wanted, sg_string *why) {
    types = headers = (sg_strings){0};
    rules = (sg_json_rules){.with = SG("\"***\"")};
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
    if (nothing_to_mask() && headers.len == 0) {
        *why = SG("config: one of pointers, keys and headers is needed");
        return false;
    }
    wanted->types = types;
    wanted->headers = headers;
    wanted->data = nothing_to_mask() ? SG_DATA_NONE : SG_DATA_AUTO;
    return true;
}

sg_answer sg_filter(const sg_event *event) {
    sg_string text, masked = {0};
    if (!nothing_to_mask() && sg_payload(event).len > 0) {
        if (!sg_text(event, &text)) {
            return sg_failed(SG("the payload is not text, so nothing can be masked"));
        }
        sg_json_error error;
        if (!sg_json_replace(text, &rules, &masked, &error)) {
            return sg_failed(sg_json_error_text(error));
        }
    }
    /* The subscription asked for the headers to remove and no others. */
    if (masked.ptr == NULL && event->headers.len == 0) return sg_next();
    sg_output output = {0};
    for (size_t i = 0; i < event->headers.len; i++) {
        sg_strings_add(&output.remove, event->headers.ptr[i].f0);
    }
    if (masked.ptr != NULL) sg_set_text(&output, masked);
    return sg_emit(&output, 1);
}
