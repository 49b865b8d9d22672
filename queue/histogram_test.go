package queue

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestQuantilesOfAHistogram(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	h, half := Histogram{}, Histogram{}
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
