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
    return unescaped(reader->text + key.start + 1, key.end - key.start - 2);
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

/* Whether the step of a path at this depth (from 1) is `name`; `last` says whether none follows. */
static bool step_is(const char *path, uint32_t depth, sg_string name, bool *last) {
    for (; depth > 1; depth--) {
        path = strchr(path, '/');
        if (path == NULL) return false;
        path++;
    }
    const char *end = strchr(path, '/');
    *last = end == NULL;
    size_t len = end == NULL ? strlen(path) : (size_t)(end - path);
    return sg_equal((sg_string){(uint8_t *)path, len}, name);
}

void sg_json_find(sg_string text, const char *const *paths, size_t count, sg_string *found) {
    if (count > SG_JSON_PATHS_MAX) __builtin_trap();
    for (size_t i = 0; i < count; i++) found[i] = (sg_string){0};
    sg_json_reader reader = sg_json_read(sg_json(text));
    if (sg_json_next(&reader).kind != SG_JSON_OBJECT_START) return;
    /* For each open object, which paths lead through it and can still be found. */
    uint32_t live[SG_JSON_DEPTH_MAX + 1];
    uint32_t depth = 1, alive = 0;
    live[1] = count == 32 ? UINT32_MAX : ((uint32_t)1 << count) - 1;
    for (;;) {
        alive = 0;
        for (uint32_t i = 1; i <= depth; i++) alive |= live[i];
        if (alive == 0) return;
        sg_json_token key = sg_json_next(&reader);
        if (key.kind == SG_JSON_END) return;
        if (key.kind != SG_JSON_KEY) {
            depth--;
            continue;
        }
        sg_string name = name_of(&reader, key);
        sg_json_token first = sg_json_next(&reader);
        uint32_t through = 0, here = 0;
        for (size_t i = 0; i < count; i++) {
            bool last = false;
            uint32_t bit = (uint32_t)1 << i;
            if (!(live[depth] & bit) || !step_is(paths[i], depth, name, &last)) continue;
            live[depth] &= ~bit;
            if (last) here |= bit;
            else through |= bit;
        }
        if (first.kind == SG_JSON_OBJECT_START && through != 0 && here == 0) {
            live[++depth] = through;
            continue;
        }
        size_t end = first.kind == SG_JSON_END ? 0 : sg_json_skip(&reader, first);
        if (end == 0) return;
        for (size_t i = 0; i < count; i++) {
            if (here >> i & 1) {
                found[i] = (sg_string){(uint8_t *)reader.text + first.start, end - first.start};
            }
        }
    }
}
