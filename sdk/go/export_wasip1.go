package sluicegate

import (
	"unsafe"

	"sluicegate/internal/host"
)

// The two functions of the contract, flattened as the canonical ABI has them. The words of an
// answer are laid out here by hand; the tests of the SDK read them back through the contract.

//go:wasmexport sluicegate:plugin/filter@0.1.0#configure
func exportConfigure(config unsafe.Pointer, configLen uint32) unsafe.Pointer {
	host.BeginCall()
	defer host.EndCall()
	defer logPanic()
	wanted, err := exported.configure(host.String(config, configLen))
	// result<subscription, string>: a tag, then three lists and the form of the payload, or a text.
	answer := host.NewWords(8)
	if err != nil {
		answer[0] = 1
		answer.PutString(1, err.Error())
		return answer.Address()
	}
	answer.PutStrings(1, wanted.Types)
	answer.PutStrings(3, wanted.Attributes)
	answer.PutStrings(5, wanted.Headers)
	answer[7] = uint32(wanted.Data)
	return answer.Address()
}

//go:wasmexport sluicegate:plugin/filter@0.1.0#filter
func exportFilter(
	id unsafe.Pointer, idLen uint32,
	source unsafe.Pointer, sourceLen uint32,
	kind unsafe.Pointer, kindLen uint32,
	nanos uint64,
	contentType unsafe.Pointer, contentTypeLen uint32,
	attributes unsafe.Pointer, attributesLen uint32,
	headers unsafe.Pointer, headersLen uint32,
	dataTag uint32, data unsafe.Pointer, dataLen uint32,
) unsafe.Pointer {
	host.BeginCall()
	defer host.EndCall()
	defer logPanic()
	event := &Event{
		ID:          host.String(id, idLen),
		Source:      host.String(source, sourceLen),
		Type:        host.String(kind, kindLen),
		UnixNano:    nanos,
		ContentType: host.String(contentType, contentTypeLen),
		Attributes:  fieldsAt(attributes, attributesLen),
		Headers:     fieldsAt(headers, headersLen),
	}
	if dataTag == 0 {
		event.Data = Text(host.String(data, dataLen))
	} else {
		event.Data = Bytes(host.Bytes(data, dataLen))
	}
	decision, err := exported.decide(event)
	// result<decision, failure>: a tag, then the tag of the one or the other and what it holds.
	answer := host.NewWords(5)
	if err == nil {
		putDecision(answer[1:], decision)
	} else if millis, retry := retryMillis(err); retry {
		answer[0], answer[1], answer[2] = 1, 0, millis
	} else {
		answer[0], answer[1] = 1, 1
		answer.PutString(2, err.Error())
	}
	return answer.Address()
}

func fieldsAt(at unsafe.Pointer, count uint32) []Field {
	if count == 0 {
		return nil
	}
	fields := make([]Field, count)
	host.Pairs(at, count, func(i int, name, value string) { fields[i] = Field{name, value} })
	return fields
}

func putDecision(words host.Words, decision Decision) {
	words[0] = uint32(decision.Kind)
	switch decision.Kind {
	case KindDrop, KindDeadLetter:
		words.PutString(1, decision.Reason)
	case KindRoute:
		words.PutStrings(1, decision.Queues)
	case KindEmit:
		outputs := words.PutList(1, len(decision.Outputs), outputWords)
		for i, output := range decision.Outputs {
			putOutput(outputs[i*outputWords:(i+1)*outputWords], output)
		}
	case KindReject:
		words[1] = uint32(decision.Code)
		words.PutString(2, decision.Reason)
	}
}

// outputWords are two of queues, three of each optional text, two of each of three lists, and four
// of the optional payload.
const outputWords = 18

func putOutput(words host.Words, output Output) {
	words.PutStrings(0, output.Queues)
	putOption(words[2:], output.Type)
	putOption(words[5:], output.ContentType)
	putFields(words, 8, output.SetAttributes)
	putFields(words, 10, output.SetHeaders)
	words.PutStrings(12, output.Remove)
	switch data := output.Data.(type) {
	case Text:
		words[14] = 1
		words.PutString(16, string(data))
	case Bytes:
		words[14], words[15] = 1, 1
		words.PutBytes(16, data)
	}
}

func putOption(words host.Words, text string) {
	if text != "" {
		words[0] = 1
		words.PutString(1, text)
	}
}

func putFields(words host.Words, at int, fields []Field) {
	items := words.PutList(at, len(fields), 4)
	for i, field := range fields {
		items.PutString(4*i, field.Name)
		items.PutString(4*i+2, field.Value)
	}
}

// logPanic writes what a panic says, which nobody would see otherwise, and ends the instance: what
// the filter holds may be in any state.
func logPanic() {
	said := recover()
	if said == nil {
		return
	}
	why := "a value of another type"
	switch said := said.(type) {
	case error:
		why = said.Error()
	case string:
		why = said
	}
	Log(Error, "the filter panicked: "+why)
	host.Trap()
}
