package rawjson

import (
	"strconv"
	"strings"
	"unicode/utf16"
)

// A Value is a JSON value by its text: nothing of it is read until it is asked for. The zero Value
// is no value.
type Value struct{ raw string }

// New is the value that is this text.
func New(text string) Value { return Value{strings.Trim(text, " \t\n\r")} }

// Raw is the text of the value.
func (v Value) Raw() string { return v.raw }

// Exists says whether there is a value.
func (v Value) Exists() bool { return v.raw != "" }

// IsNull says whether it is null.
func (v Value) IsNull() bool { return v.raw == "null" }

// Text is the text of a string without its escapes; false if the value is not a string. Half of a
// surrogate pair becomes U+FFFD.
func (v Value) Text() (string, bool) {
	token, err := NewReader(v.raw).Token()
	if err != nil || token.Kind != String || token.End != len(v.raw) {
		return "", false
	}
	return unescaped(v.raw[1 : len(v.raw)-1]), true
}

// Texts are the texts of an array of strings; false if the value is anything else.
func (v Value) Texts() ([]string, bool) {
	elements, err := v.Elements()
	if err != nil {
		return nil, false
	}
	texts := make([]string, len(elements))
	for i, element := range elements {
		text, ok := element.Text()
		if !ok {
			return nil, false
		}
		texts[i] = text
	}
	return texts, true
}

// A Member of an object.
type Member struct {
	Name  string // without its escapes
	Value Value
}

// Members are the members of an object, in order and with the doubled ones.
func (v Value) Members() ([]Member, error) {
	var members []Member
	r := NewReader(v.raw)
	first, err := r.Token()
	if err != nil {
		return nil, err
	}
	if first.Kind != ObjectStart {
		return nil, &Error{0, "it is not an object"}
	}
	for {
		key, err := r.Token()
		if err != nil {
			return nil, err
		}
		if key.Kind != Key {
			return members, nil
		}
		value, err := r.wholeValue()
		if err != nil {
			return nil, err
		}
		members = append(members, Member{unescaped(v.raw[key.Start+1 : key.End-1]), value})
	}
}

// Elements are the elements of an array, in order.
func (v Value) Elements() ([]Value, error) {
	var elements []Value
	r := NewReader(v.raw)
	first, err := r.Token()
	if err != nil {
		return nil, err
	}
	if first.Kind != ArrayStart {
		return nil, &Error{0, "it is not an array"}
	}
	for {
		token, err := r.Token()
		if err != nil {
			return nil, err
		}
		if token.Kind == ArrayEnd {
			return elements, nil
		}
		end, err := r.Skip(token)
		if err != nil {
			return nil, err
		}
		elements = append(elements, Value{v.raw[token.Start:end]})
	}
}

// wholeValue reads the value that begins with the next token.
func (r *Reader) wholeValue() (Value, error) {
	first, err := r.Token()
	if err != nil {
		return Value{}, err
	}
	end, err := r.Skip(first)
	return Value{r.text[first.Start:max(first.Start, end)]}, err
}

// At is the value at a path of members, such as At("alert", "rule"). Of doubled members the first
// counts. To look at several places, [Value.Find] is quicker.
func (v Value) At(path ...string) Value { return v.Find(path)[0] }

// Find finds the values at several paths of members in one pass that ends with the last that can
// still be found. What is not JSON further on does not take away what was found before it.
func (v Value) Find(paths ...[]string) []Value {
	found := make([]Value, len(paths))
	// For each open object, which paths lead through it and can still be found.
	open := [][]bool{make([]bool, len(paths))}
	for i, path := range paths {
		open[0][i] = len(path) > 0
		if len(path) == 0 {
			found[i] = v
		}
	}
	r := NewReader(v.raw)
	if first, err := r.Token(); err != nil || first.Kind != ObjectStart {
		return found
	}
	for anyLive(open) {
		key, err := r.Token()
		if err != nil || key.Kind == End {
			return found
		}
		if key.Kind == ObjectEnd {
			open = open[:len(open)-1]
			continue
		}
		first, err := r.Token()
		if err != nil {
			return found
		}
		name := unescaped(v.raw[key.Start+1 : key.End-1])
		here, through := match(paths, open[len(open)-1], len(open), name)
		if first.Kind == ObjectStart && through != nil && here == nil {
			open = append(open, through)
			continue
		}
		end, err := r.Skip(first)
		if err != nil {
			return found
		}
		for _, at := range here {
			found[at] = Value{v.raw[first.Start:end]}
		}
	}
	return found
}

// match says which paths end at the member of this name, and which lead through it, and takes both
// out of live.
func match(paths [][]string, live []bool, depth int, name string) (here []int, through []bool) {
	for i, path := range paths {
		if !live[i] || len(path) < depth || path[depth-1] != name {
			continue
		}
		live[i] = false
		if len(path) == depth {
			here = append(here, i)
			continue
		}
		if through == nil {
			through = make([]bool, len(paths))
		}
		through[i] = true
	}
	return here, through
}

func anyLive(open [][]bool) bool {
	for _, paths := range open {
		for _, live := range paths {
			if live {
				return true
			}
		}
	}
	return false
}

// unescaped is the text between the quotes of a string whose form is known to be right.
func unescaped(text string) string {
	if strings.IndexByte(text, '\\') < 0 {
		return text
	}
	var out strings.Builder
	out.Grow(len(text))
	for {
		plain, escape, more := strings.Cut(text, `\`)
		out.WriteString(plain)
		if !more {
			return out.String()
		}
		switch escape[0] {
		case 'b':
			out.WriteByte('\b')
		case 'f':
			out.WriteByte('\f')
		case 'n':
			out.WriteByte('\n')
		case 'r':
			out.WriteByte('\r')
		case 't':
			out.WriteByte('\t')
		case 'u':
			character, length := unicode(escape)
			out.WriteRune(character)
			text = escape[length:]
			continue
		default:
			out.WriteByte(escape[0])
		}
		text = escape[1:]
	}
}

// unicode is the character of a \u escape without its backslash, and the length of the escape.
func unicode(escape string) (rune, int) {
	high := unit(escape[1:5])
	if strings.HasPrefix(escape[5:], `\u`) {
		if pair := utf16.DecodeRune(high, unit(escape[7:11])); pair != '\uFFFD' {
			return pair, 11
		}
	}
	return high, 5 // WriteRune writes U+FFFD for half of a pair.
}

func unit(hex string) rune {
	number, _ := strconv.ParseUint(hex, 16, 16) // the reader has checked its form
	return rune(number)
}
