/* What redactor asks for, and its edges; what it decides is in ../cases.yaml. */
#include <sluicegate_test.h>

SG_TEST(a_payload_and_a_header_are_redacted_in_one_output) {
    SG_CHECK(sg_test_configure("{\"keys\":[\"email\"],\"headers\":[\"X-Forwarded-For\"]}"));
    SG_IS(sg_test_wanted()->headers.ptr[0], "x-forwarded-for");
    SG_CHECK(sg_test_wanted()->data == SG_DATA_AUTO);
    sg_event event = sg_test_event("push");
    sg_test_header(&event, "x-forwarded-for", "192.0.2.1");
    sg_test_text(&event, "{ \"email\" : \"a@example.org\", \"n\": 1.0 }");
    SG_SAYS(sg_test_filter(&event),
            "emit: {remove x-forwarded-for; text { \"email\" : \"***\", \"n\": 1.0 }}");
}

SG_TEST(an_event_with_nothing_to_hide_goes_on_as_it_is) {
    SG_CHECK(sg_test_configure("{\"keys\":[\"email\"],\"headers\":[\"x-forwarded-for\"]}"));
    sg_event event = sg_test_event("push");
    SG_SAYS(sg_test_filter(&event), "next");
    sg_test_text(&event, "{\"name\":\"x\"}");
    SG_SAYS(sg_test_filter(&event), "next");
}

SG_TEST(what_cannot_be_read_is_not_let_through) {
    SG_CHECK(sg_test_configure("{\"pointers\":[\"/email\"]}"));
    sg_event event = sg_test_event("push");
    sg_test_text(&event, "{\"email\":\"a@exa");
    SG_SAYS(sg_test_filter(&event), "failed: not JSON at byte 15: a string is cut off");
    sg_test_bytes(&event, "\xff", 1);
    SG_SAYS(sg_test_filter(&event), "failed: the payload is not text, so nothing can be masked");
}

SG_TEST(headers_alone_need_no_payload) {
    SG_CHECK(sg_test_configure("{\"headers\":[\"x-a\"]}"));
    SG_CHECK(sg_test_wanted()->data == SG_DATA_NONE);
    sg_event event = sg_test_event("push");
    sg_test_header(&event, "x-a", "1");
    SG_SAYS(sg_test_filter(&event), "emit: {remove x-a}");
}

SG_TEST(the_mask_is_written_as_the_configuration_has_it) {
    SG_CHECK(sg_test_configure("{\"pointers\":[\"/a~1b/*/~0\"],\"mask\":\"\\u0078\"}"));
    sg_event event = sg_test_event("push");
    sg_test_text(&event, "{\"a/b\":[{\"~\":1},{\"~\":[2]},3]}");
    SG_SAYS(sg_test_filter(&event),
            "emit: {text {\"a/b\":[{\"~\":\"\\u0078\"},{\"~\":\"\\u0078\"},3]}}");
}

SG_TEST(a_wrong_configuration_is_refused_by_name) {
    SG_CHECK(!sg_test_configure("{}"));
    SG_IS(sg_test_why(), "config: one of pointers, keys and headers is needed");
    SG_CHECK(!sg_test_configure("{\"pointers\":[\"a\"]}"));
    SG_IS(sg_test_why(), "config: pointers is unknown or has a wrong value");
    SG_CHECK(!sg_test_configure("{\"keys\":[\"a\"],\"mask\":1}"));
    SG_IS(sg_test_why(), "config: mask is unknown or has a wrong value");
}
