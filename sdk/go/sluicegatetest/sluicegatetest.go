//go:build !wasip1

// Package sluicegatetest stands in for the gateway in the unit tests of filters: neither the gateway
// nor Wasm is needed, and what a filter logs, counts and keeps can be looked at.
package sluicegatetest

import (
	"testing"
	"time"

	"sluicegate"
	"sluicegate/internal/host"
)

// Gateway is what stands in for it.
type Gateway struct{ double *host.Double }

// New begins with an empty log, no series, no state, and a clock that stands still at
// 2023-11-14T22:13:20Z. What the package sluicegate offers goes to it until the test ends, so tests
// that use it do not run in parallel.
func New(t testing.TB) *Gateway {
	before := host.Now
	host.Now = host.NewDouble()
	t.Cleanup(func() { host.Now = before })
	return &Gateway{host.Now}
}

// Advance moves the clock.
func (g *Gateway) Advance(by time.Duration) { g.double.NowNS += uint64(by) }

// GrantState changes how much state there may be, as `state` of a plugin does in the gateway's
// configuration. Without it there is what `state: {}` grants.
func (g *Gateway) GrantState(keysMax, bytesMax, valueBytesMax int) {
	g.double.State.Grant = host.Grant{
		KeysMax: keysMax, BytesMax: bytesMax, ValueBytesMax: valueBytesMax,
	}
}

// Lines are the lines of the log.
func (g *Gateway) Lines() []string {
	lines := make([]string, len(g.double.Lines))
	for i, line := range g.double.Lines {
		lines[i] = line.Message
		for _, field := range line.Fields {
			lines[i] += " " + field[0] + "=" + field[1]
		}
	}
	return lines
}

// Count is what a counter has counted, or how many values a histogram has; of a series with labels
// say "name label=value".
func (g *Gateway) Count(series string) uint64 {
	for _, known := range g.double.Series {
		if known.Name == series {
			return known.Count
		}
	}
	return 0
}

// Event is an event of a type and a text as payload. Set what else it should have.
func Event(kind, text string) *sluicegate.Event {
	return &sluicegate.Event{
		ID:          "018bcfe5-6800-7000-8000-000000000007",
		Source:      "test",
		Type:        kind,
		UnixNano:    1_700_000_000_000_000_000,
		ContentType: "application/json",
		Data:        sluicegate.Text(text),
	}
}

// Words are the decision and error of a filter in words, as "drop: REASON" or "failed: WHY".
func Words(decision sluicegate.Decision, err error) string {
	if err != nil {
		return "failed: " + err.Error()
	}
	return decision.String()
}
