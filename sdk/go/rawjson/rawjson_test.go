package rawjson

import (
	"encoding/json"
	"strings"
	"testing"
)

func reads(text string) error {
	r := NewReader(text)
	for {
		if token, err := r.Token(); err != nil || token.Kind == End {
			return err
		}
	}
}

func TestItTakesWhatIsJSONAndRefusesWhatIsNot(t *testing.T) {
	for _, text := range []string{
		"0", "-0.5e+10", `""`, " [ ] ", "{}", "[1,2,[3]]", `{"a":{"b":[true,null]}}`,
		`"\u00e9\n\\"`, `{"é":"\""}`, "\t[false]\r\n",
	} {
		if err := reads(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{
		"", " ", "[", "{", "[1", "[1,", "[1,]", `{"a"}`, `{"a":}`, `{"a":1,}`, "{1:2}", "[1}",
		`{"a":1]`, "01", "1.", "1e", "-", "+1", ".5", "tru", "nul", "True", `"`, `"\x"`, `"\u12"`,
		`"\u12é"`, "\"a\nb\"", "1 2", "[] []", "{}}", "]", ",", "\x00",
	} {
		if reads(text) == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestNestingEndsAtItsBound(t *testing.T) {
	nested := func(depth int) string {
		return strings.Repeat("[", depth) + strings.Repeat("]", depth)
	}
	if err := reads(nested(DepthMax)); err != nil {
		t.Error(err)
	}
	err := reads(nested(DepthMax + 1))
	if err == nil || err.Error() != "not JSON at byte 128: it is nested too deep" {
		t.Error(err)
	}
}

func TestStringsLoseTheirEscapes(t *testing.T) {
	for text, plain := range map[string]string{
		`"a\"b\\c\/"`:          `a"b\c/`,
		`"\b\f\n\r\t"`:         "\b\f\n\r\t",
		`"\u00e9\ud83d\ude00"`: "é😀",
		`"\ud800x"`:            "\uFFFDx",
		`"\ud800\u0041"`:       "\uFFFDA",
		`"\ud800\ud83d\ude00"`: "\uFFFD😀",
		`"\udc00"`:             "\uFFFD",
		`""`:                   "",
	} {
		if said, ok := New(text).Text(); !ok || said != plain {
			t.Errorf("%s: %q", text, said)
		}
	}
	for _, text := range []string{"1", `"a" 1`, ""} {
		if _, ok := New(text).Text(); ok {
			t.Errorf("%s is no string", text)
		}
	}
}

func TestSeveralPathsAreFoundInOnePass(t *testing.T) {
	value := New(`{"a":{"b":1,"c":{"d":2}},"a":{"e":9},"f":[3],"g":`)
	found := value.Find([]string{"a", "c", "d"}, []string{"f"}, []string{"a", "e"},
		[]string{"a", "b"}, []string{"a", "b", "x"})
	for i, raw := range []string{"2", "[3]", "", "1", ""} {
		if found[i].Raw() != raw {
			t.Errorf("%d: %q", i, found[i].Raw())
		}
	}
	if New("[]").At("a").Exists() || !New("{\"a\":null}").At("a").IsNull() {
		t.Error("what is there and what is not")
	}
}

func TestMembersComeInOrder(t *testing.T) {
	members, err := New(` {"b":1,"\u0061":[2,"x"]} `).Members()
	if err != nil || len(members) != 2 || members[1].Name != "a" {
		t.Fatal(members, err)
	}
	if elements, err := members[1].Value.Elements(); err != nil || elements[1].Raw() != `"x"` {
		t.Error(elements, err)
	}
	for text, why := range map[string]string{
		"[1]":     "not JSON at byte 0: it is not an object",
		`{"a":1,`: "not JSON at byte 7: it is cut off",
	} {
		if _, err := New(text).Members(); err == nil || err.Error() != why {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestReplacingKeepsEveryOtherByte(t *testing.T) {
	text := `{"a":[{"b":1},{"b":[2]}],"b":3}`
	for _, it := range []struct {
		text     string
		pointers []string
		key      string
		out      string
	}{
		{text, []string{"/a/1/b"}, "", `{"a":[{"b":1},{"b":0}],"b":3}`},
		{text, []string{"/a/+01/b"}, "", `{"a":[{"b":1},{"b":0}],"b":3}`},
		{text, []string{"/a/*/b"}, "", `{"a":[{"b":0},{"b":0}],"b":3}`},
		{text, []string{"/a", "/b"}, "", `{"a":0,"b":0}`},
		{text, []string{""}, "", "0"},
		{text, []string{"/a/2", "/c", "/b/c", "/a/-1"}, "", text},
		{`{"Token":{"x":1},"n":[{"token":"t"}],"to\u006ben":2,"tokens":3}`, nil, "token",
			`{"Token":0,"n":[{"token":0}],"to\u006ben":0,"tokens":3}`},
		{" {\"é\" :\t1.50e0 , \"k\": [ ] }\r\n", nil, "k", " {\"é\" :\t1.50e0 , \"k\": 0 }\r\n"},
		{`{"n":12345678901234567890123,"k":1}`, nil, "k", `{"n":12345678901234567890123,"k":0}`},
	} {
		rules := Rules{With: "0"}
		for _, text := range it.pointers {
			pointer, _ := ParsePointer(text)
			rules.Pointers = append(rules.Pointers, pointer)
		}
		if it.key != "" {
			rules.Keys = []string{it.key}
		}
		out, found, err := Replace(it.text, rules)
		if err != nil || out != it.out || found != (out != it.text) {
			t.Errorf("%v: %s %v %v", it.pointers, out, found, err)
		}
	}
	if _, _, err := Replace(`{"k":1,`, Rules{Keys: []string{"k"}}); err == nil {
		t.Error("a text that breaks off is an error even after a match")
	}
}

// The reader takes what encoding/json takes; no text whatever makes it panic.
func FuzzReader(f *testing.F) {
	for _, text := range []string{`{"k":[1,{"k":"\u00e9"}]}`, `[-1.5e3,true]`, `{"a":{"k":1`, `"\`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		err := reads(text)
		if strings.ContainsAny(text, "[{") || json.Valid([]byte(text)) == (err == nil) {
			New(text).Find([]string{"k"}, []string{"a", "k"})
			out, _, replaced := Replace(text, Rules{Keys: []string{"k"}, With: "null"})
			if (replaced == nil) != (err == nil) || err == nil && reads(out) != nil {
				t.Errorf("%q became %q", text, out)
			}
			return
		}
		t.Errorf("%q: %v", text, err)
	})
}
