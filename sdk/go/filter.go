// Package sluicegate is for writing Sluicegate filters in Go.
//
// A filter is asked about events and decides where they go. It runs in a sandbox: it has no files,
// no network, no environment, only what this package offers. In unit tests it is plain Go: see
// package sluicegatetest for what stands in for the gateway there.
package sluicegate

import "errors"

// A Filter reads its configuration and then decides about events, one at a time. One value of it
// lives in each instance of the plugin; there are several instances, and they are replaced now and
// then, so that what it remembers is a cache and nothing more.
type Filter interface {
	// Configure reads the configuration (JSON, {} if there is none) and says what the filter wants
	// to see. It is called once, before anything else. An error refuses the configuration.
	Configure(config string) (Subscription, error)

	// Filter decides about an event. An error applies the failure policy of the plugin, or asks for
	// the event again if it is made by [RetryAfter].
	Filter(event *Event) (Decision, error)
}

// Export makes a filter the plugin. Say it once, in init: main is not run.
func Export(filter Filter) {
	if exported.filter != nil {
		panic("sluicegate: Export was called twice")
	}
	exported.filter = filter
}

// ExportFunc makes a plugin of a subscription and a function, for filters without configuration.
func ExportFunc(wanted Subscription, decide func(*Event) (Decision, error)) {
	Export(&function{wanted, decide})
}

type function struct {
	wanted Subscription
	decide func(*Event) (Decision, error)
}

func (f *function) Configure(string) (Subscription, error) { return f.wanted, nil }
func (f *function) Filter(event *Event) (Decision, error)  { return f.decide(event) }

// A plugin is what was exported, as the gateway calls it.
type plugin struct {
	filter     Filter
	configured bool
}

var exported plugin

func (p *plugin) configure(config string) (Subscription, error) {
	if p.filter == nil {
		return Subscription{}, errors.New("the plugin exports no filter: call sluicegate.Export in init")
	}
	wanted, err := p.filter.Configure(config)
	p.configured = err == nil
	return wanted, err
}

func (p *plugin) decide(event *Event) (Decision, error) {
	if !p.configured {
		return Decision{}, errors.New("not configured")
	}
	return p.filter.Filter(event)
}

// A DataMode says in which form a filter wants the payload.
type DataMode uint8

// The forms of the payload, in the order of the contract.
const (
	NoData     DataMode = iota // none: the cheapest
	AutoData                   // [Text] where it is UTF-8, else [Bytes]
	BinaryData                 // [Bytes]
)

// A Subscription is what a filter wants to see. The gateway does not call it for other types and
// shows it nothing else.
type Subscription struct {
	Types      []string // patterns in which * stands for any characters; empty: all
	Attributes []string // names; * for all, empty for none
	Headers    []string // names in lower case; * for all, empty for none
	Data       DataMode
}

// To is a subscription to these types, with their payload.
func To(types ...string) Subscription { return Subscription{Types: types, Data: AutoData} }

// WithAttributes is the subscription with these attributes.
func (s Subscription) WithAttributes(names ...string) Subscription {
	s.Attributes = names
	return s
}

// WithHeaders is the subscription with these headers.
func (s Subscription) WithHeaders(names ...string) Subscription {
	s.Headers = names
	return s
}

// WithData is the subscription with the payload in this form.
func (s Subscription) WithData(mode DataMode) Subscription {
	s.Data = mode
	return s
}
