/* The JSON reader and editor: what is JSON, where everything is, and that no byte else changes. */
#include <sluicegate_json.h>
#include <sluicegate_test.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reads(sg_string text) {
    sg_json_reader reader = sg_json_read(text);
    while (sg_json_next(&reader).kind != SG_JSON_END) {}
    return reader.error.what == NULL;
}

SG_TEST(it_takes_what_is_json_and_refuses_what_is_not) {
    const char *good[] = {"0", "-0.5e+10", "\"\"", " [ ] ", "{}", "[1,2,[3]]",
                          "{\"a\":{\"b\":[true,null]}}", "\"\\u00e9\\n\\\\\"",
                          "{\"\xc3\xa9\":\"\\\"\"}", "\t[false]\r\n"};
    const char *bad[] = {"", " ", "[", "{", "[1", "[1,", "[1,]", "{\"a\"}", "{\"a\":}",
                         "{\"a\":1,}", "{1:2}", "[1}", "{\"a\":1]", "01", "1.", "1e", "-", "+1",
                         ".5", "tru", "nul", "True", "\"", "\"\\x\"", "\"\\u12\"", "\"a\nb\"",
                         "1 2", "[] []", "{}}", "]", ","};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        sg_test_check(reads(sg_from(good[i])), good[i], __FILE__, __LINE__);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sg_test_check(!reads(sg_from(bad[i])), bad[i], __FILE__, __LINE__);
    }
}

SG_TEST(nesting_ends_at_its_bound) {
    char text[2 * 129 + 1] = {0};
    memset(text, '[', 128), memset(text + 128, ']', 128);
    SG_CHECK(reads(sg_from(text)));
    memset(text, '[', 129), memset(text + 129, ']', 129);
    sg_json_reader reader = sg_json_read((sg_string){(uint8_t *)text, 258});
    while (sg_json_next(&reader).kind != SG_JSON_END) {}
    SG_IS(sg_json_error_text(reader.error), "not JSON at byte 128: it is nested too deep");
}

SG_TEST(strings_end_where_they_end_at_every_length) {
    for (size_t len = 0; len < 40; len++) {
        char text[64] = "\"", *end = text + 1 + len;
        memset(text + 1, 'x', len);
        strcpy(end, "\"");
        SG_CHECK(reads(sg_from(text)));
        strcpy(end, "\\\"\"");
        SG_CHECK(reads(sg_from(text)));
        strcpy(end, "\x1f\"");
        SG_CHECK(!reads(sg_from(text)));
    }
}

SG_TEST(strings_lose_their_escapes) {
    const char *pairs[][2] = {{"\"a\\\"b\\\\c\\/\"", "a\"b\\c/"},
                              {"\"\\b\\f\\n\\r\\t\"", "\b\f\n\r\t"},
                              {"\"\\u00e9\\ud83d\\ude00\"", "\xc3\xa9\xf0\x9f\x98\x80"},
                              {"\"\\ud800x\"", "\xef\xbf\xbdx"},
                              {"\"\\ud800\\u0041\"", "\xef\xbf\xbd" "A"},
                              {"\"\\udc00\"", "\xef\xbf\xbd"},
                              {"\"\"", ""}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        sg_string text = {0};
        SG_CHECK(sg_json_string(sg_from(pairs[i][0]), &text));
        SG_IS(text, pairs[i][1]);
    }
    sg_string text;
    SG_CHECK(!sg_json_string(SG("1"), &text) && !sg_json_string(SG("\"a\" 1"), &text));
}

SG_TEST(several_paths_are_found_in_one_pass) {
    const char *paths[] = {"a/c/d", "f", "a/e", "a/b", "a/b/x"};
    sg_string found[5];
    sg_json_find(SG("{\"a\":{\"b\":1,\"c\":{\"d\":2}},\"a\":{\"e\":9},\"f\":[3],\"g\":"), paths, 5,
                 found);
    SG_IS(found[0], "2");
    SG_IS(found[1], "[3]");
    SG_IS(found[3], "1");
    SG_CHECK(found[2].ptr == NULL && found[4].ptr == NULL);
    sg_json_find(SG("[]"), paths, 1, found);
    SG_CHECK(found[0].ptr == NULL);
}

SG_TEST(members_and_elements_come_in_order) {
    sg_json_walk walk = sg_json_begin(SG(" {\"b\":1,\"\\u0061\":[2,\"x\"]} "));
    SG_CHECK(sg_json_next_member(&walk));
    SG_IS(walk.name, "b");
    SG_CHECK(sg_json_next_member(&walk));
    SG_IS(walk.name, "a");
    sg_json_walk elements = sg_json_begin(walk.value);
    SG_CHECK(sg_json_next_element(&elements) && sg_json_next_element(&elements));
    SG_IS(elements.value, "\"x\"");
    SG_CHECK(!sg_json_next_element(&elements) && elements.error.what == NULL);
    SG_CHECK(!sg_json_next_member(&walk) && walk.error.what == NULL);
    walk = sg_json_begin(SG("{\"a\":1,"));
    SG_CHECK(sg_json_next_member(&walk) && !sg_json_next_member(&walk));
    SG_IS(sg_json_error_text(walk.error), "not JSON at byte 7: it is cut off");
    walk = sg_json_begin(SG("[1]"));
    SG_CHECK(!sg_json_next_member(&walk));
    SG_IS(sg_json_error_text(walk.error), "not JSON at byte 0: it is not an object");
}

/* The text with 0 in place of what matches; "same" if nothing does. */
static sg_string replaced(const char *text, const char *pointers, const char *key) {
    sg_strings steps[8], texts = {0}, keys = {0};
    SG_CHECK(sg_json_strings(sg_from(pointers), &texts));
    for (size_t i = 0; i < texts.len; i++) SG_CHECK(sg_json_pointer(texts.ptr[i], &steps[i]));
    if (key != NULL) sg_strings_add(&keys, sg_from(key));
    sg_json_rules rules = {steps, texts.len, keys, SG("0")};
    sg_json_error error;
    sg_string out;
    if (!sg_json_replace(sg_from(text), &rules, &out, &error)) return sg_json_error_text(error);
    return out.ptr == NULL ? SG("same") : out;
}

SG_TEST(pointers_find_members_elements_and_any) {
    const char *text = "{\"a\":[{\"b\":1},{\"b\":[2]}],\"b\":3}";
    SG_IS(replaced(text, "[\"/a/1/b\"]", NULL), "{\"a\":[{\"b\":1},{\"b\":0}],\"b\":3}");
    SG_IS(replaced(text, "[\"/a/+01/b\"]", NULL), "{\"a\":[{\"b\":1},{\"b\":0}],\"b\":3}");
    SG_IS(replaced(text, "[\"/a/*/b\"]", NULL), "{\"a\":[{\"b\":0},{\"b\":0}],\"b\":3}");
    SG_IS(replaced(text, "[\"/a\",\"/b\"]", NULL), "{\"a\":0,\"b\":0}");
    SG_IS(replaced(text, "[\"\"]", NULL), "0");
    SG_IS(replaced(text, "[\"/a/2\",\"/c\",\"/b/c\",\"/a/-1\"]", NULL), "same");
}

SG_TEST(keys_are_found_at_any_depth_in_any_case_and_doubled) {
    const char *text = "{\"Token\":{\"x\":1},\"n\":[{\"token\":\"t\"}],\"to\\u006ben\":2,\"tokens\":3}";
    const char *clean = "{\"Token\":0,\"n\":[{\"token\":0}],\"to\\u006ben\":0,\"tokens\":3}";
    SG_IS(replaced(text, "[]", "token"), clean);
}

SG_TEST(every_other_byte_stays) {
    SG_IS(replaced(" {\"\xc3\xa9\" :\t1.50e0 , \"k\": [ ] }\r\n", "[]", "k"),
          " {\"\xc3\xa9\" :\t1.50e0 , \"k\": 0 }\r\n");
    SG_IS(replaced("{\"n\":12345678901234567890123,\"k\":1}", "[]", "k"),
          "{\"n\":12345678901234567890123,\"k\":0}");
}

SG_TEST(a_text_that_breaks_off_is_an_error_even_after_a_match) {
    SG_IS(replaced("{\"k\":1,", "[]", "k"), "not JSON at byte 7: it is cut off");
}

SG_TEST(no_text_whatever_harms_it) {
    const char *pieces[] = {"{", "}", "[", "]", ",", ":", "\"k\"", "\"", "\\u00", "\\", "1", "-",
                            "e", "true", "nul", " ", "\xc3", "\"a\":", "\"k\":{", "0"};
    const char *paths[] = {"k", "a/k", "k/k"};
    srand(7);
    for (int round = 0; round < 200000; round++) {
        char text[128] = "";
        for (int i = rand() % 12; i > 0; i--) strcat(text, pieces[rand() % 20]);
        /* A copy that ends where it ends, so that a read behind it is seen. */
        size_t len = strlen(text);
        uint8_t *copy = malloc(len > 0 ? len : 1);
        memcpy(copy, text, len);
        sg_string exact = {copy, len}, found[3], out;
        sg_strings step = {&(sg_string){(uint8_t *)"*", 1}, 1}, keys = {0};
        sg_json_rules rules = {&step, 1, keys, SG("null")};
        sg_json_error error;
        bool json = reads(exact);
        sg_json_find(exact, paths, 3, found);
        SG_CHECK(sg_json_replace(exact, &rules, &out, &error) == json);
        if (json && out.ptr != NULL) SG_CHECK(reads(out));
        free(copy);
    }
    printf("seed 7\n");
}
