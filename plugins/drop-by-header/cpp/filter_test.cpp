// What drop-by-header asks for, and its edges; what it decides is in ../cases.yaml.
#include <sluicegate_test.h>

SG_TEST(it_asks_for_one_header_and_never_for_the_payload) {
    SG_CHECK(sg_test_configure("{\"header\":\"X-Spam\"}"));
    const sg_subscription *wanted = sg_test_wanted();
    SG_CHECK(wanted->data == SG_DATA_NONE);
    SG_CHECK(wanted->types.len == 0 && wanted->attributes.len == 0 && wanted->headers.len == 1);
    SG_IS(wanted->headers.ptr[0], "x-spam");
}

SG_TEST(a_wanted_value_counts_wherever_it_stands) {
    SG_CHECK(sg_test_configure("{\"header\":\"x-spam\",\"values\":[\"a\",\"b\"]}"));
    sg_event event = sg_test_event("push");
    sg_test_header(&event, "x-spam", "c");
    SG_SAYS(sg_test_filter(&event), "next");
    sg_test_header(&event, "x-spam", "b");
    SG_SAYS(sg_test_filter(&event), "drop: marked by x-spam");
}

SG_TEST(what_the_configuration_said_stays_from_call_to_call) {
    SG_CHECK(sg_test_configure("{\"header\":\"x-spam\",\"reason\":\"sp\\u0061m\"}"));
    for (int i = 0; i < 1000; i++) {
        sg_event event = sg_test_event("push");
        sg_test_header(&event, "x-spam", "1");
        SG_SAYS(sg_test_filter(&event), "drop: spam");
    }
}

SG_TEST(a_wrong_configuration_is_refused_by_name) {
    SG_CHECK(!sg_test_configure("{\"header\":5}"));
    SG_IS(sg_test_why(), "config: header is unknown or has a wrong value");
    SG_CHECK(!sg_test_configure("{}"));
    SG_IS(sg_test_why(), "config: header is missing");
    SG_CHECK(!sg_test_configure("[]"));
    SG_IS(sg_test_why(), "config: not JSON at byte 0: it is not an object");
}
