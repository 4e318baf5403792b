//go:build !wasip1

// Package host is the border to the gateway: the memory that both sides see and the functions that
// the gateway offers. Off Wasm it stands in for the gateway, in memory.
package host

import (
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

// A Double is a gateway in memory.
type Double struct {
	mutex  sync.Mutex
	NowNS  uint64
	Level  uint8 // lines below it are not written
	Lines  []Line
	Series []Series
	State  State
}

// Now is the gateway that the functions of this package talk to.
var Now = NewDouble()

// NewDouble is a gateway in which nothing has happened. Its clock stands still.
func NewDouble() *Double {
	start := time.Date(2023, 11, 14, 22, 13, 20, 0, time.UTC)
	return &Double{NowNS: uint64(start.UnixNano()), Level: 1, State: newState()}
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
