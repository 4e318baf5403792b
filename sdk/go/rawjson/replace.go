package rawjson

import (
	"strconv"
	"strings"
)

// Rules say what to replace.
type Rules struct {
	Pointers []Pointer // values at these places
	Keys     []string  // values of members of these names, wherever they are and in any case
	With     string    // what stands in place of a value: JSON
}

// A Pointer is the steps of a JSON Pointer (RFC 6901); the step * is any member or element.
type Pointer []string

// ParsePointer reads a JSON Pointer; false if the text is none.
func ParsePointer(text string) (Pointer, bool) {
	if text == "" {
		return Pointer{}, true
	}
	if text[0] != '/' {
		return nil, false
	}
	steps := strings.Split(text[1:], "/")
	for i, step := range steps {
		steps[i] = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
	}
	return steps, true
}

// Replace writes the text with every matching value replaced and every other byte as it was, and
// says whether there was one. It is an error if the text is not JSON.
func Replace(text string, rules Rules) (string, bool, error) {
	r := NewReader(text)
	var open []container
	var out strings.Builder
	name, named, written, replaced := "", false, 0, false
	for {
		token, err := r.Token()
		if err != nil {
			return "", false, err
		}
		switch token.Kind {
		case End:
			if !replaced {
				return text, false, nil
			}
			out.WriteString(text[written:])
			return out.String(), true, nil
		case Key:
			name, named = unescaped(text[token.Start+1:token.End-1]), true
			continue
		case ObjectEnd, ArrayEnd:
			open = open[:len(open)-1]
			continue
		}
		leading := rules.leading(open, name, named)
		if named && rules.isKey(name) || rules.ends(leading, len(open)) {
			end, err := r.Skip(token)
			if err != nil {
				return "", false, err
			}
			out.WriteString(text[written:token.Start])
			out.WriteString(rules.With)
			written, replaced = end, true
		} else if token.Kind == ObjectStart || token.Kind == ArrayStart {
			open = append(open, container{pointers: leading})
		}
		named = false
	}
}

// A container that is open: the pointers that lead into it, and how many elements it has had.
type container struct {
	pointers []int
	elements int
}

// leading are the pointers that lead to the value that begins here.
func (rules *Rules) leading(open []container, name string, named bool) []int {
	var leading []int
	if len(open) == 0 {
		for i := range rules.Pointers {
			leading = append(leading, i)
		}
		return leading
	}
	parent := &open[len(open)-1]
	element := parent.elements
	parent.elements++
	for _, at := range parent.pointers {
		pointer := rules.Pointers[at]
		if len(pointer) < len(open) {
			continue
		}
		step := pointer[len(open)-1]
		if step == "*" || named && step == name || !named && isNumber(step, element) {
			leading = append(leading, at)
		}
	}
	return leading
}

func (rules *Rules) ends(leading []int, depth int) bool {
	for _, at := range leading {
		if len(rules.Pointers[at]) == depth {
			return true
		}
	}
	return false
}

func (rules *Rules) isKey(name string) bool {
	for _, key := range rules.Keys {
		if equalAnyCase(key, name) {
			return true
		}
	}
	return false
}

// equalAnyCase compares with the letters of ASCII in any case, and no others: one filter decides
// the same in every language.
func equalAnyCase(one, other string) bool {
	if len(one) != len(other) {
		return false
	}
	for i := range len(one) {
		if lower(one[i]) != lower(other[i]) {
			return false
		}
	}
	return true
}

func lower(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// isNumber says whether a step is this number: digits, perhaps after a plus, with zeros before them
// or not. One filter decides the same in every language.
func isNumber(step string, number int) bool {
	said, err := strconv.ParseUint(strings.TrimPrefix(step, "+"), 10, 32)
	return err == nil && said == uint64(number)
}
