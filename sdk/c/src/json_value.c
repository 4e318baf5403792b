/* Values by their place in the text: nothing is read until it is asked for. */
#include <string.h>

#include "../include/sluicegate_json.h"
#include "memory.h"

sg_string sg_json_error_text(sg_json_error error) {
    return SG_JOIN(SG("not JSON at byte "), sg_number((int64_t)error.at), SG(": "),
                   sg_from(error.what));
}

static bool is_space(uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

sg_string sg_json(sg_string text) {
    while (text.len > 0 && is_space(text.ptr[0])) text.ptr++, text.len--;
    while (text.len > 0 && is_space(text.ptr[text.len - 1])) text.len--;
    return text;
}

/* The number that four hexadecimal digits say; their form was checked by the reader. */
static uint32_t hex4(const uint8_t *at) {
    uint32_t number = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t digit = at[i];
        number = number << 4 | (digit <= '9' ? digit - 48u : (digit | 0x20u) - 87u);
    }
    return number;
}

/* Writes a character as UTF-8; gives the place behind it. */
static uint8_t *put(uint8_t *out, uint32_t c) {
    if (c < 0x80) {
        *out++ = (uint8_t)c;
    } else if (c < 0x800) {
        *out++ = (uint8_t)(0xc0 | c >> 6);
        *out++ = (uint8_t)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *out++ = (uint8_t)(0xe0 | c >> 12);
        *out++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        *out++ = (uint8_t)(0x80 | (c & 0x3f));
    } else {
        *out++ = (uint8_t)(0xf0 | c >> 18);
        *out++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        *out++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        *out++ = (uint8_t)(0x80 | (c & 0x3f));
    }
    return out;
}

/* The character that the `\u` escape before `at` stands for, and the place behind it. */
static const uint8_t *unicode(const uint8_t *at, const uint8_t *end, uint32_t *c) {
    *c = hex4(at);
    at += 4;
    if (*c >= 0xd800 && *c < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
        uint32_t low = hex4(at + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            *c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
            return at + 6;
        }
    }
    if (*c >= 0xd800 && *c < 0xe000) *c = 0xfffd;
    return at;
}

/* The text between the quotes of a string whose form is known to be right. */
static sg_string unescaped(const uint8_t *at, size_t len) {
    if (len == 0 || memchr(at, '\\', len) == NULL) return (sg_string){(uint8_t *)at, len};
    const uint8_t *end = at + len;
    /* An escape is never shorter than what it stands for. */
    uint8_t *start = sg_memory_take(len, 1), *out = start;
    while (at < end) {
        if (*at != '\\') {
            *out++ = *at++;
            continue;
        }
        uint32_t c = at[1];
        at += 2;
        switch (c) {
        case 'b': c = '\b'; break;
        case 'f': c = '\f'; break;
        case 'n': c = '\n'; break;
        case 'r': c = '\r'; break;
        case 't': c = '\t'; break;
        case 'u': at = unicode(at, end, &c); break;
        default: break;
        }
        out = put(out, c);
    }
    return (sg_string){start, (size_t)(out - start)};
}

static sg_string name_of(const sg_json_reader *reader, sg_json_token key) {
    const uint8_t *start = reader->text + key.start + 1;
    size_t len = key.end - key.start - 2;
    return reader->escaped ? unescaped(start, len) : (sg_string){(uint8_t *)start, len};
}

bool sg_json_string(sg_string value, sg_string *text) {
    sg_json_reader reader = sg_json_read(value);
    sg_json_token token = sg_json_next(&reader);
    if (token.kind != SG_JSON_STRING || token.end != value.len) return false;
    *text = unescaped(value.ptr + 1, value.len - 2);
    return true;
}

sg_json_walk sg_json_begin(sg_string value) {
    return (sg_json_walk){.reader = sg_json_read(sg_json(value))};
}

/* Takes the first token; says whether it opens what is walked. */
static bool enter(sg_json_walk *walk, sg_json_kind kind, const char *otherwise) {
    if (walk->begun) return walk->error.what == NULL;
    walk->begun = true;
    sg_json_token first = sg_json_next(&walk->reader);
    walk->error = walk->reader.error;
    if (walk->error.what == NULL && first.kind != kind) {
        walk->error = (sg_json_error){0, otherwise};
    }
    return walk->error.what == NULL;
}

/* Passes over a value and remembers its text. */
static bool pass(sg_json_walk *walk, sg_json_token first) {
    size_t end = first.kind == SG_JSON_END ? 0 : sg_json_skip(&walk->reader, first);
    walk->error = walk->reader.error;
    if (end == 0) return false;
    walk->value = (sg_string){(uint8_t *)walk->reader.text + first.start, end - first.start};
    return true;
}

bool sg_json_next_member(sg_json_walk *walk) {
    if (!enter(walk, SG_JSON_OBJECT_START, "it is not an object")) return false;
    sg_json_token key = sg_json_next(&walk->reader);
    walk->error = walk->reader.error;
    if (key.kind != SG_JSON_KEY) return false;
    walk->name = name_of(&walk->reader, key);
    return pass(walk, sg_json_next(&walk->reader));
}

bool sg_json_next_element(sg_json_walk *walk) {
    if (!enter(walk, SG_JSON_ARRAY_START, "it is not an array")) return false;
    sg_json_token first = sg_json_next(&walk->reader);
    walk->error = walk->reader.error;
    if (first.kind == SG_JSON_ARRAY_END) return false;
    return pass(walk, first);
}

bool sg_json_member(sg_string object, sg_string name, sg_string *value) {
    sg_json_walk walk = sg_json_begin(object);
    while (sg_json_next_member(&walk)) {
        if (!sg_equal(walk.name, name)) continue;
        *value = walk.value;
        return true;
    }
    return false;
}

bool sg_json_strings(sg_string value, sg_strings *into) {
    sg_json_walk walk = sg_json_begin(value);
    while (sg_json_next_element(&walk)) {
        sg_string text;
        if (!sg_json_string(walk.value, &text)) return false;
        sg_strings_add(into, text);
    }
    return walk.error.what == NULL;
}

/* The step of a path that is looked for next. It only goes forward: a path goes into one value at
 * each depth, the first of its name. */
typedef struct {
    const char *at;
    size_t len;
} step;

static step step_from(const char *at) {
    size_t len = 0;
    while (at[len] != 0 && at[len] != '/') len++;
    return (step){at, len};
}

static bool step_is(const step *wanted, sg_string name) {
    return wanted->len == name.len &&
           (name.len == 0 || (name.ptr[0] == (uint8_t)wanted->at[0] &&
                              memcmp(name.ptr, wanted->at, name.len) == 0));
}

/* The paths, and where the reader stands. */
typedef struct {
    sg_json_reader reader;
    step steps[SG_JSON_PATHS_MAX];
    /* For each open object, which paths lead through it and wait for a member of it. */
    uint32_t waiting[SG_JSON_DEPTH_MAX + 1];
    uint32_t depth;
    /* Which paths can still be found. */
    uint32_t open;
} search;

/* The paths that wait for a member of this name: in `here` those that end at it, in the answer
 * those that go on. Neither waits any more. */
static uint32_t matched(search *in, sg_string name, uint32_t *here) {
    uint32_t through = 0, *waiting = &in->waiting[in->depth];
    *here = 0;
    for (uint32_t rest = *waiting; rest != 0; rest &= rest - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(rest), bit = (uint32_t)1 << i;
        step *wanted = &in->steps[i];
        if (!step_is(wanted, name)) continue;
        *waiting &= ~bit;
        if (wanted->at[wanted->len] == 0) {
            *here |= bit;
        } else {
            through |= bit;
            *wanted = step_from(wanted->at + wanted->len + 1);
        }
    }
    return through;
}

void sg_json_find(sg_string text, const char *const *paths, size_t count, sg_string *found) {
    if (count > SG_JSON_PATHS_MAX) __builtin_trap();
    search in; /* not cleared: most of it is never looked at */
    in.reader = sg_json_read(sg_json(text));
    in.depth = 1;
    for (size_t i = 0; i < count; i++) {
        found[i] = (sg_string){0};
        in.steps[i] = step_from(paths[i]);
    }
    if (sg_json_next(&in.reader).kind != SG_JSON_OBJECT_START) return;
    in.open = in.waiting[1] = count == 32 ? UINT32_MAX : ((uint32_t)1 << count) - 1;
    while (in.open != 0) {
        sg_json_token key = sg_json_next(&in.reader);
        if (key.kind == SG_JSON_END) return;
        if (key.kind != SG_JSON_KEY) {
            /* What waited for a member of this object waited for nothing. */
            in.open &= ~in.waiting[in.depth--];
            continue;
        }
        uint32_t here, through = matched(&in, name_of(&in.reader, key), &here);
        sg_json_token first = sg_json_next(&in.reader);
        if (first.kind == SG_JSON_OBJECT_START && through != 0 && here == 0) {
            in.waiting[++in.depth] = through;
            continue;
        }
        size_t end = first.kind == SG_JSON_END ? 0 : sg_json_skip(&in.reader, first);
        if (end == 0) return;
        sg_string value = {(uint8_t *)in.reader.text + first.start, end - first.start};
        for (uint32_t rest = here; rest != 0; rest &= rest - 1) found[__builtin_ctz(rest)] = value;
        in.open &= ~(here | through);
    }
}
