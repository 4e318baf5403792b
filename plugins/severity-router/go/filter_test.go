package main

import (
	"testing"

	"sluicegate"
	"sluicegate/sluicegatetest"
)

const config = `{"threshold":"high","queues":["urgent","siem"]}`

func decide(t *testing.T, config string, event *sluicegate.Event) string {
	t.Helper()
	var filter router
	if _, err := filter.Configure(config); err != nil {
		t.Fatal(err)
	}
	return sluicegatetest.Words(filter.Filter(event))
}

func TestAlertsAtOrAboveTheThresholdGoToTheQueues(t *testing.T) {
	dropping := `{"threshold":"high","queues":["a"],"else":"drop"}`
	for _, it := range []struct{ config, severity, said string }{
		{config, "high", "route: urgent siem"},
		{config, "critical", "route: urgent siem"},
		{config, "low", "next"},
		{dropping, "low", "drop: below the severity threshold"},
	} {
		payload := `{"alert":{"security_advisory":{"severity":"` + it.severity + `"}}}`
		event := sluicegatetest.Event("dependabot_alert", payload)
		if said := decide(t, it.config, event); said != it.said {
			t.Errorf("%s: %s", it.severity, said)
		}
	}
}

func TestAPayloadThatIsNotTextIsAFailure(t *testing.T) {
	event := sluicegatetest.Event("dependabot_alert", "")
	event.Data = sluicegate.Bytes("\xff")
	if said := decide(t, config, event); said != "failed: the payload is not text" {
		t.Error(said)
	}
}

func TestAWrongConfigurationIsRefusedByName(t *testing.T) {
	for config, why := range map[string]string{
		`{"threshold":"hi","queues":["a"]}`:            "config: threshold is unknown or has a wrong value",
		`{"threshold":"low","queues":["a"],"limit":1}`: "config: limit is unknown or has a wrong value",
		`{"threshold":"low","queues":[]}`:              "config: queues is missing or empty",
	} {
		if _, err := new(router).Configure(config); err == nil || err.Error() != why {
			t.Errorf("%s: %v", config, err)
		}
	}
}
