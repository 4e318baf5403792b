// Package rawjson reads JSON where it is asked to look, and writes a text anew around replaced
// values with every other byte as it was: numbers of any size, order and spaces stay.
//
// It does not recurse, so nesting cannot exhaust the stack; deeper than [DepthMax] is an error.
package rawjson

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"strings"
)

// DepthMax is how deep containers may be nested.
const DepthMax = 128

// A Kind is the kind of a token.
type Kind uint8

// The kinds of token.
const (
	End Kind = iota // after the last token
	ObjectStart
	ObjectEnd
	ArrayStart
	ArrayEnd
	Key // the name of a member; its value is the next token
	String
	Number
	Word // true, false or null
)

// A Token has a kind and a place in the text; strings and keys with their quotes.
type Token struct {
	Kind       Kind
	Start, End int
}

// An Error says where a text is not JSON, and what is wrong there.
type Error struct {
	At   int
	What string
}

func (e *Error) Error() string { return "not JSON at byte " + strconv.Itoa(e.At) + ": " + e.What }

type next uint8

// What may come next.
const (
	nextValue next = iota
	nextValueOrEnd
	nextKey
	nextKeyOrEnd
	nextCommaOrEnd
	nextNothing
)

// A Reader reads the tokens of one JSON text (RFC 8259).
type Reader struct {
	text    string
	at      int
	objects [DepthMax / 64]uint64 // a bit for each open container: whether it is an object
	depth   int
	next    next
}

// NewReader is a reader at the start of the text.
func NewReader(text string) *Reader { return &Reader{text: text} }

// Token is the next token; its kind is [End] after the last.
func (r *Reader) Token() (Token, error) {
	for {
		r.space()
		if r.at >= len(r.text) {
			if r.next != nextNothing {
				return r.fail("it is cut off")
			}
			return Token{End, r.at, r.at}, nil
		}
		b := r.text[r.at]
		switch {
		case r.next == nextNothing:
			return r.fail("something follows the value")
		case b == ']' && r.next == nextValueOrEnd:
			return r.close(ArrayEnd), nil
		case r.next <= nextValueOrEnd:
			return r.value(b)
		case b == '}' && r.next == nextKeyOrEnd:
			return r.close(ObjectEnd), nil
		case b == '"' && r.next <= nextKeyOrEnd:
			return r.key()
		case r.next <= nextKeyOrEnd:
			return r.fail("another character belongs here")
		case b == '}' && r.inObject():
			return r.close(ObjectEnd), nil
		case b == ']' && !r.inObject():
			return r.close(ArrayEnd), nil
		case b != ',':
			return r.fail("another character belongs here")
		}
		r.at++
		r.next = nextValue
		if r.inObject() {
			r.next = nextKey
		}
	}
}

// Skip passes over the value whose first token is given, and gives the place behind it.
func (r *Reader) Skip(first Token) (int, error) {
	if first.Kind != ObjectStart && first.Kind != ArrayStart {
		return first.End, nil
	}
	for outside := r.depth - 1; ; {
		token, err := r.Token()
		if err != nil {
			return 0, err
		}
		if r.depth == outside {
			return token.End, nil
		}
	}
}

func (r *Reader) fail(what string) (Token, error) { return Token{}, &Error{r.at, what} }

// byteAt is the byte at a place; 0, which is no part of JSON, behind the last.
func (r *Reader) byteAt(at int) byte {
	if at < len(r.text) {
		return r.text[at]
	}
	return 0
}

func (r *Reader) space() {
	for r.at < len(r.text) && isSpace(r.text[r.at]) {
		r.at++
	}
}

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\n' || b == '\r' }

func (r *Reader) inObject() bool {
	top := r.depth - 1
	return top >= 0 && r.objects[top/64]>>(top%64)&1 == 1
}

func (r *Reader) afterValue() {
	r.next = nextCommaOrEnd
	if r.depth == 0 {
		r.next = nextNothing
	}
}

func (r *Reader) value(b byte) (Token, error) {
	kind, end, err := Word, 0, error(nil)
	switch {
	case b == '{':
		return r.open(ObjectStart, nextKeyOrEnd)
	case b == '[':
		return r.open(ArrayStart, nextValueOrEnd)
	case b == '"':
		kind = String
		end, err = r.stringEnd()
	case b == '-' || isDigit(b):
		kind = Number
		end, err = r.numberEnd()
	default:
		end, err = r.wordEnd()
	}
	if err != nil {
		return Token{}, err
	}
	token := Token{kind, r.at, end}
	r.at = end
	r.afterValue()
	return token, nil
}

func (r *Reader) open(kind Kind, next next) (Token, error) {
	if r.depth == DepthMax {
		return r.fail("it is nested too deep")
	}
	word, bit := &r.objects[r.depth/64], uint64(1)<<(r.depth%64)
	*word &^= bit
	if kind == ObjectStart {
		*word |= bit
	}
	r.depth++
	r.next = next
	r.at++
	return Token{kind, r.at - 1, r.at}, nil
}

func (r *Reader) close(kind Kind) Token {
	r.depth--
	r.at++
	r.afterValue()
	return Token{kind, r.at - 1, r.at}
}

func (r *Reader) key() (Token, error) {
	start := r.at
	end, err := r.stringEnd()
	if err != nil {
		return Token{}, err
	}
	r.at = end
	r.space()
	if r.byteAt(r.at) != ':' {
		return r.fail("a colon belongs here")
	}
	r.at++
	r.next = nextValue
	return Token{Key, start, end}, nil
}

// stringEnd is the place behind the string that starts here; escapes are checked for their form.
func (r *Reader) stringEnd() (int, error) {
	at := r.at + 1
	for {
		at = plainEnd(r.text, at)
		switch b := r.byteAt(at); {
		case at >= len(r.text):
			return 0, &Error{at, "a string is cut off"}
		case b == '"':
			return at + 1, nil
		case b < ' ':
			return 0, &Error{at, "a control character in a string"}
		case b == '\\':
			length := r.escapeLength(at)
			if length == 0 {
				return 0, &Error{at, "an escape that is none"}
			}
			at += length
		default:
			at++
		}
	}
}

// plainEnd is the first place from at, eight bytes at a time, at which may be a byte that matters in
// a string: a quote, a backslash or a control character.
func plainEnd(text string, at int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for len(text)-at >= 8 {
		eight := text[at : at+8]
		word := binary.LittleEndian.Uint64([]byte(eight))
		quote, backslash := word^ones*'"', word^ones*'\\'
		// The well-known test for a zero byte; with 0x20 in place of 1, for a byte below it.
		matters := (word-ones*0x20)&^word | (quote-ones)&^quote | (backslash-ones)&^backslash
		if matters &= highs; matters != 0 {
			// The lowest of these bits is exact: a borrow runs only upwards.
			return at + bits.TrailingZeros64(matters)/8
		}
		at += 8
	}
	return at
}

// escapeLength is the length of the escape at a place; 0 if it is none.
func (r *Reader) escapeLength(at int) int {
	b := r.byteAt(at + 1)
	if b != 'u' {
		if b != 0 && strings.IndexByte(`"\/bfnrt`, b) >= 0 {
			return 2
		}
		return 0
	}
	for i := at + 2; i < at+6; i++ {
		if b := r.byteAt(i) | 0x20; !isDigit(r.byteAt(i)) && (b < 'a' || b > 'f') {
			return 0
		}
	}
	return 6
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func (r *Reader) digitsEnd(at int) (int, error) {
	start := at
	for isDigit(r.byteAt(at)) {
		at++
	}
	if at == start {
		return 0, &Error{at, "a digit belongs here"}
	}
	return at, nil
}

func (r *Reader) numberEnd() (at int, err error) {
	at = r.at
	if r.byteAt(at) == '-' {
		at++
	}
	if r.byteAt(at) == '0' {
		at++
	} else if at, err = r.digitsEnd(at); err != nil {
		return 0, err
	}
	if r.byteAt(at) == '.' {
		if at, err = r.digitsEnd(at + 1); err != nil {
			return 0, err
		}
	}
	if r.byteAt(at)|0x20 == 'e' {
		at++
		if b := r.byteAt(at); b == '+' || b == '-' {
			at++
		}
		return r.digitsEnd(at)
	}
	return at, nil
}

func (r *Reader) wordEnd() (int, error) {
	for _, word := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(r.text[r.at:], word) {
			return r.at + len(word), nil
		}
	}
	return 0, &Error{r.at, "a value belongs here"}
}
