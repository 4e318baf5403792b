package sluicegate

import (
	"errors"
	"time"

	"sluicegate/internal/host"
)

// A Level is how much a line of the log matters.
type Level uint8

// The levels, in the order of the contract.
const (
	Trace Level = iota
	Debug
	Info
	Warn
	Error
)

// LogEnabled says whether lines of this level are written at all: ask before making a costly one.
func LogEnabled(level Level) bool { return host.LogEnabled(uint8(level)) }

// Log writes a line to the log of the gateway, which marks it with the plugin and the event.
func Log(level Level, message string, fields ...Field) {
	host.LogWrite(uint8(level), message, pairs(fields))
}

// A Counter is a number that only grows, shown by the gateway beside its own.
type Counter struct{ id uint32 }

// NewCounter is the counter of this name and these labels; all instances of a plugin share it. Call
// it in Configure.
func NewCounter(name string, labels ...Field) Counter {
	return Counter{host.Counter(name, pairs(labels))}
}

// Add adds to it.
func (c Counter) Add(delta uint64) { host.Add(c.id, delta) }

// A Histogram is a distribution, shown by the gateway beside its own.
type Histogram struct{ id uint32 }

// NewHistogram is the histogram of this name and these labels; all instances of a plugin share it.
// Call it in Configure.
func NewHistogram(name string, labels ...Field) Histogram {
	return Histogram{host.Histogram(name, pairs(labels))}
}

// Observe counts a value.
func (h Histogram) Observe(value float64) { host.Observe(h.id, value) }

// Now is the time, as the gateway says: a replay may pin it. time.Now knows nothing in the sandbox.
func Now() time.Time { return time.Unix(0, int64(host.NowNS())) }

// State is kept by the gateway, for the plugin and the route, and is written together with what
// becomes of the event. A plugin that uses it imports the capability state, which the operator must
// grant.
type State struct{}

// The ways in which state can fail; any other error says why it is not to be had.
var (
	ErrQuotaExceeded = errors.New("the quota of the state is exceeded")
	ErrTooLarge      = errors.New("the key or value is too large for the state")
)

// Get is the value of a key; false if there is none.
func (State) Get(key string) ([]byte, bool, error) {
	value, found, err := host.StateGet(key)
	return value, found, stateError(err)
}

// Set sets the value of a key, for some time or, with 0, for good.
func (State) Set(key string, value []byte, ttl time.Duration) error {
	return stateError(host.StateSet(key, value, millis(ttl)))
}

// SetIfAbsent sets the value of a key that has none, and says whether it did.
func (State) SetIfAbsent(key string, value []byte, ttl time.Duration) (bool, error) {
	done, err := host.StateSetIfAbsent(key, value, millis(ttl))
	return done, stateError(err)
}

// Delete removes a key.
func (State) Delete(key string) error { return stateError(host.StateDelete(key)) }

// Increment adds to the number under a key, which begins as 0, and gives the sum. With a time to live
// that time begins now; with 0 the key keeps what it has. The value is decimal text.
func (State) Increment(key string, delta int64, ttl time.Duration) (int64, error) {
	sum, err := host.StateIncrement(key, delta, millis(ttl))
	return sum, stateError(err)
}

func stateError(failed *host.StateError) error {
	switch {
	case failed == nil:
		return nil
	case failed.Tag == 0:
		return ErrQuotaExceeded
	case failed.Tag == 1:
		return ErrTooLarge
	default:
		return errors.New("the state is not to be had: " + failed.Why)
	}
}

// millis is the time in whole milliseconds, rounded up; nil for good.
func millis(ttl time.Duration) *uint64 {
	if ttl <= 0 {
		return nil
	}
	whole := uint64((ttl + time.Millisecond - 1) / time.Millisecond)
	return &whole
}

func pairs(fields []Field) [][2]string {
	all := make([][2]string, len(fields))
	for i, field := range fields {
		all[i] = [2]string{field.Name, field.Value}
	}
	return all
}
