/* Write Sluicegate filters in C.
 *
 * A filter is two functions, `sg_configure` and `sg_filter`: you write them, the gateway calls
 * them. It runs in a sandbox and has only what this header offers.
 *
 * Memory: nothing is ever freed by hand. What is allocated while `sg_configure` runs stays as long
 * as the instance; what is allocated while `sg_filter` runs is gone when the next event comes.
 */
#ifndef SLUICEGATE_H
#define SLUICEGATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../gen/filter_plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The words of the contract. The types are those that are generated from `sdk/wit`. ---- */

/* UTF-8 text by its place and length; no zero byte at its end. */
typedef filter_plugin_string_t sg_string;
typedef filter_plugin_list_string_t sg_strings;
typedef filter_plugin_list_u8_t sg_bytes;
/* A name and its value: `f0` and `f1`. */
typedef filter_plugin_tuple2_string_string_t sg_field;
/* An ordered multimap; a list of `sg_field`. */
typedef sluicegate_plugin_types_fields_t sg_fields;
typedef sluicegate_plugin_types_event_t sg_event;
/* What the filter wants to see; all zero is every type, and neither fields nor payload. */
typedef sluicegate_plugin_types_subscription_t sg_subscription;
/* A new event; what is left zero is inherited. */
typedef sluicegate_plugin_types_output_t sg_output;

enum {
    SG_DATA_NONE = SLUICEGATE_PLUGIN_TYPES_DATA_MODE_NONE,
    SG_DATA_AUTO = SLUICEGATE_PLUGIN_TYPES_DATA_MODE_AUTO, /* text where it is UTF-8, else bytes */
    SG_DATA_BINARY = SLUICEGATE_PLUGIN_TYPES_DATA_MODE_BINARY
};

typedef enum {
    SG_INVALID = SLUICEGATE_PLUGIN_TYPES_REJECT_CODE_INVALID,
    SG_UNAUTHENTICATED = SLUICEGATE_PLUGIN_TYPES_REJECT_CODE_UNAUTHENTICATED,
    SG_FORBIDDEN = SLUICEGATE_PLUGIN_TYPES_REJECT_CODE_FORBIDDEN,
    SG_TOO_LARGE = SLUICEGATE_PLUGIN_TYPES_REJECT_CODE_TOO_LARGE,
    SG_RATE_LIMITED = SLUICEGATE_PLUGIN_TYPES_REJECT_CODE_RATE_LIMITED,
    SG_UNAVAILABLE = SLUICEGATE_PLUGIN_TYPES_REJECT_CODE_UNAVAILABLE
} sg_reject_code;

/* What a filter answers: a decision, or a failure. Made by the functions below. */
typedef exports_sluicegate_plugin_filter_result_decision_failure_t sg_answer;

/* ---- What you write. ---- */

/* Reads the configuration (JSON, `{}` if there is none) and says what the filter wants to see.
 * Called once, before anything else. On `false`, `why` says what is wrong with it. */
bool sg_configure(sg_string config, sg_subscription *wanted, sg_string *why);

/* Decides about an event. */
sg_answer sg_filter(const sg_event *event);

/* ---- Decisions. ---- */

sg_answer sg_next(void);                               /* no opinion */
sg_answer sg_drop(sg_string reason);                   /* accept the event and discard it */
sg_answer sg_route(sg_strings queues);                 /* as it is, to these queues */
sg_answer sg_emit(const sg_output *outputs, size_t count); /* these in place of the event */
sg_answer sg_reject(sg_reject_code code, sg_string reason); /* tell the producer no */
sg_answer sg_dead_letter(sg_string reason);            /* to the dead-letter queue */

/* Failures: the plugin's failure policy applies, or the event is tried again later. */
sg_answer sg_failed(sg_string why);
sg_answer sg_retry_after(uint32_t ms);

/* Sets the payload of an output. */
void sg_set_text(sg_output *output, sg_string text);
void sg_set_bytes(sg_output *output, const void *bytes, size_t len);
void sg_set_type(sg_output *output, sg_string type);
void sg_set_content_type(sg_output *output, sg_string content_type);

/* ---- Events. Only what the subscription asked for is there. ---- */

/* The first value of a header or attribute, its name in any case; `value` may be NULL. */
bool sg_header(const sg_event *event, sg_string name, sg_string *value);
bool sg_attribute(const sg_event *event, sg_string name, sg_string *value);

/* The first value of this name at or after `*at`, which is set to the place behind it: begin with
 * 0 and call it until it says false to get all values. */
bool sg_fields_next(const sg_fields *fields, sg_string name, size_t *at, sg_string *value);

/* The payload as text; false if it is not UTF-8, or was asked for as bytes or not at all. */
bool sg_text(const sg_event *event, sg_string *text);

/* The payload as bytes, whatever it is. */
sg_bytes sg_payload(const sg_event *event);

/* ---- Text. ---- */

/* The text of a string literal. */
#define SG(literal) ((sg_string){(uint8_t *)(literal ""), sizeof(literal) - 1})

sg_string sg_from(const char *text); /* of a text that ends with a zero byte; not copied */
bool sg_equal(sg_string one, sg_string other);
bool sg_equal_any_case(sg_string one, sg_string other); /* ASCII letters only */
bool sg_starts_with(sg_string text, sg_string start);
sg_string sg_lower(sg_string text); /* a copy with its ASCII letters in lower case */

/* Several texts as one: SG_JOIN(SG("marked by "), name). */
#define SG_JOIN(...)                                                                               \
    sg_join((const sg_string[]){__VA_ARGS__},                                                      \
            sizeof((const sg_string[]){__VA_ARGS__}) / sizeof(sg_string))
sg_string sg_join(const sg_string *parts, size_t count);
sg_string sg_number(int64_t number); /* in decimal digits */

/* Add to a list that is your own: begin with a zero one. */
void sg_strings_add(sg_strings *strings, sg_string item);
void sg_fields_add(sg_fields *fields, sg_string name, sg_string value);

/* Memory for as long as the call or, in `sg_configure`, the instance lasts: zeroed, aligned for
 * any type. Never NULL: where there is none left the filter traps. */
void *sg_alloc(size_t bytes);

/* ---- Log, metrics, clock, state. In unit tests, `sluicegate_test.h` stands in for them. ---- */

typedef enum { SG_TRACE, SG_DEBUG, SG_INFO, SG_WARN, SG_ERROR } sg_level;

/* Whether lines of this level are written at all: ask before making an expensive one. */
bool sg_log_enabled(sg_level level);
void sg_log(sg_level level, sg_string message);
void sg_log_with(sg_level level, sg_string message, const sg_field *fields, size_t count);

/* A series of this name and these labels (NULL and 0 for none): make it in `sg_configure`. */
typedef struct { uint32_t id; } sg_counter;
typedef struct { uint32_t id; } sg_histogram;
sg_counter sg_counter_new(sg_string name, const sg_field *labels, size_t count);
sg_histogram sg_histogram_new(sg_string name, const sg_field *labels, size_t count);
void sg_counter_add(sg_counter counter, uint64_t delta);
void sg_histogram_observe(sg_histogram histogram, double value);

/* Nanoseconds since the Unix epoch, as the gateway says: a replay may pin it. */
uint64_t sg_now_ns(void);

/* State is asked for with the generated functions (`sluicegate_plugin_state_get` and so on): a
 * filter that calls one imports `state`, which the operator must grant. */

#ifdef __cplusplus
}
#endif
#endif
