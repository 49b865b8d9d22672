package monitor

import (
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// drawing writes one chart as HTML. Its text is escaped where it is written.
type drawing struct {
	strings.Builder
	s    *shell
	who  reader
	c    *chart
	axis yAxis
}

// draw returns the chart as a figure: a headline with its series, the picture, and the table.
func (s *shell) draw(who reader, c chart) (template.HTML, error) {
	d := &drawing{s: s, who: who, c: &c, axis: c.yAxis()}
	note, err := s.text(who.lang, "chart."+c.Name+".note")
	if err != nil {
		return "", err
	}
	title, err := s.text(who.lang, "chart."+c.Name, "lane", s.named(who.lang, "lane.", c.Lane))
	if err != nil {
		return "", err
	}
	d.put(`<figure class="chart" id="chart-`, c.id(), `"><figcaption><h3>`)
	d.text(title)
	d.put(`</h3><p class="note">`)
	d.text(note)
	d.put(`</p>`)
	d.legend()
	d.put(`<p class="readout" data-keep></p></figcaption>`)
	if c.empty() {
		d.put(`<p class="empty">`)
		d.word("chart.empty")
		d.put(`</p></figure>`)
		return template.HTML(d.String()), nil
	}
	d.picture(title, note)
	d.table()
	d.put(`</figure>`)
	return template.HTML(d.String()), nil
}

// id is the chart's own on its page.
func (c *chart) id() string {
	if c.Lane == "" {
		return c.Name
	}
	return c.Name + "-" + c.Lane
}

func (c *chart) empty() bool {
	return !slices.ContainsFunc(c.Series, func(s series) bool { return len(s.Points) > 0 })
}

func (d *drawing) put(parts ...string) {
	for _, p := range parts {
		d.WriteString(p)
	}
}

func (d *drawing) text(text string) { d.WriteString(template.HTMLEscapeString(text)) }

// word writes a sentence; that it exists is tested.
func (d *drawing) word(key string, pairs ...any) {
	text, err := d.s.text(d.who.lang, key, pairs...)
	must(err)
	d.text(text)
}

// name writes what a series shows: its own sentence, or what the code that it counts stands for.
func (d *drawing) name(s series) { d.text(d.s.named(d.who.lang, "series.", s.Name)) }

func (d *drawing) value(v float64) string {
	if d.c.Unit == secondsUnit {
		return d.s.duration(d.who.lang, seconds(v))
	}
	n, _ := whole(int64(math.Round(v)))
	return n
}

// seconds is v seconds; the longest duration for more than that.
func seconds(v float64) time.Duration {
	if v >= math.MaxInt64/float64(time.Second) {
		return math.MaxInt64
	}
	return time.Duration(v * float64(time.Second))
}

// tick is a value beside the axis: short.
func (d *drawing) tick(v float64) string {
	switch {
	case d.c.Unit == secondsUnit:
		return d.s.duration(d.who.lang, seconds(v))
	case v >= 1e6:
		return strconv.FormatFloat(v/1e6, 'f', -1, 64) + " M"
	case v >= 1e4:
		return strconv.FormatFloat(v/1e3, 'f', -1, 64) + " k"
	}
	return d.value(v)
}

func (d *drawing) legend() {
	d.put(`<ul class="legend" aria-hidden="true">`)
	for _, s := range d.c.Series {
		d.put(`<li class="`, s.Tone, `">`)
		d.name(s)
		d.put(`</li>`)
	}
	if d.c.Limit > 0 {
		d.put(`<li class="promise">`)
		d.word("series.promise", "d", d.value(d.c.Limit))
		d.put(`</li>`)
	}
	if len(d.c.Gaps) > 0 {
		d.put(`<li class="unknown">`)
		d.word("series.unknown")
		d.put(`</li>`)
	}
	d.put(`</ul>`)
}

// picture is the SVG. Shapes lie in an inner one that is stretched to the plot; words lie in the
// outer one, which is not.
func (d *drawing) picture(title, note string) {
	id := "svg-" + d.c.id()
	d.put(`<div class="plot"><svg class="`, string(d.c.Kind), `" width="100%" height="100%" role="img" aria-labelledby="`, id, `-t `, id, `-d"><title id="`, id, `-t">`)
	d.text(title)
	d.put(`</title><desc id="`, id, `-d">`)
	d.text(note + " ")
	d.word("chart.table.there")
	d.put(`</desc><svg viewBox="0 0 100 100" preserveAspectRatio="none" width="100%" height="100%">`)
	for _, g := range d.c.Gaps {
		from, to := max(0, d.c.x(g.From)), min(100, d.c.x(g.To))
		d.rect("unknown", from, 0, to-from, 100)
	}
	for _, v := range d.axis.ticks {
		d.line("grid", 0, d.axis.place(v), 100)
	}
	switch d.c.Kind {
	case bars:
		d.bars()
	case bands:
		d.bands()
	default:
		for _, s := range d.c.Series {
			if d.c.Kind == areas {
				d.area(s)
			}
			d.lineOf(s)
		}
	}
	if d.c.Limit > 0 {
		d.line("promise", 0, d.axis.place(d.c.Limit), 100)
	}
	d.line("base", 0, 100, 100)
	d.put(`</svg><line class="pin" x1="-1%" x2="-1%" y1="0" y2="100%"/>`)
	for _, v := range d.axis.ticks {
		d.put(`<text class="y" x="-7" y="`, decimal(d.axis.place(v)), `%" dy="4">`)
		d.text(d.tick(v))
		d.put(`</text>`)
	}
	d.put(`</svg></div><div class="x-axis" aria-hidden="true">`)
	d.put(`<svg width="100%" height="16">`)
	for _, t := range d.c.xTicks(d.who.zone) {
		d.put(`<text class="x" x="`, decimal(t.X), `%" y="12">`)
		d.text(t.At.In(d.who.zone).Format(d.layout()))
		d.put(`</text>`)
	}
	d.put(`</svg></div>`)
}

// layout is how moments of the chart are written on its axis.
func (d *drawing) layout() string {
	if d.c.To.Sub(d.c.From) > 3*24*time.Hour {
		return "01-02"
	}
	return "15:04"
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func (d *drawing) rect(class string, x, y, width, height float64) {
	if width <= 0 || height <= 0 {
		return
	}
	d.put(`<rect class="`, class, `" x="`, decimal(x), `" y="`, decimal(y), `" width="`, decimal(rounded(width)), `" height="`, decimal(rounded(height)), `"/>`)
}

func (d *drawing) line(class string, x1, y, x2 float64) {
	d.put(`<line class="`, class, `" x1="`, decimal(x1), `" x2="`, decimal(x2), `" y1="`, decimal(y), `" y2="`, decimal(y), `"/>`)
}

// bars stacks the series, the first at the bottom.
func (d *drawing) bars() {
	width := d.c.x(d.c.From.Add(d.c.Step)) * 0.86
	below := make(map[time.Time]float64)
	for _, s := range d.c.Series {
		for _, p := range s.Points {
			from := below[p.At]
			below[p.At] += p.Value
			top, bottom := d.axis.place(below[p.At]), d.axis.place(from)
			d.rect("bar "+s.Tone, d.c.x(p.At), top, width, bottom-top)
		}
	}
}

// lineOf draws a series where it has points; one that stands alone is a short dash.
func (d *drawing) lineOf(s series) {
	for _, run := range runs(s.Points, d.c.Step) {
		d.put(`<path class="line `, s.Tone, `" d="`)
		if len(run) == 1 {
			x, y := d.c.x(run[0].At), d.axis.place(run[0].Value)
			d.put("M", decimal(x), " ", decimal(y), "H", decimal(d.c.x(run[0].At.Add(d.c.Step))))
		} else {
			d.way(run, "M")
		}
		d.put(`"/>`)
	}
}

// way adds points to a path.
func (d *drawing) way(points []point, first string) {
	for i, p := range points {
		letter := "L"
		if i == 0 {
			letter = first
		}
		d.put(letter, decimal(d.c.middle(p.At)), " ", decimal(d.axis.place(p.Value)))
	}
}

// area fills a series down to zero.
func (d *drawing) area(s series) {
	for _, run := range runs(s.Points, d.c.Step) {
		if len(run) < 2 {
			continue
		}
		d.put(`<path class="area `, s.Tone, `" d="`)
		d.way(run, "M")
		d.put("L", decimal(d.c.middle(run[len(run)-1].At)), " 100L", decimal(d.c.middle(run[0].At)), ` 100Z"/>`)
	}
}

// bands fills what lies between neighbouring quantiles, and draws their lines over that.
func (d *drawing) bands() {
	for i := 1; i < len(d.c.Series); i++ {
		low, high := runs(d.c.Series[i-1].Points, d.c.Step), runs(d.c.Series[i].Points, d.c.Step)
		for j := range min(len(low), len(high)) {
			back := slices.Clone(low[j])
			slices.Reverse(back)
			d.put(`<path class="area `, d.c.Series[i].Tone, `" d="`)
			d.way(high[j], "M")
			d.way(back, "L")
			d.put(`Z"/>`)
		}
	}
	for _, s := range d.c.Series {
		d.lineOf(s)
	}
}

// table lists the values, the newest first.
func (d *drawing) table() {
	d.put(`<details class="values" id="values-`, d.c.id(), `"><summary>`)
	d.word("chart.table")
	d.put(`</summary><div class="scroll" tabindex="0"><table><thead><tr><th scope="col">`)
	d.word("chart.when")
	d.put(`</th>`)
	values := make(map[time.Time][]string)
	for i, s := range d.c.Series {
		d.put(`<th scope="col" class="num">`)
		d.name(s)
		d.put(`</th>`)
		for _, p := range s.Points {
			if values[p.At] == nil {
				values[p.At] = slices.Repeat([]string{"–"}, len(d.c.Series))
			}
			values[p.At][i] = d.value(p.Value)
		}
	}
	d.put(`</tr></thead><tbody>`)
	moments := make([]time.Time, 0, len(values))
	for at := range values {
		moments = append(moments, at)
	}
	slices.SortFunc(moments, func(a, b time.Time) int { return b.Compare(a) })
	for _, at := range moments {
		d.put(`<tr data-x="`, decimal(d.c.middle(at)), `"><th scope="row">`, at.In(d.who.zone).Format("01-02 15:04"), `</th>`)
		for _, v := range values[at] {
			d.put(`<td class="num">`)
			d.text(v)
			d.put(`</td>`)
		}
		d.put(`</tr>`)
	}
	d.put(`</tbody></table></div></details>`)
}
