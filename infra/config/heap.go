package config

import (
	"os"
	"runtime/debug"
)

// heapLimit is the soft limit of Go's own memory, for a process that makes photos. Decoding a
// large picture leaves tens of megabytes of garbage, which would stay for the next
// ones. What the networks take is not Go's and not counted.
const heapLimit = 96 << 20

// heapGrowth is by how many percent the heap may grow before it is collected. Next to nothing lives
// from one photo to the next: at Go's 100 percent there are five collections for a photo, and after
// each of them memory is given back that the next stage asks for again.
const heapGrowth = 300

// LimitHeap sets both, unless GOMEMLIMIT or GOGC say otherwise.
func LimitHeap() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapLimit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
}
