/* Drops the events that are marked as spam. */
#include <sluicegate.h>

bool sg_configure(sg_string config, sg_subscription *wanted, sg_string *why) {
    (void)config, (void)why;
    sg_strings_add(&wanted->types, SG("push"));
    sg_strings_add(&wanted->headers, SG("x-spam"));
    return true;
}

sg_answer sg_filter(const sg_event *event) {
    return sg_header(event, SG("x-spam"), NULL) ? sg_drop(SG("marked as spam")) : sg_next();
}
