package host

import "unsafe"

// Words is memory of 32-bit words in the layout of the contract: what the compiler does not lay out
// by itself, because its own pointers have 64 bits.
type Words []uint32

// NewWords is zeroed memory for so many words, held until the next call.
func NewWords(count int) Words {
	words := unsafe.Slice((*uint32)(take(4*max(count, 1))), count)
	clear(words)
	return words
}

// Address is where the words lie.
func (w Words) Address() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(w)) }

func address(pointer unsafe.Pointer) uint32 { return uint32(uintptr(pointer)) }

// PutString writes the place and length of a text.
func (w Words) PutString(at int, text string) {
	if text != "" {
		hold(text)
	}
	w[at] = address(unsafe.Pointer(unsafe.StringData(text)))
	w[at+1] = uint32(len(text))
}

// PutBytes writes the place and length of bytes.
func (w Words) PutBytes(at int, bytes []byte) {
	hold(bytes)
	w[at] = address(unsafe.Pointer(unsafe.SliceData(bytes)))
	w[at+1] = uint32(len(bytes))
}

// PutList writes the place and count of a list of items of some words each, and gives its words.
func (w Words) PutList(at, count, itemWords int) Words {
	items := NewWords(count * itemWords)
	w[at] = address(items.Address())
	w[at+1] = uint32(count)
	return items
}

// PutStrings writes a list of texts.
func (w Words) PutStrings(at int, texts []string) {
	items := w.PutList(at, len(texts), 2)
	for i, text := range texts {
		items.PutString(2*i, text)
	}
}

// String is a text that the gateway has written.
func String(at unsafe.Pointer, length uint32) string {
	if length == 0 {
		return ""
	}
	return unsafe.String((*byte)(at), length)
}

// Bytes are bytes that the gateway has written.
func Bytes(at unsafe.Pointer, length uint32) []byte {
	if length == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(at), length)
}

// Pairs calls see with each pair of texts of a list that the gateway has written.
func Pairs(at unsafe.Pointer, count uint32, see func(i int, one, other string)) {
	if count == 0 {
		return
	}
	words := unsafe.Slice((*uint32)(at), 4*count)
	for i := range int(count) {
		pair := words[4*i : 4*i+4]
		see(i, stringAt(pair[0], pair[1]), stringAt(pair[2], pair[3]))
	}
}

func stringAt(at, length uint32) string { return String(unsafe.Add(unsafe.Pointer(nil), at), length) }

// Trap ends the instance: the gateway dead-letters the event and starts another.
func Trap() {
	var nowhere *int
	*nowhere = 0
}
