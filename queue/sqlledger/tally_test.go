package sqlledger

import (
	"reflect"
	"testing"
	"time"
)

func TestHistoryTextsComeBackAsTheyWere(t *testing.T) {
	a := newTally()
	for _, word := range []string{"", "1-inch", "a\tb", "a\nb", `a\`, `a\t`, `\\`, "身份证"} {
		a.finished[reason{"dead", word, word}] += 2
		a.failed[reason{state: "retrying", code: word}]++
		a.time("stage "+word, time.Second)
		a.time("stage "+word, time.Minute)
	}
	b := newTally()
	if err := b.addReasons(reasonsText(a.finished), reasonsText(a.failed)); err != nil {
		t.Fatal(err)
	}
	if err := b.addTimes(timesText(a.times)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("got %+v, want %+v", b, a)
	}
	if err := b.addReasons(reasonsText(a.finished), ""); err != nil {
		t.Fatal(err)
	}
	if n := b.finished[reason{"dead", "a\tb", "a\tb"}]; n != 4 {
		t.Errorf("added twice = %d, want 4", n)
	}
}

func TestDamagedHistoryTextsAreErrors(t *testing.T) {
	for _, s := range []string{"dead", "dead\tvisa\tcode", "dead\tvisa\tcode\tmany", "\n"} {
		if _, err := parseReasons(s); err == nil {
			t.Errorf("parseReasons(%q) = nil error", s)
		}
	}
	for _, s := range []string{"wait", "wait\tx", "wait\t1", "\n"} {
		if _, err := parseTimes(s); err == nil {
			t.Errorf("parseTimes(%q) = nil error", s)
		}
	}
}
