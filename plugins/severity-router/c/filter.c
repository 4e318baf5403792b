/* Sends GitHub security alerts at or above a severity to queues of their own.
 *
 * It reads the severity from the payload of `code_scanning_alert` and `dependabot_alert`; events of
 * other types never reach it. */
#include <sluicegate.h>
#include <sluicegate_json.h>

/* How bad an alert is, in the words that GitHub uses for security alerts. UNKNOWN: it does not say,
 * or says something that is no severity. */
typedef enum { UNKNOWN, LOW, MEDIUM, HIGH, CRITICAL } severity;

static severity threshold;
static sg_strings queues;
static bool drop_others;

/* Code scanning rules that are not about security say `note`, `warning` and `error` instead. */
static severity named(sg_string name) {
    static const struct { const char *name; severity severity; } names[] = {
        {"low", LOW},       {"note", LOW},     {"medium", MEDIUM}, {"moderate", MEDIUM},
        {"warning", MEDIUM}, {"high", HIGH},   {"error", HIGH},    {"critical", CRITICAL},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (sg_equal(name, sg_from(names[i].name))) return names[i].severity;
    }
    return UNKNOWN;
}

/* The severity that the payload of an alert says, at the first of the known places. */
static severity of_alert(sg_string payload) {
    static const char *const places[] = {
        "alert/rule/security_severity_level", /* code scanning first, then Dependabot */
        "alert/rule/severity",
        "alert/security_advisory/severity",
        "alert/security_vulnerability/severity",
    };
    enum { PLACES = sizeof places / sizeof *places };
    sg_string found[PLACES], name;
    sg_json_find(payload, places, PLACES, found);
    for (size_t i = 0; i < PLACES; i++) {
        if (found[i].ptr == NULL || !sg_json_string(found[i], &name)) continue;
        severity said = named(name);
        if (said != UNKNOWN) return said;
    }
    return UNKNOWN;
}

static bool read_member(sg_string name, sg_string value) {
    sg_string text;
    if (sg_equal(name, SG("queues"))) return sg_json_strings(value, &queues);
    if (!sg_json_string(value, &text)) return false;
    if (sg_equal(name, SG("threshold"))) {
        threshold = named(text);
        return threshold != UNKNOWN;
    }
    if (!sg_equal(name, SG("else"))) return false;
    if (sg_equal(text, SG("next"))) return true;
    drop_others = sg_equal(text, SG("drop"));
    return drop_others;
}

bool sg_configure(sg_string config, sg_subscription *wanted, sg_string *why) {
    threshold = UNKNOWN;
    queues = (sg_strings){0};
    drop_others = false;
    sg_json_walk walk = sg_json_begin(config);
    while (sg_json_next_member(&walk)) {
        if (read_member(walk.name, walk.value)) continue;
        *why = SG_JOIN(SG("config: "), walk.name, SG(" is unknown or has a wrong value"));
        return false;
    }
    if (walk.error.what != NULL) {
        *why = SG_JOIN(SG("config: "), sg_json_error_text(walk.error));
    } else if (threshold == UNKNOWN) {
        *why = SG("config: threshold is missing (low, medium, high, critical)");
    } else if (queues.len == 0) {
        *why = SG("config: queues is missing or empty");
    }
    sg_strings_add(&wanted->types, SG("code_scanning_alert*"));
    sg_strings_add(&wanted->types, SG("dependabot_alert*"));
    wanted->data = SG_DATA_AUTO;
    return why->len == 0;
}

sg_answer sg_filter(const sg_event *event) {
    sg_string payload;
    if (!sg_text(event, &payload)) return sg_failed(SG("the payload is not text"));
    if (of_alert(payload) >= threshold) return sg_route(queues);
    return drop_others ? sg_drop(SG("below the severity threshold")) : sg_next();
}
