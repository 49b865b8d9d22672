package web

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"idphoto/functions/problem"
	"idphoto/pipeline/check"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/spec"
	"idphoto/pipeline/touchup"
)

// put gives a form element a value as a hand does: it changes, and says so.
func (b *browser) put(id, value string) {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`(() => {
		const el = document.querySelector(%q);
		el.value = %q;
		el.dispatchEvent(new Event("input", {bubbles: true}));
		el.dispatchEvent(new Event("change", {bubbles: true}));
	})()`, id, value)))
}

// photos waits until the session has made n photos, and the newest is shown.
func (b *browser) photos(n int) {
	b.t.Helper()
	b.wait(fmt.Sprintf(`document.querySelectorAll("#history-list img").length === %d && !document.querySelector("#photo").classList.contains("renewing")`, n))
	b.waitState("done")
}

func TestAChangeMakesAnotherPhotoAtOnce(t *testing.T) {
	service := newFakeService(t)
	b := openBrowser(t, "en")
	b.open(service.URL)
	b.choose(portrait(t))
	b.click("#make")
	b.photos(1)

	b.click(`.swatch:has([value="red"])`)
	b.photos(2)
	b.click(`.document:has([value="2-inch"])`)
	b.photos(3)
	b.click("#touch summary")
	b.put("#touch-skin", "40")
	b.photos(4)
	if got := b.text("#touch-state"); got != "1 in use" {
		t.Errorf("touch-up is %q", got)
	}
	b.click("#touch-mirror")
	b.photos(5)
	b.click("#file-wishes summary")
	b.put("#kb-min", "20")
	b.photos(6)
	b.put("#kb-max", "50")
	b.photos(7)
	b.click("#hd")
	b.photos(8)
	if got := b.text("#file-state"); got != "20 to 50 KB · HD" {
		t.Errorf("the file is %q", got)
	}
	if got := b.read(`document.querySelector("#download-hd").href`); got != service.URL+"/api/v1/result/task-8?part=hd" {
		t.Errorf("the large photo is downloaded from %s", got)
	}
	if n := len(service.sent()); n != 1 {
		t.Errorf("the picture was sent %d times, want once", n)
	}
	wants := []map[string]any{
		{"of": "task-1", "size": "1-inch", "background": "red", "skin": "0", "mirror": "false", "size_kb": "", "hd": "false"},
		{"of": "task-2", "size": "2-inch", "background": "blue"}, // the document's own
		{"of": "task-3", "skin": "40"},
		{"of": "task-4", "skin": "40", "mirror": "true"},
		{"of": "task-5", "size_kb": "20-"},
		{"of": "task-6", "size_kb": "20-50"},
		{"of": "task-7", "skin": "40", "mirror": "true", "size_kb": "20-50", "hd": "true"},
	}
	renders := service.rendered()
	if len(renders) != len(wants) {
		t.Fatalf("%d renders, want %d: %v", len(renders), len(wants), renders)
	}
	for i, want := range wants {
		for field, value := range want {
			if renders[i][field] != value {
				t.Errorf("render %d: %s = %q, want %q", i, field, renders[i][field], value)
			}
		}
	}

	// A file size cannot be taken back: the new photo is made of one that had none.
	b.put("#kb-min", "")
	b.photos(9)
	b.put("#kb-max", "")
	b.photos(10)
	if got := service.rendered()[8]; got["of"] != "task-5" || got["size_kb"] != "" {
		t.Errorf("without a wish for the file's size: %v", got)
	}
	b.click("#touch-reset")
	b.photos(11)
	if got := service.rendered()[9]; got["skin"] != "0" || got["mirror"] != "false" {
		t.Errorf("after all was put off: %v", got)
	}
	b.check(service.host())
}

func TestThePictureIsSentAgainWhereNothingIsLeftOfIt(t *testing.T) {
	service := newFakeService(t)
	b := openBrowser(t, "en")
	b.open(service.URL)
	b.choose(portrait(t))
	b.click("#make")
	b.photos(1)
	service.set(func(f *fakeService) { f.bare = true })
	b.click(`.swatch:has([value="white"])`)
	b.photos(2)
	if u := service.sent(); len(u) != 2 || u[1]["background"] != "white" {
		t.Errorf("uploads: %v", u)
	}
	e, _ := problem.Lookup(problem.OriginalGone)
	b.check(service.host(), fmt.Sprint(e.Status)) // the browser notes the refusal
}

func TestThePhotoStaysWhileItIsRenewed(t *testing.T) {
	service := newFakeService(t)
	b := openBrowser(t, "en")
	b.open(service.URL)
	b.choose(portrait(t))
	b.click("#make")
	b.photos(1)
	step := make(chan struct{})
	service.set(func(f *fakeService) { f.step = step })
	b.click(`.swatch:has([value="red"])`)
	b.wait(`document.querySelector("#photo").classList.contains("renewing") && !document.querySelector("#result").hidden`)
	b.waitState("working") // it takes long: the progress is shown after all
	b.click(`.swatch:has([value="white"])`)
	service.set(func(f *fakeService) { f.step = closed() })
	b.photos(2) // the red one is not waited for
	if got := b.text("#photo-of"); got != "1 inch · White" {
		t.Errorf("shown: %s", got)
	}
	close(step)
	b.check(service.host())
}

func closed() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

func TestTouchUpIsNotOfferedWhereItIsForbidden(t *testing.T) {
	service := newFakeService(t)
	b := openBrowser(t, "en")
	b.open(service.URL)
	b.choose(portrait(t))
	b.click("#make")
	b.photos(1)
	b.click("#touch summary")
	b.put("#touch-skin", "60")
	b.photos(2)

	b.click(`.document:has([value="au-passport"])`) // may only be cropped
	b.photos(3)
	b.wait(`document.querySelector("#touch-fields").hidden && !document.querySelector("#touch-forbidden").hidden`)
	au, err := spec.Lookup("au-passport")
	if err != nil {
		t.Fatal(err)
	}
	source := fmt.Sprintf("Source: %s (%s)", au.Editing.Source, au.Authority["en"])
	if got := b.text("#touch-forbidden"); got != "Touch-up is not allowed for this document: the picture may only be cropped and scaled. "+source {
		t.Errorf("touch-up: %q", got)
	}
	if got := b.text("#background-fixed"); got != "No editing is allowed for this document: the background stays as it was taken. "+source {
		t.Errorf("background: %q", got)
	}
	if got := b.read(`[...document.querySelectorAll("#backgrounds input:not(:disabled)")].map((r) => r.value + r.checked).join()`); got != "originaltrue" {
		t.Errorf("backgrounds that can be chosen: %s", got)
	}
	if got := service.rendered()[1]; got["background"] != "original" || got["skin"] != "0" {
		t.Errorf("the service was asked for %v", got)
	}

	b.click(`.document:has([value="de-passport"])`) // the background may be replaced
	b.photos(4)
	if got := b.text("#touch-state"); got != "not allowed" {
		t.Errorf("touch-up is %q", got)
	}
	if got := b.read(`String(document.querySelectorAll("#backgrounds input:disabled").length) + document.querySelector("#background-fixed").textContent`); got != "0" {
		t.Errorf("the background is still fixed: %s", got)
	}
	b.click(`.document:has([value="1-inch"])`)
	b.photos(5)
	if got := service.rendered()[3]; got["skin"] != "60" {
		t.Errorf("back at a free document the wish is gone: %v", got)
	}
	b.click(`[data-lang="zh"]`)
	if got := b.text("#touch-state"); got != "已启用 1 项" {
		t.Errorf("touch-up is %q", got)
	}
	b.check(service.host())
}

func TestAHeldPhotoIsShownOnceItIsReleased(t *testing.T) {
	service := newFakeService(t)
	service.set(func(f *fakeService) { f.held = true })
	b := openBrowser(t, "en")
	b.open(service.URL)
	b.choose(portrait(t))
	b.click("#make")
	b.waitState("held")
	b.wait(`!document.querySelector("#held").hidden && document.activeElement.id === "held-title"`)
	if got := b.read(`document.querySelector("#make").getAttribute("aria-disabled")`); got != "false" {
		t.Error("nothing else can be made meanwhile")
	}
	service.set(func(f *fakeService) { f.tasks["task-1"].held = false }) // somebody looked
	b.photos(1)
	b.check(service.host())
}

func TestAHeldPhotoThatIsRefusedIsTold(t *testing.T) {
	service := newFakeService(t)
	service.set(func(f *fakeService) { f.held = true })
	b := openBrowser(t, "zh")
	b.open(service.URL)
	b.choose(portrait(t))
	b.click("#make")
	b.waitState("held")
	service.set(func(f *fakeService) { // somebody looked
		f.tasks["task-1"].held, f.tasks["task-1"].outcome = false, fault.New(fault.MatteUncertain, nil)
	})
	b.waitState("failed")
	if got := b.text("#failure"); !strings.Contains(got, "纯色墙前") {
		t.Errorf("the page says %q", got)
	}
	b.check(service.host())
}

func TestAWrongFileSizeIsTold(t *testing.T) {
	service := newFakeService(t)
	b := openBrowser(t, "en")
	b.open(service.URL)
	b.choose(portrait(t))
	b.click("#file-wishes summary")
	b.put("#kb-min", "50")
	b.put("#kb-max", "20")
	if got := b.text("#kb-warning"); got != "Write the sizes as numbers, the larger one at “At most”." {
		t.Errorf("the page says %q", got)
	}
	b.click("#make")
	b.wait(`document.activeElement.id === "kb-max"`)
	if len(service.sent()) != 0 {
		t.Error("it was sent all the same")
	}
	b.check(service.host())
}

// What the service can name has words on the page, in the languages that strings.json has.
func TestWhatTheServiceNamesHasWords(t *testing.T) {
	keys := make(map[string]string) // key -> who names it
	for _, m := range check.Thresholds() {
		keys["quality."+m.Measure], keys["quality."+m.Measure+".bad"] = "thresholds", "thresholds"
	}
	for _, s := range spec.All() {
		for _, r := range s.Rules {
			keys["measure."+r.Measure] = s.ID
		}
		for _, name := range append(slices.Clone(s.NotChecked), s.Demands()...) {
			keys["unchecked."+name] = s.ID
		}
		if s.Editing.Policy != spec.Free {
			keys["touch.forbidden."+string(s.Editing.Policy)] = s.ID
		}
	}
	for _, m := range []string{
		spec.HairHeight, spec.HairGap, spec.HeadWidth, spec.FaceWidth, spec.PupilDistance, spec.EyesFromLeft, spec.FaceFromSide, spec.SideGap, spec.Centring,
	} {
		keys["measure."+m] = "package spec"
	}
	for _, name := range touchup.Fields {
		keys["touch."+name] = "package touchup"
	}
	texts := table(t)["en"]
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if texts[key] == "" {
			t.Errorf("strings.json has no %s, which %s names", key, keys[key])
		}
	}
}
