/* Finds the values to replace in one pass over the text, and writes the text anew around them. */
#include <string.h>

#include "../include/sluicegate_json.h"
#include "memory.h"

/* The open containers: for each, a bit for each pointer that leads into it, and how many elements
 * it had. */
typedef struct {
    const sg_json_rules *rules;
    size_t words;   /* of one set of pointers */
    uint32_t *sets; /* one for each depth, and one for the value that begins here */
    size_t elements[SG_JSON_DEPTH_MAX + 1];
    uint32_t depth;
} containers;

/* The text in the making: `start` is NULL until the first value is replaced. */
typedef struct {
    uint8_t *start;
    size_t len, capacity;
} buffer;

static void append(buffer *out, const uint8_t *from, size_t bytes) {
    if (out->capacity - out->len < bytes) {
        size_t capacity = out->capacity * 2 > out->len + bytes ? out->capacity * 2
                                                               : out->len + bytes;
        uint8_t *more = sg_memory_take(capacity, 1);
        if (out->len > 0) memcpy(more, out->start, out->len);
        out->start = more;
        out->capacity = capacity;
    }
    if (bytes > 0) memcpy(out->start + out->len, from, bytes);
    out->len += bytes;
}

/* Whether a step is this number, as Rust's parser of whole numbers has it: digits, perhaps after a
 * plus, with zeros before them or not. One filter decides the same in every language. */
static bool step_is_number(sg_string step, size_t number) {
    size_t i = step.len > 1 && step.ptr[0] == '+' ? 1 : 0;
    uint64_t said = 0;
    if (step.len == 0) return false;
    for (; i < step.len; i++) {
        if (step.ptr[i] < '0' || step.ptr[i] > '9') return false;
        said = said * 10 + (step.ptr[i] - '0');
        if (said > UINT32_MAX) return false;
    }
    return said == number;
}

/* Sets, one deeper than the innermost container, the pointers that lead to the value that begins
 * here; says whether one ends at it. `name` is NULL for an element. */
static bool lead(containers *open, const sg_string *name) {
    const sg_json_rules *rules = open->rules;
    uint32_t depth = open->depth;
    const uint32_t *parent = open->sets + depth * open->words;
    uint32_t *leading = open->sets + (depth + 1) * open->words;
    size_t element = open->elements[depth]++;
    bool ends = false;
    memset(leading, 0, open->words * sizeof *leading);
    for (size_t i = 0; i < rules->pointer_count; i++) {
        const sg_strings *steps = &rules->pointers[i];
        if (depth > 0) {
            if (!(parent[i / 32] >> (i % 32) & 1) || steps->len < depth) continue;
            sg_string step = steps->ptr[depth - 1];
            if (!sg_equal(step, SG("*")) &&
                !(name != NULL ? sg_equal(step, *name) : step_is_number(step, element))) {
                continue;
            }
        }
        leading[i / 32] |= (uint32_t)1 << (i % 32);
        ends |= steps->len == depth;
    }
    return ends;
}

static bool is_key(const sg_string *name, const sg_json_rules *rules) {
    for (size_t i = 0; name != NULL && i < rules->keys.len; i++) {
        if (sg_equal_any_case(rules->keys.ptr[i], *name)) return true;
    }
    return false;
}

static void replace(buffer *made, sg_string text, size_t from, size_t to, sg_string with) {
    if (made->start == NULL) {
        made->capacity = text.len + with.len;
        made->start = sg_memory_take(made->capacity, 1);
    }
    append(made, text.ptr + from, to - from);
    append(made, with.ptr, with.len);
}

bool sg_json_replace(sg_string text, const sg_json_rules *rules, sg_string *out,
                     sg_json_error *error) {
    containers open = {.rules = rules, .words = rules->pointer_count / 32 + 1};
    open.sets = sg_alloc((SG_JSON_DEPTH_MAX + 2) * open.words * sizeof *open.sets);
    sg_json_reader reader = sg_json_read(text);
    buffer made = {0};
    size_t written = 0;
    sg_string key, *name = NULL;
    *out = (sg_string){0};
    for (;;) {
        sg_json_token token = sg_json_next(&reader);
        if (token.kind == SG_JSON_END) break;
        if (token.kind == SG_JSON_KEY) {
            sg_string quoted = {(uint8_t *)reader.text + token.start, token.end - token.start};
            name = sg_json_string(quoted, &key) ? &key : NULL;
            continue;
        }
        if (token.kind == SG_JSON_OBJECT_END || token.kind == SG_JSON_ARRAY_END) {
            open.depth--;
            continue;
        }
        if (lead(&open, name) || is_key(name, rules)) {
            size_t end = sg_json_skip(&reader, token);
            if (end == 0) break;
            replace(&made, text, written, token.start, rules->with);
            written = end;
        } else if (token.kind == SG_JSON_OBJECT_START || token.kind == SG_JSON_ARRAY_START) {
            open.elements[++open.depth] = 0;
        }
        name = NULL;
    }
    *error = reader.error;
    if (error->what != NULL) return false;
    if (made.start != NULL) {
        append(&made, text.ptr + written, text.len - written);
        *out = (sg_string){made.start, made.len};
    }
    return true;
}

/* The step with `~1` as `/` and `~0` as `~`. */
static sg_string step_of(const uint8_t *at, size_t len) {
    uint8_t *copy = sg_memory_take(len, 1);
    size_t out = 0;
    for (size_t i = 0; i < len; i++) {
        bool escape = at[i] == '~' && i + 1 < len && (at[i + 1] == '0' || at[i + 1] == '1');
        copy[out++] = escape ? (at[i + 1] == '1' ? '/' : '~') : at[i];
        i += escape;
    }
    return (sg_string){copy, out};
}

bool sg_json_pointer(sg_string pointer, sg_strings *steps) {
    *steps = (sg_strings){0};
    if (pointer.len == 0) return true;
    if (pointer.ptr[0] != '/') return false;
    size_t start = 1;
    for (size_t at = 1; at <= pointer.len; at++) {
        if (at < pointer.len && pointer.ptr[at] != '/') continue;
        sg_strings_add(steps, step_of(pointer.ptr + start, at - start));
        start = at + 1;
    }
    return true;
}
