// What severity-router asks for, and a real payload; what it decides is in ../cases.yaml.
#include <sluicegate_test.h>

#define CONFIG "{\"threshold\":\"high\",\"queues\":[\"urgent\",\"siem\"]}"

static const char *decide(const char *config, const char *payload) {
    SG_CHECK(sg_test_configure(config));
    sg_event event = sg_test_event("dependabot_alert");
    sg_test_text(&event, payload);
    return sg_test_words(sg_test_filter(&event));
}

SG_TEST(it_asks_for_alerts_with_their_payload) {
    SG_CHECK(sg_test_configure(CONFIG));
    const sg_subscription *wanted = sg_test_wanted();
    SG_CHECK(wanted->data == SG_DATA_AUTO && wanted->types.len == 2 && wanted->headers.len == 0);
    SG_IS(wanted->types.ptr[0], "code_scanning_alert*");
    SG_IS(wanted->types.ptr[1], "dependabot_alert*");
}

SG_TEST(alerts_at_or_above_the_threshold_go_to_the_queues) {
    const char *high = "{\"alert\":{\"security_advisory\":{\"severity\":\"high\"}}}";
    const char *low = "{\"alert\":{\"security_advisory\":{\"severity\":\"low\"}}}";
    sg_test_compare(decide(CONFIG, high), "route: urgent siem", __FILE__, __LINE__);
    sg_test_compare(decide(CONFIG, low), "next", __FILE__, __LINE__);
    const char *drop = "{\"threshold\":\"high\",\"queues\":[\"a\"],\"else\":\"drop\"}";
    sg_test_compare(decide(drop, low), "drop: below the severity threshold", __FILE__, __LINE__);
}

SG_TEST(a_payload_that_is_not_text_is_a_failure) {
    SG_CHECK(sg_test_configure(CONFIG));
    sg_event event = sg_test_event("dependabot_alert");
    sg_test_bytes(&event, "\xff", 1);
    SG_SAYS(sg_test_filter(&event), "failed: the payload is not text");
}

SG_TEST(a_wrong_configuration_is_refused_by_name) {
    SG_CHECK(!sg_test_configure("{\"threshold\":\"hi\",\"queues\":[\"a\"]}"));
    SG_IS(sg_test_why(), "config: threshold is unknown or has a wrong value");
    SG_CHECK(!sg_test_configure("{\"threshold\":\"low\",\"queues\":[\"a\"],\"limit\":1}"));
    SG_IS(sg_test_why(), "config: limit is unknown or has a wrong value");
    SG_CHECK(!sg_test_configure("{\"threshold\":\"low\",\"queues\":[]}"));
    SG_IS(sg_test_why(), "config: queues is missing or empty");
}
