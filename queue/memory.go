package queue

import (
	"bufio"
	"bytes"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// residentMemory returns how many bytes of memory the process holds, and held at most. Where the
// system does not tell as Linux does, it is what the Go runtime got, now for both.
func residentMemory() (now, peak int64) {
	status, err := os.ReadFile("/proc/self/status")
	if err == nil {
		now, peak = readStatus(status)
	}
	if now == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		now, peak = int64(m.Sys), int64(m.Sys)
	}
	return now, peak
}

// readStatus finds VmRSS and VmHWM in the text of /proc/self/status, 0 where it does not tell.
func readStatus(status []byte) (now, peak int64) {
	lines := bufio.NewScanner(bytes.NewReader(status))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			continue
		}
		switch name {
		case "VmRSS":
			now = kib << 10
		case "VmHWM":
			peak = kib << 10
		}
	}
	return now, peak
}
