package sluicegate

import (
	"errors"
	"strings"

	"sluicegate/rawjson"
)

// An Event is what a filter is asked about. Attributes, headers and payload hold only what the
// subscription asked for.
type Event struct {
	ID          string // CloudEvents id
	Source      string // CloudEvents source
	Type        string // CloudEvents type
	UnixNano    uint64 // CloudEvents time; the time of receipt if the event has none
	ContentType string // CloudEvents datacontenttype; empty if unknown
	Attributes  []Field
	Headers     []Field
	Data        Data
}

// Attribute is the value of an attribute, its name in any case; empty if there is none.
func (e *Event) Attribute(name string) string { return first(e.Attributes, name) }

// Header is the first value of a header, its name in any case; empty if there is none.
func (e *Event) Header(name string) string { return first(e.Headers, name) }

// HasHeader says whether there is such a header, be it empty.
func (e *Event) HasHeader(name string) bool { return len(e.HeaderValues(name)) > 0 }

// HeaderValues are all values of a header, its name in any case.
func (e *Event) HeaderValues(name string) []string {
	var values []string
	for _, field := range e.Headers {
		if strings.EqualFold(field.Name, name) {
			values = append(values, field.Value)
		}
	}
	return values
}

// Text is the payload as text; false if it is not UTF-8, or was asked for as bytes or not at all.
func (e *Event) Text() (string, bool) {
	text, ok := e.Data.(Text)
	return string(text), ok
}

// Bytes is the payload, whatever it is.
func (e *Event) Bytes() []byte {
	switch data := e.Data.(type) {
	case Text:
		return []byte(data)
	case Bytes:
		return data
	default:
		return nil
	}
}

// JSON is the payload as a JSON value, read only as far as it is looked at. To read it into a type,
// give [Event.Bytes] to encoding/json.
func (e *Event) JSON() (rawjson.Value, error) {
	text, ok := e.Text()
	if !ok {
		return rawjson.Value{}, ErrNotText
	}
	return rawjson.New(text), nil
}

// ErrNotText is what [Event.JSON] says of a payload that is not text.
var ErrNotText = errors.New("the payload is not text")

func first(fields []Field, name string) string {
	for _, field := range fields {
		if strings.EqualFold(field.Name, name) {
			return field.Value
		}
	}
	return ""
}
