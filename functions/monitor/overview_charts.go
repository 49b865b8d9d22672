package monitor

import (
	"time"

	"idphoto/queue"
)

// charts draws the overview's points.
func (m *Monitor) charts(page *overview) []chart {
	frame := chart{From: page.From, To: page.To, Step: page.Step, Gaps: page.Unknown}
	all := []chart{finishedChart(frame, page.Finished), quantileChart(frame, "run", page.Run), workChart(frame, page.Work)}
	for _, lane := range queue.Lanes {
		points := page.ByLane[lane]
		promise := m.opts.Promises[lane].Seconds()
		wait, oldest := frame, frame
		wait.Lane, oldest.Lane = lane, lane
		wait = quantileChart(wait, "wait", points.Wait)
		wait.Limit = promise
		all = append(all, wait, oldestChart(oldest, points.Backlog, promise), depthChart(oldest, points.Backlog))
	}
	return all
}

func finishedChart(c chart, points []finishedPoint) chart {
	c.Name, c.Kind, c.Unit = "finished", bars, countUnit
	c.Series = []series{{Name: "succeeded", Tone: "tone-1"}, {Name: "rejected", Tone: "tone-2"}, {Name: "dead", Tone: "tone-3"}, {Name: "cancelled", Tone: "tone-4"}}
	for _, p := range points {
		for i, n := range []int64{p.Succeeded, p.Rejected, p.Dead, p.Cancelled} {
			c.Series[i].Points = append(c.Series[i].Points, point{p.At, float64(n)})
		}
	}
	return c
}

func quantileChart(c chart, name string, points []quantiles) chart {
	c.Name, c.Kind, c.Unit = name, bands, secondsUnit
	c.Series = []series{{Name: "p50", Tone: "q-50"}, {Name: "p95", Tone: "q-95"}, {Name: "p99", Tone: "q-99"}}
	for _, p := range points {
		for i, d := range []time.Duration{p.P50, p.P95, p.P99} {
			c.Series[i].Points = append(c.Series[i].Points, point{p.At, d.Seconds()})
		}
	}
	return c
}

func workChart(c chart, points []slotPoint) chart {
	c.Name, c.Kind, c.Unit = "slots", areas, countUnit
	c.Series = []series{{Name: "busy", Tone: "tone-5"}, {Name: "slots", Tone: "outline"}}
	for _, p := range points {
		c.Series[0].Points = append(c.Series[0].Points, point{p.At, float64(p.Busy)})
		c.Series[1].Points = append(c.Series[1].Points, point{p.At, float64(p.Slots)})
	}
	return c
}

func oldestChart(c chart, points []backlogPoint, promise float64) chart {
	c.Name, c.Kind, c.Unit, c.Limit = "oldest", areas, secondsUnit, promise
	c.Series = []series{{Name: "oldest", Tone: "tone-6"}}
	for _, p := range points {
		c.Series[0].Points = append(c.Series[0].Points, point{p.At, p.OldestAge.Seconds()})
	}
	return c
}

func depthChart(c chart, points []backlogPoint) chart {
	c.Name, c.Kind, c.Unit = "depth", areas, countUnit
	c.Series = []series{{Name: "waiting", Tone: "tone-2"}, {Name: "running", Tone: "tone-5"}}
	for _, p := range points {
		c.Series[0].Points = append(c.Series[0].Points, point{p.At, float64(p.Waiting)})
		c.Series[1].Points = append(c.Series[1].Points, point{p.At, float64(p.Running)})
	}
	return c
}
