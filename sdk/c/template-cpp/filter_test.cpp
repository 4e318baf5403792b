// What the filter decides, natively.
#include <sluicegate_test.h>

SG_TEST(a_marked_event_is_dropped_and_any_other_goes_on) {
    SG_CHECK(sg_test_configure("{}"));
    sg_event event = sg_test_event("push");
    SG_SAYS(sg_test_filter(&event), "next");
    sg_test_header(&event, "x-spam", "yes");
    SG_SAYS(sg_test_filter(&event), "drop: marked as spam");
}
