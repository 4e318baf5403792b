// Redactor masks values in JSON payloads and removes headers, before an event is stored anywhere.
//
// Every byte of the payload that is not masked stays as it was. What cannot be read as JSON is not
// let through: the filter fails, and its failure policy applies.
package main

import (
	"errors"
	"strings"

	"sluicegate"
	"sluicegate/rawjson"
)

type redactor struct {
	types   []string // empty: all
	headers []string
	rules   rawjson.Rules
}

func (r *redactor) masks() bool { return len(r.rules.Pointers) > 0 || len(r.rules.Keys) > 0 }

func (r *redactor) Configure(config string) (wanted sluicegate.Subscription, err error) {
	*r = redactor{rules: rawjson.Rules{With: `"***"`}}
	members, err := rawjson.New(config).Members()
	if err != nil {
		return wanted, errors.New("config: " + err.Error())
	}
	for _, member := range members {
		if !r.read(member.Name, member.Value) {
			return wanted, errors.New("config: " + member.Name + " is unknown or has a wrong value")
		}
	}
	if !r.masks() && len(r.headers) == 0 {
		return wanted, errors.New("config: one of pointers, keys and headers is needed")
	}
	wanted = sluicegate.To(r.types...).WithHeaders(r.headers...)
	if !r.masks() {
		wanted = wanted.WithData(sluicegate.NoData)
	}
	return wanted, nil
}

func (r *redactor) read(name string, value rawjson.Value) bool {
	if name == "mask" {
		_, ok := value.Text()
		r.rules.With = value.Raw()
		return ok
	}
	texts, ok := value.Texts()
	switch name {
	case "types":
		r.types = texts
	case "headers":
		for _, text := range texts {
			r.headers = append(r.headers, strings.ToLower(text))
		}
	case "keys":
		r.rules.Keys = texts
	case "pointers":
		r.rules.Pointers = nil
		for _, text := range texts {
			pointer, isPointer := rawjson.ParsePointer(text)
			ok = ok && isPointer
			r.rules.Pointers = append(r.rules.Pointers, pointer)
		}
	default:
		return false
	}
	return ok
}

func (r *redactor) Filter(event *sluicegate.Event) (sluicegate.Decision, error) {
	text, isText := event.Text()
	masked := false
	if r.masks() && (!isText && len(event.Bytes()) > 0) {
		return sluicegate.Decision{}, errors.New("the payload is not text, so nothing can be masked")
	}
	if r.masks() && text != "" {
		var err error
		if text, masked, err = rawjson.Replace(text, r.rules); err != nil {
			return sluicegate.Decision{}, err
		}
	}
	// The subscription asked for the headers to remove and no others.
	if !masked && len(event.Headers) == 0 {
		return sluicegate.Next(), nil
	}
	var output sluicegate.Output
	for _, header := range event.Headers {
		output.Remove = append(output.Remove, header.Name)
	}
	if masked {
		output.Data = sluicegate.Text(text)
	}
	return sluicegate.Emit(output), nil
}

func init() { sluicegate.Export(new(redactor)) }

func main() {}
