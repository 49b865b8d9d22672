package matte

import (
	"math"
	"testing"

	"idphoto/pipeline/resample"
)

func TestDisagreement(t *testing.T) {
	plane := func(x0, x1 int) *resample.Plane {
		p := resample.NewPlane(64, 64)
		paint(p, x0, 16, x1, 64, 1)
		return p
	}
	unsure := plane(16, 48)
	for i, v := range unsure.Pix {
		unsure.Pix[i] = .2 + .6*v
	}
	for name, tc := range map[string]struct {
		alpha, opinion *resample.Plane
		want           float64
	}{
		"same":                  {plane(16, 48), plane(16, 48), 0},
		"a quarter lost":        {plane(24, 48), plane(16, 48), 8. / 24},
		"a curtain taken along": {plane(16, 64), plane(16, 48), 16. / 48},
		"unsure":                {plane(24, 48), unsure, 0},
		"nobody":                {plane(0, 0), plane(16, 48), 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Disagreement(tc.alpha, tc.opinion); math.Abs(got-tc.want) > 1e-9 {
				t.Errorf("disagreement = %v, want %v", got, tc.want)
			}
		})
	}
}
