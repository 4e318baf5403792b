package main

import (
	"testing"

	"sluicegate"
	"sluicegate/sluicegatetest"
)

func TestItAsksForOneHeaderAndNeverForThePayload(t *testing.T) {
	wanted, err := new(dropper).Configure(`{"header":"X-Spam"}`)
	if err != nil {
		t.Fatal(err)
	}
	if wanted.Data != sluicegate.NoData || len(wanted.Types)+len(wanted.Attributes) != 0 {
		t.Errorf("it wants %+v", wanted)
	}
	if len(wanted.Headers) != 1 || wanted.Headers[0] != "x-spam" {
		t.Errorf("it wants the headers %q", wanted.Headers)
	}
}

func TestAWantedValueCountsWhereverItStands(t *testing.T) {
	var filter dropper
	if _, err := filter.Configure(`{"header":"x-spam","values":["a","b"]}`); err != nil {
		t.Fatal(err)
	}
	event := sluicegatetest.Event("push", "")
	event.Headers = []sluicegate.Field{{Name: "x-spam", Value: "c"}}
	if said := sluicegatetest.Words(filter.Filter(event)); said != "next" {
		t.Error(said)
	}
	event.Headers = append(event.Headers, sluicegate.Field{Name: "x-spam", Value: "b"})
	if said := sluicegatetest.Words(filter.Filter(event)); said != "drop: marked by x-spam" {
		t.Error(said)
	}
}

func TestAWrongConfigurationIsRefusedByName(t *testing.T) {
	for config, why := range map[string]string{
		`{"header":5}`: "config: header is unknown or has a wrong value",
		`{}`:           "config: header is missing",
		`[]`:           "config: not JSON at byte 0: it is not an object",
	} {
		if _, err := new(dropper).Configure(config); err == nil || err.Error() != why {
			t.Errorf("%s: %v", config, err)
		}
	}
}
