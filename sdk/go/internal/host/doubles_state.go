//go:build !wasip1

package host

import (
	"math"
	"strconv"
	"time"
)

// State in memory. It answers as the gateway does, which state.cases beside the SDKs shows of both.
type State struct {
	entries map[string]entry
	Grant   Grant
}

// A Grant is how much may be remembered.
type Grant struct{ KeysMax, BytesMax, ValueBytesMax int }

type entry struct {
	value []byte
	ends  uint64 // from then on the key is not there
}

const keyBytesMax = 512

// newState is empty, with what `state: {}` grants.
func newState() State {
	return State{map[string]entry{}, Grant{10_000, 16 << 20, 64 << 10}}
}

// look finds the entry of a key; an error if no key can be this one.
func (s *State) look(key string, now uint64) (entry, bool, *StateError) {
	if key == "" || len(key) > keyBytesMax {
		return entry{}, false, &StateError{Tag: 1}
	}
	for name, it := range s.entries {
		if it.ends <= now {
			delete(s.entries, name)
		}
	}
	it, found := s.entries[key]
	return it, found, nil
}

func (s *State) put(key string, it entry) *StateError {
	if len(it.value) > s.Grant.ValueBytesMax {
		return &StateError{Tag: 1}
	}
	before, found := s.entries[key]
	bytes := len(key) + len(it.value)
	for name, other := range s.entries {
		if name != key {
			bytes += len(name) + len(other.value)
		}
	}
	// What does not grow is always taken.
	noKey := !found && len(s.entries) >= s.Grant.KeysMax
	grows := !found || len(it.value) > len(before.value)
	if noKey || grows && bytes > s.Grant.BytesMax {
		return &StateError{Tag: 0}
	}
	s.entries[key] = it
	return nil
}

// ends is when a time to live is over; without one it never is.
func ends(now uint64, ttl *uint64) uint64 {
	if ttl == nil || *ttl > (math.MaxUint64-now)/uint64(time.Millisecond) {
		return math.MaxUint64
	}
	return now + *ttl*uint64(time.Millisecond)
}

// StateGet is the value of a key.
func StateGet(key string) ([]byte, bool, *StateError) {
	Now.mutex.Lock()
	defer Now.mutex.Unlock()
	it, found, failed := Now.State.look(key, Now.NowNS)
	return append([]byte(nil), it.value...), found, failed
}

// StateSet sets a value.
func StateSet(key string, value []byte, ttl *uint64) *StateError {
	Now.mutex.Lock()
	defer Now.mutex.Unlock()
	if _, _, failed := Now.State.look(key, Now.NowNS); failed != nil {
		return failed
	}
	return Now.State.put(key, entry{append([]byte(nil), value...), ends(Now.NowNS, ttl)})
}

// StateSetIfAbsent sets the value of a key that has none.
func StateSetIfAbsent(key string, value []byte, ttl *uint64) (bool, *StateError) {
	Now.mutex.Lock()
	defer Now.mutex.Unlock()
	_, found, failed := Now.State.look(key, Now.NowNS)
	if failed != nil || found {
		return false, failed
	}
	failed = Now.State.put(key, entry{append([]byte(nil), value...), ends(Now.NowNS, ttl)})
	return failed == nil, failed
}

// StateDelete removes a key.
func StateDelete(key string) *StateError {
	Now.mutex.Lock()
	defer Now.mutex.Unlock()
	_, _, failed := Now.State.look(key, Now.NowNS)
	if failed == nil {
		delete(Now.State.entries, key)
	}
	return failed
}

// StateIncrement adds to a number. Without a time to live the key keeps what it has.
func StateIncrement(key string, delta int64, ttl *uint64) (int64, *StateError) {
	Now.mutex.Lock()
	defer Now.mutex.Unlock()
	it, found, failed := Now.State.look(key, Now.NowNS)
	if failed != nil {
		return 0, failed
	}
	var number int64
	if found {
		var err error
		if number, err = strconv.ParseInt(string(it.value), 10, 64); err != nil {
			return 0, &StateError{Tag: 2, Why: "the value is not a number"}
		}
	}
	sum := number + delta
	if (sum < number) != (delta < 0) {
		return 0, &StateError{Tag: 2, Why: "the sum is too large"}
	}
	until := ends(Now.NowNS, ttl)
	if found && ttl == nil {
		until = it.ends
	}
	if failed := Now.State.put(key, entry{strconv.AppendInt(nil, sum, 10), until}); failed != nil {
		return 0, failed
	}
	return sum, nil
}
