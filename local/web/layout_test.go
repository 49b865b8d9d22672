package web

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"

	"idphoto/pipeline/spec"
)

func TestNothingMovesWhileAPhotoIsMade(t *testing.T) {
	service := newFakeService(t)
	step := make(chan struct{})
	service.set(func(f *fakeService) { f.step = step })
	b := openBrowser(t, "en")
	b.open(service.URL)
	// Top and bottom of what must stay where it is.
	places := func() string {
		return b.read(`["#picture .stage", "#photo .stage", "#make", "#history header"].map((s) => {
			const box = document.querySelector(s).getBoundingClientRect();
			return [s, Math.round(box.top + scrollY), Math.round(box.bottom + scrollY)].join(" ");
		}).join(", ")`)
	}
	start := places()
	b.choose(portrait(t))
	b.wait(`document.querySelector("#preview").naturalWidth > 0`)
	if got := places(); got != start {
		t.Errorf("choosing a picture moved %s to %s", start, got)
	}
	b.click("#make")
	b.waitState("working")
	if got := places(); got != start {
		t.Errorf("the work moved %s to %s", start, got)
	}
	close(step)
	b.waitState("done")
	b.wait(`document.querySelector("#result").complete`)
	b.click("#checks summary")
	b.wait(`document.querySelector("#checks").open`)
	if got := places(); got != start {
		t.Errorf("the photo moved %s to %s", start, got)
	}
	service.set(func(f *fakeService) { f.outcome = fakeRejection })
	b.choose(portrait(t))
	b.click("#make")
	b.waitState("failed")
	if got := places(); got != start {
		t.Errorf("the rejection moved %s to %s", start, got)
	}
}

func TestNothingIsWiderThanTheWindow(t *testing.T) {
	service := newFakeService(t)
	b := openBrowser(t, "en")
	b.open(service.URL)
	b.choose(portrait(t))
	b.click("#make")
	b.waitState("done")
	b.click(`.document:has([value="uk-passport-digital"])`) // a long title
	b.photos(2)
	for _, lang := range []string{"zh", "en"} {
		b.click(fmt.Sprintf("[data-lang=%q]", lang))
		for _, width := range []int64{320, 390, 700, 820, 1100, 1280, 1920} {
			b.do(chromedp.EmulateViewport(width, 900))
			wide := b.read(`[...document.querySelectorAll("body *")].filter((el) => {
				const box = el.getBoundingClientRect();
				return box.width > 1 && box.right > innerWidth + 1 && !el.closest("#history-list");
			}).map((el) => el.tagName + "#" + el.id + "." + el.className).join(" ")`)
			if wide != "" {
				t.Errorf("%s at %d px: cut on the right: %s", lang, width, wide)
			}
		}
	}
}

// What a screen reader meets: every control has a name, the page its landmarks and one first heading.
func TestEveryControlHasAName(t *testing.T) {
	service := newFakeService(t)
	b := openBrowser(t, "zh-CN")
	b.open(service.URL)
	b.choose(portrait(t))
	b.click(`.swatch:has([value="custom"])`)
	b.click("#make")
	b.waitState("done")
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll(".settings details").forEach((d) => { d.open = true; })`))
	tree, err := chromedp.Call(b.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		t.Fatal(err)
	}
	controls := []string{"slider", "checkbox", "spinbutton", "DisclosureTriangle", "button", "link", "radio", "textbox", "searchbox", "ColorWell", "image", "region", "progressbar"}
	seen := make(map[string]int)
	for _, node := range tree.Nodes {
		if node.Ignored || node.Role == nil {
			continue
		}
		role := strings.Trim(string(node.Role.Value), `"`)
		seen[role]++
		named := node.Name != nil && len(strings.Trim(string(node.Name.Value), `" `)) > 0
		if slices.Contains(controls, role) && !named {
			t.Errorf("a %s has no name (node %s)", role, node.NodeID)
		}
	}
	offered := slices.DeleteFunc(spec.All(), func(s *spec.Spec) bool { return !s.Available })
	if seen["slider"] != 8 || seen["checkbox"] != 2 || seen["spinbutton"] != 2 {
		t.Errorf("%d sliders, %d boxes to tick and %d numbers, want 8, 2 and 2", seen["slider"], seen["checkbox"], seen["spinbutton"])
	}
	if want := len(offered) + 9; seen["radio"] != want { // nine backgrounds
		t.Errorf("%d radio buttons, want %d", seen["radio"], want)
	}
	for role, want := range map[string]int{"main": 1, "banner": 1, "region": 3, "status": 1} {
		if seen[role] != want {
			t.Errorf("%d of role %s, want %d", seen[role], role, want)
		}
	}
	if got := b.read(`String(document.querySelectorAll("h1").length)`); got != "1" {
		t.Errorf("%s first headings, want 1", got)
	}
}
