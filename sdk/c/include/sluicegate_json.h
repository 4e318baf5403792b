/* JSON for filters: reads a text where it is asked to look, and writes a text anew around replaced
 * values, with every other byte as it was.
 *
 * It does not recurse, so nesting cannot exhaust the stack; deeper than SG_JSON_DEPTH_MAX is an
 * error. It allocates only where a string has escapes.
 */
#ifndef SLUICEGATE_JSON_H
#define SLUICEGATE_JSON_H

#include "sluicegate.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How deep containers may be nested. */
#define SG_JSON_DEPTH_MAX 128

/* Where a text is not JSON, and what is wrong there; `what` is NULL where nothing is. */
typedef struct {
    size_t at;
    const char *what;
} sg_json_error;

/* "not JSON at byte 7: it is cut off" */
sg_string sg_json_error_text(sg_json_error error);

/* ---- Values: a JSON value by its text, without space around it. ---- */

/* The value that is this text. */
sg_string sg_json(sg_string text);

/* Of doubled members the first counts; false if there is none, or the text before it is not JSON. */
bool sg_json_member(sg_string object, sg_string name, sg_string *value);

/* Finds the values at several paths of members in one pass that ends with the last that can still
 * be found: sg_json_find(text, paths, 2, found), with paths such as "alert/rule/severity". A value
 * that is not there has a NULL `ptr`. What is not JSON further on does not take away what was
 * found before it. At most SG_JSON_PATHS_MAX. */
#define SG_JSON_PATHS_MAX 32
void sg_json_find(sg_string text, const char *const *paths, size_t count, sg_string *found);

/* The text of a string without its escapes; false if the value is not one. Half of a surrogate
 * pair becomes U+FFFD. */
bool sg_json_string(sg_string value, sg_string *text);

/* The texts of an array of strings, added to `into`; false if it is anything else. */
bool sg_json_strings(sg_string value, sg_strings *into);

/* ---- Walking: members of an object and elements of an array, in order. ---- */

/* The reader: its fields are its own. */
typedef struct {
    const uint8_t *text;
    size_t len, at;
    uint64_t objects[SG_JSON_DEPTH_MAX / 64];
    uint32_t depth;
    uint8_t next;
    bool escaped; /* whether the last string had an escape */
    sg_json_error error;
} sg_json_reader;

typedef struct {
    sg_string name;  /* of a member, without its escapes */
    sg_string value; /* its text */
    sg_json_error error;
    sg_json_reader reader;
    bool begun;
} sg_json_walk;

/* sg_json_walk walk = sg_json_begin(text); while (sg_json_next_member(&walk)) ... Then look whether
 * `walk.error.what` says why it ended. */
sg_json_walk sg_json_begin(sg_string value);
bool sg_json_next_member(sg_json_walk *walk);
bool sg_json_next_element(sg_json_walk *walk);

/* ---- Tokens, for what the above does not do. ---- */

typedef enum {
    SG_JSON_END, /* after the last token, or at an error: see `reader.error` */
    SG_JSON_OBJECT_START,
    SG_JSON_OBJECT_END,
    SG_JSON_ARRAY_START,
    SG_JSON_ARRAY_END,
    SG_JSON_KEY, /* the name of a member; its value is the next token */
    SG_JSON_STRING,
    SG_JSON_NUMBER,
    SG_JSON_WORD /* true, false or null */
} sg_json_kind;

/* A token and its place in the text; strings and keys with their quotes. */
typedef struct {
    sg_json_kind kind;
    size_t start, end;
} sg_json_token;

sg_json_reader sg_json_read(sg_string text);
sg_json_token sg_json_next(sg_json_reader *reader);

/* Passes over the value whose first token is `first`; gives the place behind it, 0 at an error. */
size_t sg_json_skip(sg_json_reader *reader, sg_json_token first);

/* ---- Replacing. ---- */

/* What to replace. */
typedef struct {
    const sg_strings *pointers; /* each the steps of a pointer; the step `*` is any */
    size_t pointer_count;
    sg_strings keys;            /* members of these names wherever they are, in any case */
    sg_string with;             /* what stands in place of a value: JSON */
} sg_json_rules;

/* The steps of a JSON Pointer (RFC 6901); false if it is none. */
bool sg_json_pointer(sg_string pointer, sg_strings *steps);

/* Writes the text with every matching value replaced; `out` has a NULL `ptr` if there is none.
 * False if the text is not JSON. */
bool sg_json_replace(sg_string text, const sg_json_rules *rules, sg_string *out,
                     sg_json_error *error);

#ifdef __cplusplus
}
#endif
#endif
