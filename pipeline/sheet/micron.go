package sheet

import "math"

// Micron is a length in micrometres: fine enough for every published size, and whole, so that
// what fits is not a matter of rounding.
type Micron int

// FromMM rounds millimetres to micrometres.
func FromMM(mm float64) Micron { return Micron(math.Round(mm * 1000)) }

// MM returns the length in millimetres.
func (m Micron) MM() float64 { return float64(m) / 1000 }

// Pixels rounds the length at a resolution in dots per inch.
func (m Micron) Pixels(dpi int) int {
	return int(math.Round(float64(m) / 25400 * float64(dpi)))
}
