/* Unit tests of filters, natively: no gateway, no Wasm. `sdk/c/test FOLDER` builds the filter of a
 * folder with its *_test.c and runs every SG_TEST. Log, metrics, clock and state are kept in memory
 * and can be looked at.
 *
 *     SG_TEST(marked_events_are_dropped) {
 *         SG_CHECK(sg_test_configure("{\"header\":\"x-spam\"}"));
 *         sg_event event = sg_test_event("push");
 *         sg_test_header(&event, "x-spam", "1");
 *         SG_SAYS(sg_test_filter(&event), "drop: marked by x-spam");
 *     }
 */
#ifndef SLUICEGATE_TEST_H
#define SLUICEGATE_TEST_H

#include "sluicegate.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Tests and checks. A check that fails is said, and the test goes on. ---- */

typedef void (*sg_test_function)(void);
void sg_test_register(const char *name, sg_test_function run);
void sg_test_check(bool right, const char *what, const char *file, int line);
void sg_test_compare(const char *said, const char *wanted, const char *file, int line);

#define SG_TEST(name)                                                                              \
    static void name(void);                                                                        \
    __attribute__((constructor)) static void register_##name(void) {                               \
        sg_test_register(#name, name);                                                             \
    }                                                                                              \
    static void name(void)
#define SG_CHECK(condition) sg_test_check((condition), #condition, __FILE__, __LINE__)

/* Compares text, and an answer by its words: "next", "drop: REASON", "route: A B",
 * "reject forbidden: REASON", "dead-letter: REASON", "failed: WHY", "retry-after: MS", and for each
 * output of "emit:" in this order what is set: "{queues A B; type T; content-type C; attribute N=V;
 * header N=V; remove N; text ...}" (or "bytes ..." in hexadecimal). */
#define SG_IS(text, wanted) sg_test_compare(sg_test_text_of(text), wanted, __FILE__, __LINE__)
#define SG_SAYS(answer, wanted) sg_test_compare(sg_test_words(answer), wanted, __FILE__, __LINE__)
const char *sg_test_text_of(sg_string text);
const char *sg_test_words(sg_answer answer);

/* ---- The filter, called as the gateway calls it: with its memory going after each call. ---- */

/* Whether the filter took the configuration. */
bool sg_test_configure(const char *config);
sg_string sg_test_why(void);                  /* why it did not */
const sg_subscription *sg_test_wanted(void);  /* what it wants to see */
sg_answer sg_test_filter(const sg_event *event);

/* ---- Events. Their memory is not the filter's. ---- */

sg_event sg_test_event(const char *type);
void sg_test_attribute(sg_event *event, const char *name, const char *value);
void sg_test_header(sg_event *event, const char *name, const char *value);
void sg_test_text(sg_event *event, const char *text);
void sg_test_bytes(sg_event *event, const void *bytes, size_t len);

/* ---- What stands in for the gateway. Each test begins with it empty. ---- */

extern uint64_t sg_test_now_ns;      /* what the clock says */
extern sg_level sg_test_level;       /* lines below it are not written */
size_t sg_test_log_count(void);
const char *sg_test_log_line(size_t at); /* "warn MESSAGE name=value" */
uint64_t sg_test_counted(const char *series);  /* "NAME" or "NAME label=value" */
size_t sg_test_observed(const char *series, double *sum);
bool sg_test_state(const char *key, sg_string *value); /* whether it is there; value may be NULL */

/* How much state there may be, as `state` of a plugin says in the gateway's configuration: keys,
 * bytes of keys and values, bytes of a value. Each test begins with what `state: {}` grants. */
typedef struct { size_t keys_max, bytes_max, value_bytes_max; } sg_test_grant;
extern sg_test_grant sg_test_granted;

#ifdef __cplusplus
}
#endif
#endif
