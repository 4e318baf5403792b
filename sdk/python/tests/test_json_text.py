"""JSON by its text: the same cases as the Rust SDK's."""

import json
import random
import unittest

from sluicegate_plugin.json_text import JsonError, Reader, find, replace, string


def read(text):
    reader = Reader(text)
    kinds = []
    while reader.token():
        kinds.append(reader.kind)
    return kinds


def takes(parse, text):
    try:
        parse(text)
    except ValueError:
        return False
    return True


class Reading(unittest.TestCase):
    def test_it_takes_what_is_json(self):
        for text in [
            "0", "-0.5e+10", '""', " [ ] ", "{}", "[1,2,[3]]", '{"a":{"b":[true,null]}}',
            '"\\u00e9\\n\\\\"', '{"é":"\\""}', "\t[false]\r\n",
        ]:
            self.assertTrue(read(text), text)

    def test_it_refuses_what_is_not(self):
        for text in [
            "", " ", "[", "{", "[1", "[1,", "[1,]", '{"a"}', '{"a":}', '{"a":1,}', "{1:2}", "[1}",
            '{"a":1]', "01", "1.", "1e", "-", "+1", ".5", "tru", "nul", "True", '"', '"\\x"',
            '"\\u12"', '"\\u12é"', '"a\nb"', "1 2", "[] []", "{}}", "]", ",", "\u00a01", "NaN",
            "\u0661",
        ]:
            with self.subTest(text), self.assertRaises(JsonError):
                read(text)

    def test_an_error_names_its_byte_not_its_character(self):
        with self.assertRaisesRegex(JsonError, "^not JSON at byte 10: a value belongs here$"):
            read('["é😀",]')
        with self.assertRaisesRegex(JsonError, "^not JSON at byte 15: a string is cut off$"):
            read('{"email":"a@exa')

    def test_whatever_json_loads_takes_it_takes_and_it_refuses_the_rest(self):
        chance = random.Random(7)
        parts = ['"a"', '"\\u0041\\""', "1", "-0.5e3", "[", "]", "{", "}", ",", ":", "true", " "]
        for _ in range(20000):
            text = "".join(chance.choices(parts, k=chance.randint(1, 9)))
            self.assertEqual(takes(read, text), takes(json.loads, text), text)

    def test_nesting_ends_at_its_bound(self):
        read("[" * 128 + "]" * 128)
        with self.assertRaisesRegex(JsonError, "nested too deep"):
            read("[" * 129)


class Replacing(unittest.TestCase):
    def test_pointers_find_members_elements_and_any(self):
        text = '{"a":[{"b":1},{"b":[2]}],"b":3}'

        def mask(*pointers):
            return replace(text, pointers=pointers, mask="0")

        self.assertEqual(mask("/a/1/b"), '{"a":[{"b":1},{"b":0}],"b":3}')
        self.assertEqual(mask("/a/*/b"), '{"a":[{"b":0},{"b":0}],"b":3}')
        self.assertEqual(mask("/a", "/b"), '{"a":0,"b":0}')
        self.assertEqual(mask(""), "0")
        self.assertIsNone(mask("/a/2", "/c", "/b/c"))
        with self.assertRaisesRegex(ValueError, "JSON Pointer"):
            mask("a")

    def test_keys_are_found_at_any_depth_in_any_case_and_doubled(self):
        text = '{"Token":{"x":1},"n":[{"token":"t"}],"to\\u006ben":2,"tokens":3,"to\u212aen":4}'
        clean = '{"Token":0,"n":[{"token":0}],"to\\u006ben":0,"tokens":3,"to\u212aen":4}'
        self.assertEqual(replace(text, keys=["TOKEN"], mask="0"), clean)
        doubled = '{"a":{"token":1},"a":2,"token":3,"token":4}'
        clean = '{"a":{"token":0},"a":2,"token":0,"token":0}'
        self.assertEqual(replace(doubled, keys=["token"], mask="0"), clean)

    def test_every_other_byte_stays(self):
        text = ' {"é" :\t1.50e0 , "k": [ ], "n": 123456789012345678901234567890 }\r\n'
        kept = ' {"é" :\t1.50e0 , "k": 0, "n": 123456789012345678901234567890 }\r\n'
        self.assertEqual(replace(text, keys=["k"], mask="0"), kept)

    def test_a_long_text_with_many_escapes_takes_time_in_proportion(self):
        text = '{"k":"' + "\\nx" * 300_000 + '"}'
        self.assertEqual(replace(text, keys=["k"], mask="0"), '{"k":0}')


class Finding(unittest.TestCase):
    def test_several_paths_are_found_in_one_pass(self):
        paths = [["a", "c", "d"], ["f"], ["a", "e"], ["a", "b"], ["a", "b", "x"]]
        text = '{"a":{"b":1,"c":{"d":2}},"a":{"e":9},"f":[3],"g":'
        self.assertEqual(find(text, paths), ["2", "[3]", None, "1", None])
        self.assertEqual(find("[]", [["a"]]), [None])
        self.assertEqual(find('{"a":1', [["a"], ["b"]]), ["1", None])

    def test_a_string_is_its_text_half_a_pair_is_fffd_and_nothing_else_is_a_string(self):
        self.assertEqual(string('"a\\"\\u00e9\\ud83d\\ude00"'), 'a"é😀')
        self.assertEqual(string('"\\ud800x"'), "\ufffdx")
        self.assertIsNone(string("1"))
        self.assertIsNone(string(None))


if __name__ == "__main__":
    unittest.main()
