/* The reader of one JSON text (RFC 8259): token by token, with the place of each in the text. */
#include "../include/sluicegate_json.h"

/* What may come next. */
enum {
    NEXT_VALUE,
    NEXT_VALUE_OR_END, /* a value, or the end of an array that has none yet */
    NEXT_KEY,
    NEXT_KEY_OR_END, /* a key, or the end of an object that has none yet */
    NEXT_COMMA_OR_END,
    NEXT_NOTHING
};

sg_json_reader sg_json_read(sg_string text) {
    return (sg_json_reader){.text = text.ptr, .len = text.len, .next = NEXT_VALUE};
}

static sg_json_token fail_at(sg_json_reader *r, size_t at, const char *what) {
    r->error = (sg_json_error){at, what};
    return (sg_json_token){SG_JSON_END, at, at};
}

static sg_json_token fail(sg_json_reader *r, const char *what) { return fail_at(r, r->at, what); }

/* The byte at a place; -1 behind the last. */
static int byte_at(const sg_json_reader *r, size_t at) { return at < r->len ? r->text[at] : -1; }

static void space(sg_json_reader *r) {
    for (;;) {
        int byte = byte_at(r, r->at);
        if (byte != ' ' && byte != '\t' && byte != '\n' && byte != '\r') return;
        r->at++;
    }
}

/* One bit for each open container says whether it is an object. */
static bool in_object(const sg_json_reader *r) {
    if (r->depth == 0) return false;
    uint32_t top = r->depth - 1;
    return (r->objects[top / 64] >> (top % 64) & 1) == 1;
}

static void after_value(sg_json_reader *r) {
    r->next = r->depth == 0 ? NEXT_NOTHING : NEXT_COMMA_OR_END;
}

static sg_json_token open(sg_json_reader *r, sg_json_kind kind) {
    if (r->depth == SG_JSON_DEPTH_MAX) return fail(r, "it is nested too deep");
    uint64_t bit = (uint64_t)1 << (r->depth % 64);
    uint64_t *word = &r->objects[r->depth / 64];
    *word = kind == SG_JSON_OBJECT_START ? *word | bit : *word & ~bit;
    r->depth++;
    r->next = kind == SG_JSON_OBJECT_START ? NEXT_KEY_OR_END : NEXT_VALUE_OR_END;
    r->at++;
    return (sg_json_token){kind, r->at - 1, r->at};
}

static sg_json_token closed(sg_json_reader *r, sg_json_kind kind) {
    r->depth--;
    r->at++;
    after_value(r);
    return (sg_json_token){kind, r->at - 1, r->at};
}

/* The place behind the escape at `at`; 0 if it is none. */
static size_t escape_end(sg_json_reader *r, size_t at) {
    switch (byte_at(r, at + 1)) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
        return at + 2;
    case 'u':
        for (size_t i = at + 2; i < at + 6; i++) {
            int hex = byte_at(r, i);
            bool digit = (hex >= '0' && hex <= '9') || (hex >= 'a' && hex <= 'f') ||
                         (hex >= 'A' && hex <= 'F');
            if (!digit) return fail_at(r, at, "an escape that is none"), 0;
        }
        return at + 6;
    default:
        return fail_at(r, at, "an escape that is none"), 0;
    }
}

/* The first byte from `at`, eight at a time, among which may be one that matters in a string: a
 * quote, a backslash or a control character. */
static size_t plain_end(const sg_json_reader *r, size_t at) {
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    while (r->len - at >= 8) {
        uint64_t word;
        __builtin_memcpy(&word, r->text + at, 8);
        uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');
        /* The well-known test for a zero byte; with 0x20 in place of 1, for a byte below it. */
        uint64_t matters = ((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) |
                           ((backslash - ones) & ~backslash);
        matters &= highs;
        /* The lowest of these bits is exact: a borrow runs only upwards. */
        if (matters != 0) return at + (size_t)__builtin_ctzll(matters) / 8;
        at += 8;
    }
    return at;
}

/* The place behind the string that starts here; 0 if it does not end. */
static size_t string_end(sg_json_reader *r) {
    size_t at = r->at + 1;
    r->escaped = false;
    for (;;) {
        at = plain_end(r, at);
        int byte = byte_at(r, at);
        if (byte == -1) return fail_at(r, at, "a string is cut off"), 0;
        if (byte == '"') return at + 1;
        if (byte < 0x20) return fail_at(r, at, "a control character in a string"), 0;
        if (byte == '\\') {
            r->escaped = true;
            at = escape_end(r, at);
            if (at == 0) return 0;
        } else {
            at++;
        }
    }
}

/* The place behind the digits at `at`; 0 if there are none. */
static size_t digits_end(sg_json_reader *r, size_t at) {
    size_t start = at;
    while (byte_at(r, at) >= '0' && byte_at(r, at) <= '9') at++;
    return at > start ? at : (fail_at(r, at, "a digit belongs here"), 0);
}

static size_t number_end(sg_json_reader *r) {
    size_t at = byte_at(r, r->at) == '-' ? r->at + 1 : r->at;
    at = byte_at(r, at) == '0' ? at + 1 : digits_end(r, at);
    if (at != 0 && byte_at(r, at) == '.') at = digits_end(r, at + 1);
    if (at != 0 && (byte_at(r, at) == 'e' || byte_at(r, at) == 'E')) {
        bool sign = byte_at(r, at + 1) == '+' || byte_at(r, at + 1) == '-';
        at = digits_end(r, at + 1 + sign);
    }
    return at;
}

static size_t word_end(sg_json_reader *r) {
    sg_string rest = {(uint8_t *)r->text + r->at, r->len - r->at};
    if (sg_starts_with(rest, SG("true"))) return r->at + 4;
    if (sg_starts_with(rest, SG("false"))) return r->at + 5;
    if (sg_starts_with(rest, SG("null"))) return r->at + 4;
    return fail(r, "a value belongs here"), 0;
}

static sg_json_token value(sg_json_reader *r, int byte) {
    sg_json_kind kind = SG_JSON_WORD;
    size_t end;
    if (byte == '{') return open(r, SG_JSON_OBJECT_START);
    if (byte == '[') return open(r, SG_JSON_ARRAY_START);
    if (byte == '"') {
        kind = SG_JSON_STRING;
        end = string_end(r);
    } else if (byte == '-' || (byte >= '0' && byte <= '9')) {
        kind = SG_JSON_NUMBER;
        end = number_end(r);
    } else {
        end = word_end(r);
    }
    if (end == 0) return (sg_json_token){SG_JSON_END, r->at, r->at};
    sg_json_token token = {kind, r->at, end};
    r->at = end;
    after_value(r);
    return token;
}

static sg_json_token key(sg_json_reader *r) {
    size_t start = r->at, end = string_end(r);
    if (end == 0) return (sg_json_token){SG_JSON_END, start, start};
    r->at = end;
    space(r);
    if (byte_at(r, r->at) != ':') return fail(r, "a colon belongs here");
    r->at++;
    r->next = NEXT_VALUE;
    return (sg_json_token){SG_JSON_KEY, start, end};
}

sg_json_token sg_json_next(sg_json_reader *r) {
    if (r->error.what != NULL) return (sg_json_token){SG_JSON_END, r->at, r->at};
    for (;;) {
        space(r);
        int byte = byte_at(r, r->at);
        if (byte == -1) {
            if (r->next != NEXT_NOTHING) return fail(r, "it is cut off");
            return (sg_json_token){SG_JSON_END, r->at, r->at};
        }
        switch (r->next) {
        case NEXT_NOTHING:
            return fail(r, "something follows the value");
        case NEXT_VALUE_OR_END:
            if (byte == ']') return closed(r, SG_JSON_ARRAY_END);
            return value(r, byte);
        case NEXT_VALUE:
            return value(r, byte);
        case NEXT_KEY_OR_END:
            if (byte == '}') return closed(r, SG_JSON_OBJECT_END);
            if (byte == '"') return key(r);
            return fail(r, "another character belongs here");
        case NEXT_KEY:
            if (byte == '"') return key(r);
            return fail(r, "another character belongs here");
        default:
            if (byte == '}' && in_object(r)) return closed(r, SG_JSON_OBJECT_END);
            if (byte == ']' && !in_object(r)) return closed(r, SG_JSON_ARRAY_END);
            if (byte != ',') return fail(r, "another character belongs here");
            r->at++;
            r->next = in_object(r) ? NEXT_KEY : NEXT_VALUE;
        }
    }
}

size_t sg_json_skip(sg_json_reader *r, sg_json_token first) {
    if (first.kind != SG_JSON_OBJECT_START && first.kind != SG_JSON_ARRAY_START) return first.end;
    uint32_t outside = r->depth - 1;
    for (;;) {
        sg_json_token token = sg_json_next(r);
        if (token.kind == SG_JSON_END) return 0;
        if (r->depth == outside) return token.end;
    }
}
