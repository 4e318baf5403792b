/* The words of the API, its memory, and what stands in for the gateway; over a filter that does
 * what the type of the event says. */
#include <sluicegate_test.h>

#include <string.h>

#include "../src/memory.h"

static sg_counter seen;
static sg_histogram sizes;
static sg_string kept;

bool sg_configure(sg_string config, sg_subscription *wanted, sg_string *why) {
    if (!sg_starts_with(config, SG("{"))) {
        *why = SG_JOIN(SG("not this: "), config);
        return false;
    }
    kept = SG_JOIN(config, SG("!"));
    seen = sg_counter_new(SG("seen"), &(sg_field){SG("kind"), SG("x")}, 1);
    sizes = sg_histogram_new(SG("bytes"), NULL, 0);
    sg_strings_add(&wanted->types, SG("a*"));
    sg_strings_add(&wanted->attributes, SG("subject"));
    sg_strings_add(&wanted->types, SG("b"));
    return true;
}

static sg_answer many_outputs(void) {
    sg_output outputs[2] = {0};
    sg_strings_add(&outputs[0].queues, SG("q1"));
    sg_strings_add(&outputs[0].queues, SG("q2"));
    sg_set_type(&outputs[0], SG("t"));
    sg_set_content_type(&outputs[0], SG("text/plain"));
    sg_fields_add(&outputs[0].set_attributes, SG("subject"), SG("s"));
    sg_fields_add(&outputs[0].set_headers, SG("x-a"), SG("1"));
    sg_fields_add(&outputs[0].set_headers, SG("x-a"), SG("2"));
    sg_strings_add(&outputs[0].remove, SG("x-b"));
    sg_set_text(&outputs[0], SG("hello"));
    sg_set_bytes(&outputs[1], "\x01\xff", 2);
    return sg_emit(outputs, 2);
}

sg_answer sg_filter(const sg_event *event) {
    sg_counter_add(seen, 1);
    sg_histogram_observe(sizes, (double)sg_payload(event).len);
    if (sg_equal(event->type, SG("kept"))) return sg_drop(kept);
    if (sg_equal(event->type, SG("emit"))) return many_outputs();
    if (sg_equal(event->type, SG("reject"))) return sg_reject(SG_FORBIDDEN, SG("no"));
    if (sg_equal(event->type, SG("letter"))) return sg_dead_letter(SG("odd"));
    if (sg_equal(event->type, SG("fail"))) return sg_failed(sg_number(INT64_MIN));
    if (sg_equal(event->type, SG("later"))) return sg_retry_after(500);
    if (sg_equal(event->type, SG("copy"))) {
        /* The gateway's list is not written behind: the new one is a copy. */
        sg_fields more = event->headers;
        sg_fields_add(&more, SG("x-new"), SG("1"));
        return more.ptr == event->headers.ptr ? sg_failed(SG("not copied")) : sg_next();
    }
    if (sg_equal(event->type, SG("log"))) {
        sg_log(SG_INFO, SG("hello"));
        sg_log_with(SG_WARN, SG("odd"), &(sg_field){SG("n"), sg_number(7)}, 1);
        sg_log(SG_TRACE, SG("not seen"));
        return sg_drop(sg_number((int64_t)(sg_now_ns() / 1000000000)));
    }
    return sg_next();
}

static sg_answer of(const char *type) {
    sg_event event = sg_test_event(type);
    return sg_test_filter(&event);
}

SG_TEST(a_refused_configuration_says_why) {
    SG_CHECK(!sg_test_configure("nonsense"));
    SG_IS(sg_test_why(), "not this: nonsense");
    SG_SAYS(of("x"), "failed: not configured");
}

SG_TEST(answers_say_what_was_decided) {
    SG_CHECK(sg_test_configure("{}"));
    SG_CHECK(sg_test_wanted()->types.len == 2);
    SG_IS(sg_test_wanted()->types.ptr[1], "b");
    SG_SAYS(of("kept"), "drop: {}!");
    SG_SAYS(of("reject"), "reject forbidden: no");
    SG_SAYS(of("letter"), "dead-letter: odd");
    SG_SAYS(of("fail"), "failed: -9223372036854775808");
    SG_SAYS(of("later"), "retry-after: 500");
    SG_SAYS(of("emit"),
            "emit: {queues q1 q2; type t; content-type text/plain; attribute subject=s; "
            "header x-a=1; header x-a=2; remove x-b; text hello} {bytes 01ff}");
}

SG_TEST(fields_are_found_in_any_case_and_all_of_them) {
    sg_event event = sg_test_event("push");
    sg_test_header(&event, "x-a", "1");
    sg_test_header(&event, "x-b", "2");
    sg_test_header(&event, "x-a", "3");
    sg_test_attribute(&event, "subject", "main");
    sg_string value = {0};
    SG_CHECK(sg_header(&event, SG("X-A"), &value) && sg_equal(value, SG("1")));
    SG_CHECK(sg_attribute(&event, SG("subject"), NULL) && !sg_header(&event, SG("none"), NULL));
    size_t at = 0, count = 0;
    while (sg_fields_next(&event.headers, SG("x-a"), &at, &value)) count++;
    SG_CHECK(count == 2);
    SG_IS(value, "3");
    SG_CHECK(sg_test_configure("{}"));
    event.type = SG("copy");
    SG_SAYS(sg_test_filter(&event), "next");
}

SG_TEST(log_metrics_and_clock_can_be_looked_at) {
    SG_CHECK(sg_test_configure("{}"));
    sg_test_now_ns = 42000000000u;
    SG_SAYS(of("log"), "drop: 42");
    SG_CHECK(sg_test_log_count() == 2);
    SG_CHECK(strcmp(sg_test_log_line(1), "warn odd n=7") == 0);
    of("x");
    SG_CHECK(sg_test_counted("seen kind=x") == 2);
    double sum;
    SG_CHECK(sg_test_observed("bytes", &sum) == 2 && sum == 0);
}

SG_TEST(memory_goes_with_the_call_and_does_not_grow) {
    SG_CHECK(sg_test_configure("{}"));
    of("emit");
    size_t before = sg_memory_bytes();
    for (int i = 0; i < 1000000; i++) of("emit");
    SG_CHECK(sg_memory_bytes() == before);
    SG_SAYS(of("kept"), "drop: {}!");
}

SG_TEST(memory_is_aligned_zeroed_and_as_large_as_asked_for) {
    SG_CHECK(sg_test_configure("{}"));
    for (size_t bytes = 0; bytes < 300000; bytes = bytes * 2 + 1) {
        uint8_t *memory = sg_alloc(bytes);
        SG_CHECK((uintptr_t)memory % 16 == 0);
        for (size_t i = 0; i < bytes; i++) SG_CHECK(memory[i] == 0);
        memset(memory, 0xff, bytes);
    }
    of("x");
}
