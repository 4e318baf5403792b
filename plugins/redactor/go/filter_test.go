package main

import (
	"testing"

	"sluicegate"
	"sluicegate/sluicegatetest"
)

func TestWhatIsFoundIsRedactedAndNothingElse(t *testing.T) {
	header := []sluicegate.Field{{Name: "x-forwarded-for", Value: "192.0.2.1"}}
	keys := `{"keys":["email"],"headers":["X-Forwarded-For"]}`
	for _, it := range []struct {
		config  string
		headers []sluicegate.Field
		data    sluicegate.Data
		said    string
	}{
		{keys, header, sluicegate.Text(`{ "email" : "a@example.org", "n": 1.0 }`),
			`emit: {remove x-forwarded-for; text { "email" : "***", "n": 1.0 }}`},
		{keys, nil, sluicegate.Text(`{"name":"x"}`), "next"},
		{keys, nil, sluicegate.Text(""), "next"},
		{keys, nil, sluicegate.Text(`{"email":"a@exa`),
			"failed: not JSON at byte 15: a string is cut off"},
		{keys, nil, sluicegate.Bytes("\xff"),
			"failed: the payload is not text, so nothing can be masked"},
		{`{"headers":["x-forwarded-for"]}`, header, sluicegate.Bytes(nil),
			"emit: {remove x-forwarded-for}"},
		{`{"pointers":["/a~1b/*/~0"],"mask":"\u0078"}`, nil,
			sluicegate.Text(`{"a/b":[{"~":1},{"~":[2]},3]}`),
			`emit: {text {"a/b":[{"~":"\u0078"},{"~":"\u0078"},3]}}`},
	} {
		var filter redactor
		if _, err := filter.Configure(it.config); err != nil {
			t.Fatal(err)
		}
		event := sluicegatetest.Event("push", "")
		event.Headers, event.Data = it.headers, it.data
		if said := sluicegatetest.Words(filter.Filter(event)); said != it.said {
			t.Errorf("%s: %s", it.config, said)
		}
	}
}

func TestHeadersAloneNeedNoPayload(t *testing.T) {
	wanted, err := new(redactor).Configure(`{"headers":["x-a"]}`)
	if err != nil || wanted.Data != sluicegate.NoData {
		t.Errorf("%+v %v", wanted, err)
	}
}

func TestAWrongConfigurationIsRefusedByName(t *testing.T) {
	for config, why := range map[string]string{
		`{}`:                       "config: one of pointers, keys and headers is needed",
		`{"pointers":["a"]}`:       "config: pointers is unknown or has a wrong value",
		`{"keys":["a"],"mask":1}`:  "config: mask is unknown or has a wrong value",
		`{"keys":["a"],"kees":[]}`: "config: kees is unknown or has a wrong value",
	} {
		if _, err := new(redactor).Configure(config); err == nil || err.Error() != why {
			t.Errorf("%s: %v", config, err)
		}
	}
}
