package queue

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Histogram counts durations in buckets that grow by a constant factor, eight to a doubling, so
// that a quantile is off by at most some 4 %: bucket b holds durations from 2^(b/8) to 2^((b+1)/8)
// microseconds. Sums of histograms are histograms, which is why history keeps these and not
// quantiles. The zero value is empty.
type Histogram struct {
	buckets []bucket // by number; none is empty
}

type bucket struct {
	number int
	n      int64
}

const (
	bucketsPerDoubling = 8
	maxBucket          = bucketsPerDoubling * 64 // more than a Duration can be
)

// Add counts one duration. Those below 1 µs count as 1 µs.
func (h *Histogram) Add(d time.Duration) {
	us := float64(max(d, time.Microsecond)) / float64(time.Microsecond)
	number := int(math.Floor(math.Log2(us) * bucketsPerDoubling))
	i, found := slices.BinarySearchFunc(h.buckets, number, func(b bucket, number int) int { return cmp.Compare(b.number, number) })
	if !found {
		h.buckets = slices.Insert(h.buckets, i, bucket{number: number})
	}
	h.buckets[i].n++
}

// Merge adds another histogram's counts.
func (h *Histogram) Merge(other Histogram) {
	a, b := h.buckets, other.buckets
	sum := make([]bucket, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].number < b[0].number:
			sum, a = append(sum, a[0]), a[1:]
		case a[0].number > b[0].number:
			sum, b = append(sum, b[0]), b[1:]
		default:
			sum = append(sum, bucket{a[0].number, a[0].n + b[0].n})
			a, b = a[1:], b[1:]
		}
	}
	h.buckets = append(append(sum, a...), b...)
}

// Count returns how many durations are in it.
func (h Histogram) Count() int64 {
	var n int64
	for _, b := range h.buckets {
		n += b.n
	}
	return n
}

// Quantile returns the duration below which the share q (0 to 1) of the durations lies: the
// geometric middle of its bucket. ok is false for an empty histogram.
func (h Histogram) Quantile(q float64) (d time.Duration, ok bool) {
	rank := max(1, int64(math.Ceil(min(max(q, 0), 1)*float64(h.Count()))))
	for _, b := range h.buckets {
		if rank -= b.n; rank <= 0 {
			middle := math.Exp2((float64(b.number) + 0.5) / bucketsPerDoubling)
			return time.Duration(middle * float64(time.Microsecond)), true
		}
	}
	return 0, false
}

// AppendText appends the histogram as pairs of decimal numbers with spaces between: how far each
// bucket is from the one before (the first: its number), and its count.
func (h Histogram) AppendText(text []byte) ([]byte, error) {
	last := 0
	for i, b := range h.buckets {
		if i > 0 {
			text = append(text, ' ')
		}
		text = strconv.AppendInt(text, int64(b.number-last), 10)
		text = append(text, ' ')
		text = strconv.AppendInt(text, b.n, 10)
		last = b.number
	}
	return text, nil
}

// MarshalText is AppendText.
func (h Histogram) MarshalText() ([]byte, error) { return h.AppendText(nil) }

var errHistogram = errors.New("queue: not the text of a histogram")

// UnmarshalText reads what AppendText wrote.
func (h *Histogram) UnmarshalText(text []byte) (err error) {
	*h, err = ParseHistogram(string(text))
	return err
}

// ParseHistogram reads what AppendText wrote.
func ParseHistogram(text string) (Histogram, error) {
	if text == "" {
		return Histogram{}, nil
	}
	buckets := make([]bucket, 0, (strings.Count(text, " ")+1)/2)
	for last, more := 0, true; more; {
		var gap, n int64
		var pair bool
		gap, text, pair = number(text)
		n, text, more = number(text)
		last += int(gap)
		if !pair || n < 1 || gap < 0 || gap == 0 && len(buckets) > 0 || last > maxBucket {
			return Histogram{}, errHistogram
		}
		buckets = append(buckets, bucket{last, n})
	}
	return Histogram{buckets}, nil
}

// number reads a decimal number and the space after it, if there is one; -1 when there is no
// number, or it is too long.
func number(text string) (n int64, rest string, more bool) {
	for i := range len(text) {
		c := text[i]
		switch {
		case c == ' ' && i > 0:
			return n, text[i+1:], true
		case c < '0' || c > '9' || i >= 18:
			return -1, "", false
		}
		n = n*10 + int64(c-'0')
	}
	if text == "" {
		return -1, "", false
	}
	return n, "", false
}
