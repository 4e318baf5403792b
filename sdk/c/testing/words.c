/* Answers in words, so that a test compares text. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../include/sluicegate_test.h"

/* Four texts at a time can be looked at: enough for the two sides of a comparison. */
static char texts[4][65536];
static size_t next_text;

static char *fresh(void) {
    char *text = texts[next_text++ % 4];
    *text = 0;
    return text;
}

static void say(char *to, const char *format, ...) {
    size_t at = strlen(to);
    va_list args;
    va_start(args, format);
    vsnprintf(to + at, sizeof texts[0] - at, format, args);
    va_end(args);
}

static void say_text(char *to, sg_string text) {
    say(to, "%.*s", (int)text.len, (const char *)text.ptr);
}

static void say_list(char *to, const char *what, sg_strings list) {
    if (list.len > 0) say(to, "%s", what);
    for (size_t i = 0; i < list.len; i++) say(to, " "), say_text(to, list.ptr[i]);
    if (list.len > 0) say(to, "; ");
}

static void say_fields(char *to, const char *what, sg_fields fields) {
    for (size_t i = 0; i < fields.len; i++) {
        say(to, "%s ", what);
        say_text(to, fields.ptr[i].f0);
        say(to, "=");
        say_text(to, fields.ptr[i].f1);
        say(to, "; ");
    }
}

static void say_output(char *to, const sg_output *output) {
    say(to, " {");
    size_t begin = strlen(to);
    say_list(to, "queues", output->queues);
    if (output->type.is_some) say(to, "type "), say_text(to, output->type.val), say(to, "; ");
    if (output->content_type.is_some) {
        say(to, "content-type ");
        say_text(to, output->content_type.val);
        say(to, "; ");
    }
    say_fields(to, "attribute", output->set_attributes);
    say_fields(to, "header", output->set_headers);
    say_list(to, "remove", output->remove);
    if (output->data.is_some && output->data.val.tag == SLUICEGATE_PLUGIN_TYPES_DATA_TEXT) {
        say(to, "text ");
        say_text(to, output->data.val.val.text);
        say(to, "; ");
    } else if (output->data.is_some) {
        sg_bytes bytes = output->data.val.val.binary;
        say(to, "bytes ");
        for (size_t i = 0; i < bytes.len; i++) say(to, "%02x", bytes.ptr[i]);
        say(to, "; ");
    }
    size_t end = strlen(to);
    if (end > begin) to[end - 2] = 0; /* the last separator */
    say(to, "}");
}

const char *sg_test_text_of(sg_string text) {
    char *words = fresh();
    say_text(words, text);
    return words;
}

const char *sg_test_words(sg_answer answer) {
    static const char *const codes[] = {"invalid",   "unauthenticated", "forbidden",
                                        "too-large", "rate-limited",    "unavailable"};
    char *words = fresh();
    if (answer.is_err && answer.val.err.tag == SLUICEGATE_PLUGIN_TYPES_FAILURE_RETRY_AFTER) {
        say(words, "retry-after: %u", (unsigned)answer.val.err.val.retry_after);
        return words;
    }
    if (answer.is_err) {
        say(words, "failed: ");
        say_text(words, answer.val.err.val.failed);
        return words;
    }
    switch (answer.val.ok.tag) {
    case SLUICEGATE_PLUGIN_TYPES_DECISION_NEXT:
        say(words, "next");
        break;
    case SLUICEGATE_PLUGIN_TYPES_DECISION_DROP:
        say(words, "drop: ");
        say_text(words, answer.val.ok.val.drop);
        break;
    case SLUICEGATE_PLUGIN_TYPES_DECISION_ROUTE:
        say(words, "route:");
        for (size_t i = 0; i < answer.val.ok.val.route.len; i++) {
            say(words, " ");
            say_text(words, answer.val.ok.val.route.ptr[i]);
        }
        break;
    case SLUICEGATE_PLUGIN_TYPES_DECISION_EMIT:
        say(words, "emit:");
        for (size_t i = 0; i < answer.val.ok.val.emit.len; i++) {
            say_output(words, &answer.val.ok.val.emit.ptr[i]);
        }
        break;
    case SLUICEGATE_PLUGIN_TYPES_DECISION_REJECT:
        say(words, "reject %s: ", codes[answer.val.ok.val.reject.code]);
        say_text(words, answer.val.ok.val.reject.reason);
        break;
    default:
        say(words, "dead-letter: ");
        say_text(words, answer.val.ok.val.dead_letter);
    }
    return words;
}
