package host

import "unsafe"

// The functions of the contract, flattened as the canonical ABI has them: a text is a place and a
// length, an option a flag and a value, and a result with more than one word is written to a place.

//go:wasmimport sluicegate:plugin/log@0.1.0 enabled
func logEnabled(level uint32) uint32

//go:wasmimport sluicegate:plugin/log@0.1.0 write
func logWrite(level uint32, message unsafe.Pointer, length uint32, fields unsafe.Pointer, count uint32)

//go:wasmimport sluicegate:plugin/metrics@0.1.0 counter
func metricsCounter(name unsafe.Pointer, length uint32, labels unsafe.Pointer, count uint32) uint32

//go:wasmimport sluicegate:plugin/metrics@0.1.0 histogram
func metricsHistogram(name unsafe.Pointer, length uint32, labels unsafe.Pointer, count uint32) uint32

//go:wasmimport sluicegate:plugin/metrics@0.1.0 add
func metricsAdd(id uint32, delta uint64)

//go:wasmimport sluicegate:plugin/metrics@0.1.0 observe
func metricsObserve(id uint32, value float64)

//go:wasmimport sluicegate:plugin/clock@0.1.0 now-ns
func clockNowNS() uint64

//go:wasmimport sluicegate:plugin/state@0.1.0 get
func stateGet(key unsafe.Pointer, length uint32, result unsafe.Pointer)

//go:wasmimport sluicegate:plugin/state@0.1.0 set
func stateSet(key unsafe.Pointer, length uint32, value unsafe.Pointer, size uint32, hasTTL uint32, ttl uint64, result unsafe.Pointer)

//go:wasmimport sluicegate:plugin/state@0.1.0 set-if-absent
func stateSetIfAbsent(key unsafe.Pointer, length uint32, value unsafe.Pointer, size uint32, hasTTL uint32, ttl uint64, result unsafe.Pointer)

//go:wasmimport sluicegate:plugin/state@0.1.0 delete
func stateDelete(key unsafe.Pointer, length uint32, result unsafe.Pointer)

//go:wasmimport sluicegate:plugin/state@0.1.0 increment
func stateIncrement(key unsafe.Pointer, length uint32, delta int64, hasTTL uint32, ttl uint64, result unsafe.Pointer)

func text(s string) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.StringData(s)), uint32(len(s))
}

func pairs(all [][2]string) (unsafe.Pointer, uint32) {
	words := NewWords(4 * len(all))
	for i, pair := range all {
		words.PutString(4*i, pair[0])
		words.PutString(4*i+2, pair[1])
	}
	return words.Address(), uint32(len(all))
}

// LogEnabled says whether lines of a level are written.
func LogEnabled(level uint8) bool { return logEnabled(uint32(level)) != 0 }

// LogWrite writes a line.
func LogWrite(level uint8, message string, fields [][2]string) {
	at, length := text(message)
	list, count := pairs(fields)
	logWrite(uint32(level), at, length, list, count)
}

// Counter is the id of a counter.
func Counter(name string, labels [][2]string) uint32 {
	at, length := text(name)
	list, count := pairs(labels)
	return metricsCounter(at, length, list, count)
}

// Histogram is the id of a histogram.
func Histogram(name string, labels [][2]string) uint32 {
	at, length := text(name)
	list, count := pairs(labels)
	return metricsHistogram(at, length, list, count)
}

// Add adds to a counter.
func Add(id uint32, delta uint64) { metricsAdd(id, delta) }

// Observe counts a value in a histogram.
func Observe(id uint32, value float64) { metricsObserve(id, value) }

// NowNS is the time.
func NowNS() uint64 { return clockNowNS() }

// StateGet is the value of a key.
func StateGet(key string) ([]byte, bool, *StateError) {
	// result<option<list<u8>>, error>: a tag, then an option or the error at word 1.
	result := NewWords(4)
	at, length := text(key)
	stateGet(at, length, result.Address())
	if result[0]&0xff != 0 {
		return nil, false, stateErrorAt(result, 1)
	}
	if result[1]&0xff == 0 {
		return nil, false, nil
	}
	return Bytes(unsafe.Add(unsafe.Pointer(nil), result[2]), result[3]), true, nil
}

// StateSet sets a value.
func StateSet(key string, value []byte, ttl *uint64) *StateError {
	result := NewWords(4)
	at, length := text(key)
	hasTTL, millis := option(ttl)
	stateSet(at, length, unsafe.Pointer(unsafe.SliceData(value)), uint32(len(value)), hasTTL, millis,
		result.Address())
	return stateErrorIf(result)
}

// StateSetIfAbsent sets the value of a key that has none.
func StateSetIfAbsent(key string, value []byte, ttl *uint64) (bool, *StateError) {
	result := NewWords(4)
	at, length := text(key)
	hasTTL, millis := option(ttl)
	stateSetIfAbsent(at, length, unsafe.Pointer(unsafe.SliceData(value)), uint32(len(value)), hasTTL,
		millis, result.Address())
	return result[1]&0xff != 0, stateErrorIf(result)
}

// StateDelete removes a key.
func StateDelete(key string) *StateError {
	result := NewWords(4)
	at, length := text(key)
	stateDelete(at, length, result.Address())
	return stateErrorIf(result)
}

// StateIncrement adds to a number.
func StateIncrement(key string, delta int64, ttl *uint64) (int64, *StateError) {
	// result<s64, error>: the number makes it aligned to 8, so what follows the tag is at word 2.
	result := NewWords(6)
	at, length := text(key)
	hasTTL, millis := option(ttl)
	stateIncrement(at, length, delta, hasTTL, millis, result.Address())
	if result[0]&0xff != 0 {
		return 0, stateErrorAt(result, 2)
	}
	return int64(uint64(result[2]) | uint64(result[3])<<32), nil
}

func option(value *uint64) (uint32, uint64) {
	if value == nil {
		return 0, 0
	}
	return 1, *value
}

func stateErrorIf(result Words) *StateError {
	if result[0]&0xff == 0 {
		return nil
	}
	return stateErrorAt(result, 1)
}

func stateErrorAt(result Words, at int) *StateError {
	failed := &StateError{Tag: uint8(result[at])}
	if failed.Tag == 2 {
		failed.Why = stringAt(result[at+1], result[at+2])
	}
	return failed
}
