// Package host is the border to the gateway: the memory that both sides see, and the functions that
// the gateway offers.
package host

import "unsafe"

// Chunks of memory into which the gateway writes what it hands over. A chunk is never used twice: a
// string of an event is a part of one, and lives as long as the filter holds it. The collector frees
// a chunk of which nothing is held.
//
// The words of a list are addresses that the collector does not see as such, so all chunks of a
// call are held until it is over.
var (
	chunk []byte
	held  [][]byte
	over  bool
)

const chunkBytes = 16 << 10

// take gives memory that is not a stranger's: aligned to 8, in a chunk that is held.
func take(bytes int) unsafe.Pointer {
	bytes = (bytes + 7) &^ 7
	if bytes > len(chunk) {
		fresh := make([]byte, max(chunkBytes, bytes))
		held = append(held, fresh)
		if bytes > chunkBytes/2 {
			return unsafe.Pointer(unsafe.SliceData(fresh)) // all its own; the old chunk goes on
		}
		chunk = fresh
	}
	part := chunk[:bytes:bytes]
	chunk = chunk[bytes:]
	return unsafe.Pointer(unsafe.SliceData(part))
}

// BeginCall lets go of what the last call held, if one is over.
func BeginCall() {
	if !over {
		return
	}
	over = false
	clear(held)
	held = held[:0]
	answers = answers[:0]
	if chunk != nil {
		held = append(held, chunk)
	}
}

// EndCall says that the call is over. What it held lives until the next begins: the answer is read
// after the call has returned.
func EndCall() { over = true }

// The gateway writes the arguments of a call here, before the call.
//
//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, size uint32) unsafe.Pointer {
	BeginCall()
	if size == 0 {
		return unsafe.Add(unsafe.Pointer(nil), align)
	}
	memory := take(int(size))
	if oldSize > 0 {
		copy(unsafe.Slice((*byte)(memory), size), unsafe.Slice((*byte)(old), oldSize))
	}
	return memory
}

// answers holds what was handed to the gateway until it has read it.
var answers []any

// hold keeps a value from the collector until the next call.
func hold(value any) { answers = append(answers, value) }
