// The probe in Go: see ../cases.yaml.
package main

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"sluicegate"
)

type probe struct {
	config string
	calls  sluicegate.Counter
	sizes  sluicegate.Histogram
}

func (p *probe) Configure(config string) (sluicegate.Subscription, error) {
	if strings.Contains(config, "false") {
		return sluicegate.Subscription{}, errors.New("no, thank you: " + config)
	}
	p.config = config
	p.calls = sluicegate.NewCounter("calls", sluicegate.Field{Name: "kind", Value: "probe"})
	p.sizes = sluicegate.NewHistogram("bytes")
	return sluicegate.To().WithHeaders("*").WithAttributes("subject"), nil
}

func (p *probe) Filter(event *sluicegate.Event) (decision sluicegate.Decision, err error) {
	switch event.Type {
	case "config":
		return sluicegate.Drop(p.config), nil
	case "route":
		return sluicegate.Route("a", "b"), nil
	case "reject":
		return sluicegate.Reject(sluicegate.Forbidden, "no"), nil
	case "dead-letter":
		return sluicegate.DeadLetter("odd"), nil
	case "failed":
		return decision, errors.New("broken")
	case "retry-after":
		return decision, sluicegate.RetryAfter(500 * time.Millisecond)
	case "emit":
		return sluicegate.Emit(sluicegate.Output{
			Queues: []string{"a", "b"}, Type: "t", ContentType: "text/plain",
			SetAttributes: []sluicegate.Field{{Name: "subject", Value: "s"}},
			SetHeaders:    []sluicegate.Field{{Name: "x-a", Value: "1"}, {Name: "x-c", Value: "2"}},
			Remove:        []string{"x-b"}, Data: sluicegate.Text("✂"),
		}, sluicegate.Output{Data: sluicegate.Bytes("\x00\xff")}, sluicegate.Output{}), nil
	case "echo":
		return echo(event), nil
	case "imports":
		return p.imports(), nil
	}
	return sluicegate.Next(), nil
}

func echo(event *sluicegate.Event) sluicegate.Decision {
	words := []string{event.ID, event.Source, event.Type, event.ContentType}
	for _, field := range append(event.Attributes, event.Headers...) {
		words = append(words, field.Name+"="+field.Value)
	}
	if text, ok := event.Text(); ok {
		words = append(words, text)
	} else {
		words = append(words, strconv.Itoa(len(event.Bytes())), "bytes")
	}
	return sluicegate.Drop(strings.Join(words, " "))
}

func (p *probe) imports() sluicegate.Decision {
	if sluicegate.LogEnabled(sluicegate.Info) {
		sluicegate.Log(sluicegate.Info, "hello", sluicegate.Field{Name: "n", Value: "7"})
	}
	p.calls.Add(1)
	p.sizes.Observe(1.5)
	if sluicegate.Now().UnixNano() > 0 {
		return sluicegate.Drop("the clock goes")
	}
	return sluicegate.Drop("the clock stands")
}

func init() { sluicegate.Export(new(probe)) }

func main() {}
