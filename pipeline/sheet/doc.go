// Package sheet lays finished photos out on paper for printing: any paper, any sizes mixed, as JPEG
// or PDF at true size.
//
// A layout is made in micrometres and knows no pixels (Layout makes a Plan); a picture of it rounds
// every position once, at the final resolution, so that nothing drifts from cell to cell. Photos
// are laid upright or turned by 90 degrees, whichever lets more of them on the paper, never scaled to
// fit: a photo on paper is as large as its document says.
//
// # How many fit
//
// For photos of one size the count is the best of all layouts that are made by straight cuts through
// the paper or a part of it, and of all that are five such layouts around each other like the blades
// of a windmill, at any depth (pallet.go); from about 80 photos on, the search for windmills can end at its
// bound before it has seen all. Tests compare it with an exhaustive search on small papers.
// Photos of several sizes are packed by a search over many ways to cut (mixed.go); it is good,
// not proven best. A layout that a paper cutter can cut is preferred to another of the same count.
//
// # Memory
//
// A JPEG needs four bytes for each pixel of the paper and a copy of the photo at hand. A PDF holds the
// photos as they are, each once, however often it is shown.
package sheet
