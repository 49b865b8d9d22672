package web

import (
	"slices"
	"testing"

	"github.com/chromedp/chromedp"

	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
)

// Of a group, too, the page shows what was held once somebody has looked.
func TestAGroupsHeldPhotosAreWaitedFor(t *testing.T) {
	service := newFakeService(t)
	service.set(func(f *fakeService) { f.held = true })
	b := openBrowser(t, "en")
	b.open(service.URL)
	b.click("#group summary")
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#group-file"), []string{portrait(t)}))
	b.wait(`document.querySelector("#group-state").textContent === "Photos made: 1" && document.querySelector("#group-refused").textContent.includes("somebody looks at it")`)
	service.set(func(f *fakeService) { f.held = false }) // somebody has looked
	b.wait(`document.querySelector("#group-state").textContent === "Photos made: 2" && !document.querySelector("#group-refused").textContent.includes("somebody looks at it")`)
	b.check(service.host())
}

func TestAGroupPictureBecomesManyPhotos(t *testing.T) {
	service := newFakeService(t)
	b := openBrowser(t, "en")
	b.open(service.URL)
	b.click(`.swatch:has([value="red"])`)
	b.click("#group summary")
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#group-file"), []string{portrait(t)}))
	b.wait(`document.querySelector("#group-state").textContent === "1 of 2 photos" && !document.querySelector("#group-progress").hidden`)
	b.wait(`document.querySelector("#group-state").textContent === "Photos made: 2" && document.querySelector("#group-progress").hidden`)
	if got := b.read(`document.querySelector("#group-zip").href`); got != service.URL+"/api/v1/batches/group-1/results.zip" {
		t.Errorf("the photos are downloaded from %s", got)
	}
	text := problem.Explain(fault.EyesClosed, nil, problem.English)
	if got, want := b.text("#group-refused"), "Row 1, seat 2 from the left: "+text.Sentence+" "+text.Advice; got != want {
		t.Errorf("who gets none: %q, want %q", got, want)
	}
	service.set(func(f *fakeService) {
		if g := f.grouped; g.Get("kind") != "group" || g.Get("size") != "1-inch" || g.Get("background") != "red" {
			t.Errorf("the service was sent %v", g)
		}
	})
	b.click(`[data-lang="zh"]`)
	b.wait(`document.querySelector("#group-refused").textContent.startsWith("第 1 排左起第 2 位：` + problem.Explain(fault.EyesClosed, nil, problem.Chinese).Sentence + `")`)

	b.click("#group-erase")
	b.wait(`document.querySelector("#group-erase").hidden && document.querySelector("#group-zip").hidden && document.querySelector("#group-state").textContent === ""`)
	service.set(func(f *fakeService) {
		if !slices.Equal(f.erased, []string{"group-1"}) {
			t.Errorf("erased = %v, want the group", f.erased)
		}
	})
	b.check(service.host())
}
