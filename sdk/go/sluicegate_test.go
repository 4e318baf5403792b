package sluicegate_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"sluicegate"
	"sluicegate/sluicegatetest"
)

func TestDecisionsSayThemselves(t *testing.T) {
	output := sluicegate.Output{
		Queues: []string{"a", "b"}, Type: "t", ContentType: "text/plain",
		SetAttributes: []sluicegate.Field{{Name: "subject", Value: "s"}},
		SetHeaders:    []sluicegate.Field{{Name: "x-a", Value: "1"}},
		Remove:        []string{"x-b"}, Data: sluicegate.Text("hello"),
	}
	for said, decision := range map[string]sluicegate.Decision{
		"next":                 sluicegate.Next(),
		"drop: r":              sluicegate.Drop("r"),
		"route: a b":           sluicegate.Route("a", "b"),
		"reject forbidden: no": sluicegate.Reject(sluicegate.Forbidden, "no"),
		"dead-letter: odd":     sluicegate.DeadLetter("odd"),
		"emit: {queues a b; type t; content-type text/plain; attribute subject=s; header x-a=1; " +
			"remove x-b; text hello}": sluicegate.Emit(output),
	} {
		if decision.String() != said {
			t.Errorf("%s\n%s", decision, said)
		}
	}
}

func TestFieldsAreFoundInAnyCase(t *testing.T) {
	event := sluicegatetest.Event("push", "{}")
	event.Headers = []sluicegate.Field{{Name: "x-a", Value: ""}, {Name: "x-a", Value: "2"}}
	event.Attributes = []sluicegate.Field{{Name: "subject", Value: "main"}}
	if !event.HasHeader("X-A") || event.HasHeader("x-b") || event.Header("x-a") != "" {
		t.Error("headers")
	}
	if values := event.HeaderValues("X-a"); len(values) != 2 || values[1] != "2" {
		t.Error(values)
	}
	if event.Attribute("Subject") != "main" {
		t.Error("attributes")
	}
}

func TestAPayloadIsTextOrBytes(t *testing.T) {
	event := sluicegatetest.Event("push", `{"a":1}`)
	if value, err := event.JSON(); err != nil || value.At("a").Raw() != "1" {
		t.Error(value, err)
	}
	event.Data = sluicegate.Bytes("\xff")
	if _, err := event.JSON(); !errors.Is(err, sluicegate.ErrNotText) {
		t.Error(err)
	}
	if string(event.Bytes()) != "\xff" {
		t.Error(event.Bytes())
	}
}

func TestLogMetricsClockAndStateCanBeLookedAt(t *testing.T) {
	gateway := sluicegatetest.New(t)
	sluicegate.Log(sluicegate.Warn, "odd", sluicegate.Field{Name: "n", Value: "7"})
	sluicegate.Log(sluicegate.Trace, "not seen")
	if lines := fmt.Sprint(gateway.Lines()); lines != "[odd n=7]" {
		t.Error(lines)
	}
	sluicegate.NewCounter("seen", sluicegate.Field{Name: "kind", Value: "x"}).Add(2)
	sluicegate.NewHistogram("bytes").Observe(1.5)
	if gateway.Count("seen kind=x") != 2 || gateway.Count("bytes") != 1 {
		t.Error("series")
	}
	before, state := sluicegate.Now(), sluicegate.State{}
	first, _ := state.SetIfAbsent("k", []byte("v"), 10*time.Millisecond)
	again, _ := state.SetIfAbsent("k", []byte("w"), 0)
	value, found, err := state.Get("k")
	if !first || again || !found || string(value) != "v" || err != nil {
		t.Error("set if absent", first, again, found, value, err)
	}
	gateway.Advance(10 * time.Millisecond)
	if _, found, _ := state.Get("k"); found || sluicegate.Now().Sub(before) != 10*time.Millisecond {
		t.Error("its time is not over")
	}
	if sum, err := state.Increment("n", -3, 0); sum != -3 || err != nil {
		t.Error(sum, err)
	}
}
