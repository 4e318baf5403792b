package sluicegate

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// A Kind says which decision it is.
type Kind uint8

// The kinds of decision, in the order of the contract.
const (
	KindNext Kind = iota
	KindDrop
	KindRoute
	KindEmit
	KindReject
	KindDeadLetter
)

// A RejectCode tells the producer why its event is not taken.
type RejectCode uint8

// The codes of a rejection, in the order of the contract.
const (
	Invalid RejectCode = iota
	Unauthenticated
	Forbidden
	TooLarge
	RateLimited
	Unavailable
)

// A Decision is what becomes of an event. The zero Decision is [Next]. Make one with the functions
// below; the fields are for tests.
type Decision struct {
	Kind    Kind
	Reason  string     // of KindDrop, KindReject and KindDeadLetter
	Queues  []string   // of KindRoute
	Outputs []Output   // of KindEmit
	Code    RejectCode // of KindReject
}

// Next has no opinion: the event goes to the next filter, or to the queues of the route.
func Next() Decision { return Decision{} }

// Drop accepts the event and discards it.
func Drop(reason string) Decision { return Decision{Kind: KindDrop, Reason: reason} }

// Route sends the event as it is to these queues.
func Route(queues ...string) Decision { return Decision{Kind: KindRoute, Queues: queues} }

// Emit puts these in place of the event: one is a transformation, several are a split. To let an
// event go, say [Drop]: emitting nothing is an error.
func Emit(outputs ...Output) Decision { return Decision{Kind: KindEmit, Outputs: outputs} }

// Reject tells the producer no.
func Reject(code RejectCode, reason string) Decision {
	return Decision{Kind: KindReject, Code: code, Reason: reason}
}

// DeadLetter sends the event to the dead-letter queue.
func DeadLetter(reason string) Decision { return Decision{Kind: KindDeadLetter, Reason: reason} }

// String says the decision in words, as "drop: marked as spam".
func (d Decision) String() string {
	switch d.Kind {
	case KindNext:
		return "next"
	case KindDrop:
		return "drop: " + d.Reason
	case KindRoute:
		return "route: " + strings.Join(d.Queues, " ")
	case KindEmit:
		words := make([]string, len(d.Outputs))
		for i, output := range d.Outputs {
			words[i] = output.String()
		}
		return "emit: " + strings.Join(words, " ")
	case KindReject:
		return "reject " + d.Code.String() + ": " + d.Reason
	default:
		return "dead-letter: " + d.Reason
	}
}

// String is the name of the code in the contract.
func (c RejectCode) String() string {
	names := [...]string{
		"invalid", "unauthenticated", "forbidden", "too-large", "rate-limited", "unavailable",
	}
	if int(c) < len(names) {
		return names[c]
	}
	return "unknown"
}

// An Output is a new event. What is left zero is inherited from the event that was asked about.
type Output struct {
	Queues        []string // empty: down the route
	Type          string
	ContentType   string
	SetAttributes []Field
	SetHeaders    []Field
	Remove        []string // names of attributes or headers
	Data          Data     // nil: inherited
}

// String says in words what is set, as "{type t; remove x-a; text hello}".
func (o Output) String() string {
	var words []string
	say := func(what string, values ...string) {
		if len(values) > 0 {
			words = append(words, what+" "+strings.Join(values, " "))
		}
	}
	say("queues", o.Queues...)
	if o.Type != "" {
		say("type", o.Type)
	}
	if o.ContentType != "" {
		say("content-type", o.ContentType)
	}
	for _, field := range o.SetAttributes {
		say("attribute", field.Name+"="+field.Value)
	}
	for _, field := range o.SetHeaders {
		say("header", field.Name+"="+field.Value)
	}
	say("remove", o.Remove...)
	switch data := o.Data.(type) {
	case Text:
		say("text", string(data))
	case Bytes:
		say("bytes", strconv.Quote(string(data)))
	}
	return "{" + strings.Join(words, "; ") + "}"
}

// Data is a payload: [Text] or [Bytes].
type Data interface{ data() }

// Text is a payload that is UTF-8.
type Text string

// Bytes is any payload.
type Bytes []byte

func (Text) data()  {}
func (Bytes) data() {}

// A Field is a name and a value.
type Field struct{ Name, Value string }

// RetryAfter is an error that asks for the event again after some time. Every other error that a
// filter returns is a failure, to which the failure policy of the plugin applies.
func RetryAfter(wait time.Duration) error { return retryAfter(wait) }

type retryAfter time.Duration

func (r retryAfter) Error() string { return "retry after " + time.Duration(r).String() }

// retryMillis says whether an error asks for another try, and in how many milliseconds: rounded up,
// so that it is never sooner.
func retryMillis(err error) (uint32, bool) {
	var retry retryAfter
	if !errors.As(err, &retry) {
		return 0, false
	}
	millis := (time.Duration(retry) + time.Millisecond - 1) / time.Millisecond
	return uint32(min(max(millis, 0), 1<<32-1)), true
}
