// Severity-router sends GitHub security alerts at or above a severity to queues of their own.
//
// It reads the severity from the payload of code_scanning_alert and dependabot_alert; events of
// other types never reach it.
package main

import (
	"errors"

	"sluicegate"
	"sluicegate/rawjson"
)

// A severity is how bad an alert is, in the words that GitHub uses for security alerts.
type severity int

const (
	unknown severity = iota // the alert does not say, or says something that is no severity
	low
	medium
	high
	critical
)

// Code scanning rules that are not about security say note, warning and error instead.
var severities = map[string]severity{
	"low": low, "note": low,
	"medium": medium, "moderate": medium, "warning": medium,
	"high": high, "error": high,
	"critical": critical,
}

// Code scanning first, then Dependabot.
var places = [][]string{
	{"alert", "rule", "security_severity_level"},
	{"alert", "rule", "severity"},
	{"alert", "security_advisory", "severity"},
	{"alert", "security_vulnerability", "severity"},
}

// severityOf is what the payload of an alert says at the first of the known places.
func severityOf(payload rawjson.Value) severity {
	for _, place := range payload.Find(places...) {
		name, _ := place.Text()
		if said := severities[name]; said != unknown {
			return said
		}
	}
	return unknown
}

type router struct {
	threshold  severity
	queues     []string
	dropOthers bool
}

func (r *router) Configure(config string) (wanted sluicegate.Subscription, err error) {
	*r = router{}
	members, err := rawjson.New(config).Members()
	if err != nil {
		return wanted, errors.New("config: " + err.Error())
	}
	for _, member := range members {
		if !r.read(member.Name, member.Value) {
			return wanted, errors.New("config: " + member.Name + " is unknown or has a wrong value")
		}
	}
	if r.threshold == unknown {
		return wanted, errors.New("config: threshold is missing (low, medium, high, critical)")
	}
	if len(r.queues) == 0 {
		return wanted, errors.New("config: queues is missing or empty")
	}
	return sluicegate.To("code_scanning_alert*", "dependabot_alert*"), nil
}

func (r *router) read(name string, value rawjson.Value) bool {
	text, isText := value.Text()
	switch name {
	case "threshold":
		r.threshold = severities[text]
		return r.threshold != unknown
	case "queues":
		queues, ok := value.Texts()
		r.queues = append(r.queues, queues...)
		return ok
	case "else":
		r.dropOthers = r.dropOthers || text == "drop"
		return isText && (text == "next" || text == "drop")
	}
	return false
}

func (r *router) Filter(event *sluicegate.Event) (sluicegate.Decision, error) {
	payload, err := event.JSON()
	if err != nil {
		return sluicegate.Decision{}, err
	}
	if severityOf(payload) >= r.threshold {
		return sluicegate.Route(r.queues...), nil
	}
	if r.dropOthers {
		return sluicegate.Drop("below the severity threshold"), nil
	}
	return sluicegate.Next(), nil
}

func init() { sluicegate.Export(new(router)) }

func main() {}
