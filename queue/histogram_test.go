package queue

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestQuantilesOfAHistogram(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var h, half Histogram
	var all []time.Duration
	for i := range 5000 {
		d := time.Duration(math.Exp(rng.NormFloat64()*2) * float64(50*time.Millisecond))
		all = append(all, d)
		if i%2 == 0 {
			half.Add(d)
		} else {
			h.Add(d)
		}
	}
	h.Merge(half)
	slices.Sort(all)
	for _, q := range []float64{0, 0.5, 0.95, 0.99, 1} {
		got, ok := h.Quantile(q)
		want := all[max(0, int(math.Ceil(q*5000))-1)]
		if off := math.Abs(float64(got)/float64(want) - 1); !ok || off > 0.045 {
			t.Errorf("quantile %v = %v, want %v: off by %.1f %%", q, got, want, off*100)
		}
	}
	if h.Count() != 5000 {
		t.Errorf("count = %d", h.Count())
	}
}

func TestQuantileOfNothing(t *testing.T) {
	if d, ok := (Histogram{}).Quantile(0.5); ok || d != 0 {
		t.Errorf("Quantile = %v, %v", d, ok)
	}
}

// TestMergingInAnyOrder compares merged halves with the whole, and the halves with what they were.
func TestMergingInAnyOrder(t *testing.T) {
	var a, b, whole Histogram
	for i, d := range []time.Duration{0, 1, 7, time.Microsecond, 90, 1000, time.Second, time.Hour, time.Hour, math.MaxInt64} {
		if i%3 == 0 {
			a.Add(d)
		} else {
			b.Add(d)
		}
		whole.Add(d)
	}
	ab, ba, before := a, b, a.Count()
	ab.Merge(b)
	ba.Merge(a)
	if !reflect.DeepEqual(ab, whole) || !reflect.DeepEqual(ba, whole) {
		t.Errorf("merged %v and %v, want %v", ab, ba, whole)
	}
	if a.Count() != before {
		t.Error("Merge changed a copy of its histogram")
	}
}

func TestHistogramsAsText(t *testing.T) {
	var h Histogram
	for _, want := range []string{"", "0 1", "0 1 80 1", "0 1 80 2"} {
		text, err := h.MarshalText()
		if err != nil || string(text) != want {
			t.Errorf("text = %q, %v; want %q", text, err, want)
		}
		var back Histogram
		if err := back.UnmarshalText(text); err != nil || !reflect.DeepEqual(back, h) {
			t.Errorf("%q reads as %v, %v; want %v", text, back, err, h)
		}
		if h.Count() == 0 {
			h.Add(0)
		} else {
			h.Add(1024 * time.Microsecond)
		}
	}
}

func FuzzHistogramText(f *testing.F) {
	for _, seed := range []string{"", "0 1", "12 3 4 5", " ", "1", "1 ", "1 2 ", "1 2 3", "1 0", "1 2 0 2", "-1 2", "600 1", "99999999999999999999 1", "1  2"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var h Histogram
		if h.UnmarshalText(text) != nil {
			if h.Count() != 0 {
				t.Errorf("refused %q and kept %v", text, h)
			}
			return
		}
		out, _ := h.MarshalText()
		var back Histogram
		if err := back.UnmarshalText(out); err != nil || !reflect.DeepEqual(back, h) {
			t.Errorf("%q reads as %v, which writes %q, which reads as %v, %v", text, h, out, back, err)
		}
		h.Add(time.Second)
		if _, ok := h.Quantile(0.5); !ok && h.Count() > 0 {
			t.Errorf("%q has no median", text)
		}
	})
}
