// Drop-by-header drops the events that carry a header, or a header with one of some values. It never
// asks for the payload.
package main

import (
	"errors"
	"slices"
	"strings"

	"sluicegate"
	"sluicegate/rawjson"
)

type dropper struct {
	header string
	values []string // empty: any
	reason string
}

func (d *dropper) Configure(config string) (sluicegate.Subscription, error) {
	*d = dropper{}
	members, err := rawjson.New(config).Members()
	if err != nil {
		return sluicegate.Subscription{}, errors.New("config: " + err.Error())
	}
	for _, member := range members {
		if !d.read(member.Name, member.Value) {
			err := errors.New("config: " + member.Name + " is unknown or has a wrong value")
			return sluicegate.Subscription{}, err
		}
	}
	if d.header == "" {
		return sluicegate.Subscription{}, errors.New("config: header is missing")
	}
	if d.reason == "" {
		d.reason = "marked by " + d.header
	}
	return sluicegate.To().WithHeaders(d.header).WithData(sluicegate.NoData), nil
}

func (d *dropper) read(name string, value rawjson.Value) (ok bool) {
	switch name {
	case "header":
		d.header, ok = value.Text()
		d.header = strings.ToLower(d.header)
		return ok && d.header != ""
	case "values":
		d.values, ok = value.Texts()
	case "reason":
		d.reason, ok = value.Text()
	}
	return ok
}

func (d *dropper) Filter(event *sluicegate.Event) (sluicegate.Decision, error) {
	for _, value := range event.HeaderValues(d.header) {
		if len(d.values) == 0 || slices.Contains(d.values, value) {
			return sluicegate.Drop(d.reason), nil
		}
	}
	return sluicegate.Next(), nil
}

func init() { sluicegate.Export(new(dropper)) }

func main() {}
