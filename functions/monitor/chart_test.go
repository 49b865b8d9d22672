package monitor

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"idphoto/functions/problem"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// minutes is an hour's chart of the given values, one a minute from its begin.
func minutes(kind chartKind, unit unit, values ...float64) chart {
	c := chart{Name: "run", Kind: kind, Unit: unit, From: noon, To: noon.Add(time.Hour), Step: time.Minute, Series: []series{{Name: "p50", Tone: "q-50"}}}
	for i, v := range values {
		if !math.IsNaN(v) {
			c.Series[0].Points = append(c.Series[0].Points, point{noon.Add(time.Duration(i) * time.Minute), v})
		}
	}
	return c
}

func drawn(t *testing.T, c chart) string {
	t.Helper()
	out, err := newShell("", time.Now).draw(reader{lang: problem.English, zone: time.UTC, now: noon}, c)
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, string(out))
	if strings.Contains(string(out), "NaN") || strings.Contains(string(out), "Inf") {
		t.Errorf("the chart has numbers that are none: %s", out)
	}
	return string(out)
}

func TestAxesHaveRoundTicks(t *testing.T) {
	for name, tc := range map[string]struct {
		c    chart
		want []float64
	}{
		"counts are whole":          {minutes(lines, countUnit, 0, 1), []float64{1}},
		"counts":                    {minutes(lines, countUnit, 0, 33), []float64{10, 20, 30}},
		"millions":                  {minutes(lines, countUnit, 3.9e6), []float64{1e6, 2e6, 3e6, 4e6}},
		"seconds are as clocks are": {minutes(lines, secondsUnit, 700), []float64{300, 600}},
		"nothing":                   {minutes(lines, countUnit, 0), []float64{1}},
		"no point":                  {minutes(lines, countUnit), []float64{1}},
		"quantiles by tens":         {minutes(bands, secondsUnit, 0.02, 40), []float64{0.1, 1, 10, 60}},
		"one value by tens":         {minutes(bands, secondsUnit, 0.4), []float64{1}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.c.yAxis().ticks; !slices.EqualFunc(got, tc.want, func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }) {
				t.Errorf("ticks at %v, want %v", got, tc.want)
			}
		})
	}
}

func TestAPromiseIsAlwaysInThePicture(t *testing.T) {
	c := minutes(lines, secondsUnit, 1, 2)
	c.Limit = 600
	if y := c.yAxis().place(600); y <= 0 || y > 20 {
		t.Errorf("a promise far above lies at %v %%, want near the top", y)
	}
	if y := c.yAxis().place(1); y < 99 {
		t.Errorf("what is far below lies at %v %%, want near the bottom", y)
	}
}

func TestValuesLieWhereTheyBelong(t *testing.T) {
	c := minutes(lines, countUnit, 0, 50, 100)
	axis := c.yAxis()
	if got := axis.place(0); got != 100 {
		t.Errorf("zero lies at %v %%, want the bottom", got)
	}
	if low, high := axis.place(50), axis.place(100); low-high < 40 || high < 0 {
		t.Errorf("50 and 100 lie at %v and %v %%", low, high)
	}
	if got := c.x(noon.Add(30 * time.Minute)); got != 50 {
		t.Errorf("half past lies at %v %%", got)
	}
	if got := axis.place(1e30); got != 0 {
		t.Errorf("what is beyond the axis lies at %v %%, want at its edge", got)
	}
}

func TestStacksCountTogether(t *testing.T) {
	c := minutes(bars, countUnit, 3, 4)
	c.Series = append(c.Series, series{Name: "dead", Tone: "tone-3", Points: []point{{noon, 5}}})
	if top, _ := c.highest(); top != 8 {
		t.Errorf("the highest stack is %v, want 8", top)
	}
	out := drawn(t, c)
	if n := strings.Count(out, `class="bar`); n != 3+1 { // and the picture's own class
		t.Errorf("%d bars in %s", n-1, out)
	}
}

func TestGapsAreGaps(t *testing.T) {
	none := math.NaN()
	c := minutes(lines, countUnit, 1, 2, none, 3, none, none, none, 4, 5)
	if n := strings.Count(drawn(t, c), `<path class="line`); n != 2 {
		t.Errorf("%d lines, want 2: one missing minute is bridged, three are not", n)
	}
	c.Gaps = []span{{noon.Add(-time.Hour), noon.Add(10 * time.Minute)}}
	if out := drawn(t, c); !strings.Contains(out, `<rect class="unknown" x="0" y="0" width="16.67"`) || !strings.Contains(out, "not recorded") {
		t.Errorf("the gap is not shown: %s", out)
	}
}

func TestChartsOfLittleAndMuch(t *testing.T) {
	if out := drawn(t, minutes(lines, countUnit)); strings.Contains(out, "<svg") || !strings.Contains(out, "Nothing in this time.") {
		t.Errorf("an empty chart: %s", out)
	}
	for _, kind := range []chartKind{lines, areas, bands, bars} {
		for name, values := range map[string][]float64{"one": {7}, "zero": {0}, "huge": {1e18, 3}, "tiny": {1e-9}} {
			for _, u := range []unit{countUnit, secondsUnit} {
				if out := drawn(t, minutes(kind, u, values...)); !strings.Contains(out, "<tbody><tr") {
					t.Errorf("%s of %s %s has no values: %s", kind, name, u, out)
				}
			}
		}
	}
}

func TestTimeTicksAreRoundWhereTheReaderIs(t *testing.T) {
	kolkata, err := time.LoadLocation("Asia/Kolkata") // half an hour off
	if err != nil {
		t.Fatal(err)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		from   time.Time
		whole  time.Duration
		zone   *time.Location
		layout string
		want   string
	}{
		"hour":                 {noon, time.Hour, time.UTC, "15:04", "12:00 12:10 12:20 12:30 12:40 12:50 13:00"},
		"day":                  {noon, 24 * time.Hour, kolkata, "15:04", "20:00 00:00 04:00 08:00 12:00 16:00"},
		"week with a long day": {time.Date(2026, 10, 22, 9, 0, 0, 0, time.UTC), 7 * 24 * time.Hour, berlin, "01-02 15:04", "10-23 00:00 10-24 00:00 10-25 00:00 10-26 00:00 10-27 00:00 10-28 00:00 10-29 00:00"},
	} {
		t.Run(name, func(t *testing.T) {
			c := chart{From: tc.from, To: tc.from.Add(tc.whole)}
			var got []string
			for _, tick := range c.xTicks(tc.zone) {
				got = append(got, tick.At.In(tc.zone).Format(tc.layout))
			}
			if strings.Join(got, " ") != tc.want {
				t.Errorf("ticks at %v, want %v", got, tc.want)
			}
		})
	}
}
