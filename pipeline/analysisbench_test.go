package pipeline

import "testing"

// BenchmarkAnalysis measures what keeping an analysis adds to a photo, what reading it back takes, and
// another photo made from it.
func BenchmarkAnalysis(b *testing.B) {
	data := readFile(b, "testdata/s17_hopper.jpg")
	req := request(b, "1-inch", "blue")
	req.Keep = true
	first, err := shared.Run(b.Context(), data, req, nil)
	if err != nil {
		b.Fatal(err)
	}
	analysis, err := ReadAnalysis(first.Analysis)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("write", func(b *testing.B) {
		r := found(b, data, req)
		for b.Loop() {
			if _, err := r.keep(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(first.Analysis)), "bytes")
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			if _, err := ReadAnalysis(first.Analysis); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("photo", func(b *testing.B) {
		again := request(b, "1-inch", "red")
		again.Analysis = analysis
		if !analysis.Serves(&again) {
			b.Fatal("the analysis does not serve another colour")
		}
		for b.Loop() {
			if _, err := shared.Run(b.Context(), nil, again, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// found is a run that has done everything but encode.
func found(b *testing.B, data []byte, req Request) *run {
	b.Helper()
	r := &run{Pipeline: shared, req: req, data: data, matting: shared.matting, network: shared.network}
	for _, s := range r.stages() {
		if s.name == "encode" {
			return r
		}
		if err := s.do(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.Fatal("no stage encodes")
	return nil
}
