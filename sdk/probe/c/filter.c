/* The probe in C: see ../cases.yaml. */
#include <sluicegate.h>

static sg_string kept;
static sg_counter calls;
static sg_histogram sizes;

bool sg_configure(sg_string config, sg_subscription *wanted, sg_string *why) {
    for (size_t i = 0; i + 5 <= config.len; i++) {
        if (sg_equal((sg_string){config.ptr + i, 5}, SG("false"))) {
            *why = SG_JOIN(SG("no, thank you: "), config);
            return false;
        }
    }
    kept = config;
    calls = sg_counter_new(SG("calls"), &(sg_field){SG("kind"), SG("probe")}, 1);
    sizes = sg_histogram_new(SG("bytes"), NULL, 0);
    sg_strings_add(&wanted->headers, SG("*"));
    sg_strings_add(&wanted->attributes, SG("subject"));
    wanted->data = SG_DATA_AUTO;
    return true;
}

static sg_answer emit(void) {
    sg_output outputs[3] = {0};
    sg_strings_add(&outputs[0].queues, SG("a"));
    sg_strings_add(&outputs[0].queues, SG("b"));
    sg_set_type(&outputs[0], SG("t"));
    sg_set_content_type(&outputs[0], SG("text/plain"));
    sg_fields_add(&outputs[0].set_attributes, SG("subject"), SG("s"));
    sg_fields_add(&outputs[0].set_headers, SG("x-a"), SG("1"));
    sg_fields_add(&outputs[0].set_headers, SG("x-c"), SG("2"));
    sg_strings_add(&outputs[0].remove, SG("x-b"));
    sg_set_text(&outputs[0], SG("\xe2\x9c\x82"));
    sg_set_bytes(&outputs[1], "\x00\xff", 2);
    return sg_emit(outputs, 3);
}

static sg_string with(sg_string words, const sg_fields *fields) {
    for (size_t i = 0; i < fields->len; i++) {
        words = SG_JOIN(words, SG(" "), fields->ptr[i].f0, SG("="), fields->ptr[i].f1);
    }
    return words;
}

static sg_answer echo(const sg_event *event) {
    sg_string words = SG_JOIN(event->id, SG(" "), event->source, SG(" "), event->type, SG(" "),
                              event->content_type);
    sg_string text = {0};
    words = with(with(words, &event->attributes), &event->headers);
    if (!sg_text(event, &text)) {
        text = SG_JOIN(sg_number((int64_t)sg_payload(event).len), SG(" bytes"));
    }
    return sg_drop(SG_JOIN(words, SG(" "), text));
}

static sg_answer imports(void) {
    if (sg_log_enabled(SG_INFO)) {
        sg_log_with(SG_INFO, SG("hello"), &(sg_field){SG("n"), sg_number(7)}, 1);
    }
    sg_counter_add(calls, 1);
    sg_histogram_observe(sizes, 1.5);
    return sg_drop(sg_now_ns() > 0 ? SG("the clock goes") : SG("the clock stands"));
}

sg_answer sg_filter(const sg_event *event) {
    if (sg_equal(event->type, SG("config"))) return sg_drop(kept);
    if (sg_equal(event->type, SG("route"))) {
        sg_strings queues = {0};
        sg_strings_add(&queues, SG("a"));
        sg_strings_add(&queues, SG("b"));
        return sg_route(queues);
    }
    if (sg_equal(event->type, SG("reject"))) return sg_reject(SG_FORBIDDEN, SG("no"));
    if (sg_equal(event->type, SG("dead-letter"))) return sg_dead_letter(SG("odd"));
    if (sg_equal(event->type, SG("failed"))) return sg_failed(SG("broken"));
    if (sg_equal(event->type, SG("retry-after"))) return sg_retry_after(500);
    if (sg_equal(event->type, SG("emit"))) return emit();
    if (sg_equal(event->type, SG("echo"))) return echo(event);
    if (sg_equal(event->type, SG("imports"))) return imports();
    return sg_next();
}
