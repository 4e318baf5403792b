package main

import (
	"testing"

	"sluicegate"
	"sluicegate/sluicegatetest"
)

func TestAMarkedEventIsDroppedAndAnyOtherGoesOn(t *testing.T) {
	event := sluicegatetest.Event("push", "")
	if said := sluicegatetest.Words(decide(event)); said != "next" {
		t.Error(said)
	}
	event.Headers = []sluicegate.Field{{Name: "x-spam", Value: "yes"}}
	if said := sluicegatetest.Words(decide(event)); said != "drop: marked as spam" {
		t.Error(said)
	}
}
