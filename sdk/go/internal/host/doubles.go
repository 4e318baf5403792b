//go:build !wasip1

// Package host is the border to the gateway: the memory that both sides see and the functions that
// the gateway offers. Off Wasm it stands in for the gateway, in memory.
package host

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// A Line of the log.
type Line struct {
	Level   uint8
	Message string
	Fields  [][2]string
}

// A Series of numbers.
type Series struct {
	Name  string // with its labels: "seen kind=push"
	Count uint64
	Sum   float64
}

type entry struct {
	value []byte
	ends  uint64
}

// A Double is a gateway in memory.
type Double struct {
	mutex  sync.Mutex
	NowNS  uint64
	Level  uint8 // lines below it are not written
	Lines  []Line
	Series []Series
	state  map[string]entry
}

// Now is the gateway that the functions of this package talk to.
var Now = NewDouble()

// NewDouble is a gateway in which nothing has happened. Its clock stands still.
func NewDouble() *Double {
	start := time.Date(2023, 11, 14, 22, 13, 20, 0, time.UTC)
	return &Double{NowNS: uint64(start.UnixNano()), Level: 1, state: map[string]entry{}}
}

// LogEnabled says whether lines of a level are written.
func LogEnabled(level uint8) bool { return level >= Now.Level }

// LogWrite writes a line.
func LogWrite(level uint8, message string, fields [][2]string) {
	if LogEnabled(level) {
		Now.mutex.Lock()
		defer Now.mutex.Unlock()
		Now.Lines = append(Now.Lines, Line{level, message, fields})
	}
}

func series(name string, labels [][2]string) uint32 {
	Now.mutex.Lock()
	defer Now.mutex.Unlock()
	words := []string{name}
	for _, label := range labels {
		words = append(words, label[0]+"="+label[1])
	}
	whole := strings.Join(words, " ")
	for id, known := range Now.Series {
		if known.Name == whole {
			return uint32(id)
		}
	}
	Now.Series = append(Now.Series, Series{Name: whole})
	return uint32(len(Now.Series) - 1)
}

// Counter is the id of a counter.
func Counter(name string, labels [][2]string) uint32 { return series(name, labels) }

// Histogram is the id of a histogram.
func Histogram(name string, labels [][2]string) uint32 { return series(name, labels) }

// Add adds to a counter.
func Add(id uint32, delta uint64) { count(id, delta, 0) }

// Observe counts a value in a histogram.
func Observe(id uint32, value float64) { count(id, 1, value) }

// An id that is none counts nowhere, as in the gateway.
func count(id uint32, delta uint64, value float64) {
	Now.mutex.Lock()
	defer Now.mutex.Unlock()
	if int(id) < len(Now.Series) {
		Now.Series[id].Count += delta
		Now.Series[id].Sum += value
	}
}

// NowNS is the time.
func NowNS() uint64 { return Now.NowNS }

func (d *Double) living(key string) (entry, bool) {
	it, found := d.state[key]
	return it, found && it.ends > d.NowNS
}

func (d *Double) put(key string, value []byte, ttl *uint64) {
	ends := ^uint64(0)
	if ttl != nil {
		ends = d.NowNS + *ttl*uint64(time.Millisecond)
	}
	d.state[key] = entry{append([]byte(nil), value...), ends}
}

// StateGet is the value of a key.
func StateGet(key string) ([]byte, bool, *StateError) {
	Now.mutex.Lock()
	defer Now.mutex.Unlock()
	it, found := Now.living(key)
	return it.value, found, nil
}

// StateSet sets a value.
func StateSet(key string, value []byte, ttl *uint64) *StateError {
	Now.mutex.Lock()
	defer Now.mutex.Unlock()
	Now.put(key, value, ttl)
	return nil
}

// StateSetIfAbsent sets the value of a key that has none.
func StateSetIfAbsent(key string, value []byte, ttl *uint64) (bool, *StateError) {
	Now.mutex.Lock()
	defer Now.mutex.Unlock()
	_, found := Now.living(key)
	if !found {
		Now.put(key, value, ttl)
	}
	return !found, nil
}

// StateDelete removes a key.
func StateDelete(key string) *StateError {
	Now.mutex.Lock()
	defer Now.mutex.Unlock()
	delete(Now.state, key)
	return nil
}

// StateIncrement adds to a number.
func StateIncrement(key string, delta int64, ttl *uint64) (int64, *StateError) {
	Now.mutex.Lock()
	defer Now.mutex.Unlock()
	var sum int64
	if it, found := Now.living(key); found {
		if _, err := fmt.Sscan(string(it.value), &sum); err != nil {
			return 0, &StateError{Tag: 2, Why: "the value is not a number"}
		}
	}
	sum += delta
	Now.put(key, fmt.Append(nil, sum), ttl)
	return sum, nil
}
