package host

import (
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestTheDoubleAnswersAsTheGatewayDoes(t *testing.T) {
	cases, err := os.ReadFile("../../../state.cases")
	if err != nil {
		t.Fatal(err)
	}
	before := Now
	t.Cleanup(func() { Now = before })
	steps := 0
	for at, line := range strings.Split(string(cases), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		question, wanted, isStep := strings.Cut(line, " => ")
		if value, found := strings.CutPrefix(wanted, "some "); found {
			wanted = "some " + hex.EncodeToString(wordBytes(value))
		}
		if said := answer(strings.Split(question, " ")); said != wanted {
			t.Errorf("line %d: %s: %s", at+1, line, said)
		}
		if isStep {
			steps++
		}
	}
	if steps <= 100 {
		t.Errorf("only %d steps were read", steps)
	}
}

// answer does one step; a value in it is in hexadecimal.
func answer(words []string) string {
	key := string(wordBytes(words[1]))
	switch words[0] {
	case "case":
		Now = NewDouble()
	case "grant":
		Now.State.Grant = Grant{number(words[1]), number(words[2]), number(words[3])}
	case "pass":
		Now.NowNS += uint64(number(words[1])) * uint64(time.Millisecond)
	case "get":
		value, found, failed := StateGet(key)
		if failed == nil && !found {
			return "none"
		}
		return said("some "+hex.EncodeToString(value), failed)
	case "set":
		return said("ok", StateSet(key, wordBytes(words[2]), ttl(words)))
	case "set-if-absent":
		done, failed := StateSetIfAbsent(key, wordBytes(words[2]), ttl(words))
		return said(fmt.Sprint(done), failed)
	case "delete":
		return said("ok", StateDelete(key))
	case "increment":
		delta, _ := strconv.ParseInt(words[2], 10, 64)
		sum, failed := StateIncrement(key, delta, ttl(words))
		return said(fmt.Sprint(sum), failed)
	default:
		return "no such step"
	}
	return ""
}

func said(right string, failed *StateError) string {
	if failed == nil {
		return right
	}
	return []string{"quota-exceeded", "too-large", "unavailable " + failed.Why}[failed.Tag]
}

func ttl(words []string) *uint64 {
	if len(words) < 4 {
		return nil
	}
	ms, err := strconv.ParseUint(words[3], 10, 64)
	if err != nil {
		panic(err)
	}
	return &ms
}

func number(word string) int {
	number, err := strconv.Atoi(word)
	if err != nil {
		panic(err)
	}
	return number
}

// wordBytes are the bytes that a word of the list stands for.
func wordBytes(word string) []byte {
	if word == `""` {
		return nil
	}
	if digits, found := strings.CutPrefix(word, "0x"); found {
		bytes, err := hex.DecodeString(digits)
		if err != nil {
			panic(err)
		}
		return bytes
	}
	if part, times, found := strings.Cut(word, "*"); found {
		return []byte(strings.Repeat(part, number(times)))
	}
	return []byte(word)
}
