package queue

import (
	"math"
	"slices"
	"time"
)

// Histogram counts durations in buckets that grow by a constant factor, eight to a doubling, so
// that a quantile is off by at most some 4 %. The key is the bucket's number: bucket b holds
// durations from 2^(b/8) to 2^((b+1)/8) microseconds. Sums of histograms are histograms, which is
// why history keeps these and not quantiles.
type Histogram map[int]int64

const bucketsPerDoubling = 8

// Add counts one duration. Those below 1 µs count as 1 µs.
func (h Histogram) Add(d time.Duration) {
	us := float64(max(d, time.Microsecond)) / float64(time.Microsecond)
	h[int(math.Floor(math.Log2(us)*bucketsPerDoubling))]++
}

// Merge adds another histogram's counts.
func (h Histogram) Merge(other Histogram) {
	for b, n := range other {
		h[b] += n
	}
}

// Count returns how many durations are in it.
func (h Histogram) Count() int64 {
	var n int64
	for _, c := range h {
		n += c
	}
	return n
}

// Quantile returns the duration below which the share q (0 to 1) of the durations lies: the
// geometric middle of its bucket. ok is false for an empty histogram.
func (h Histogram) Quantile(q float64) (d time.Duration, ok bool) {
	total := h.Count()
	if total == 0 {
		return 0, false
	}
	buckets := make([]int, 0, len(h))
	for b := range h {
		buckets = append(buckets, b)
	}
	slices.Sort(buckets)
	rank := max(1, int64(math.Ceil(min(max(q, 0), 1)*float64(total))))
	for _, b := range buckets {
		if rank -= h[b]; rank <= 0 {
			middle := math.Exp2((float64(b) + 0.5) / bucketsPerDoubling)
			return time.Duration(middle * float64(time.Microsecond)), true
		}
	}
	return 0, false
}
