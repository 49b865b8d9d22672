package web

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestScreenshots writes pictures of the page into the folder that WEB_SCREENSHOTS names, for a
// look by eye after a change: every state, at desktop, tablet and phone width, light and dark, in
// both languages. WEB_PORTRAIT names a picture to use; WEB_SERVICE the address of a running
// service, else the fake one answers.
func TestScreenshots(t *testing.T) {
	folder := os.Getenv("WEB_SCREENSHOTS")
	if folder == "" {
		t.Skip("WEB_SCREENSHOTS is not set")
	}
	for name, tc := range map[string]struct {
		width, height int64
		lang, theme   string
	}{
		"desktop-light-en": {1280, 860, "en", "light"},
		"desktop-dark-zh":  {1280, 860, "zh-CN", "dark"},
		"wide-light-zh":    {1680, 1000, "zh-CN", "light"},
		"tablet-light-en":  {820, 1180, "en", "light"},
		"phone-light-zh":   {390, 844, "zh-CN", "light"},
		"phone-dark-en":    {360, 740, "en", "dark"},
	} {
		t.Run(name, func(t *testing.T) {
			photographStates(t, tc.width, tc.height, tc.lang, tc.theme, filepath.Join(folder, name))
		})
	}
}

func photographStates(t *testing.T, width, height int64, lang, theme, prefix string) {
	service := newFakeService(t)
	step := make(chan struct{})
	service.set(func(f *fakeService) { f.step = step })
	b := openBrowser(t, lang)
	viewport := []chromedp.EmulateViewportOption{}
	if width < 700 {
		viewport = append(viewport, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulateScale(2))
	}
	b.do(chromedp.EmulateViewport(width, height, viewport...))
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, media); err != nil {
		t.Fatal(err)
	}
	shoot := func(state string) {
		t.Helper()
		for suffix, action := range map[string]chromedp.Action[[]byte]{
			".png":       chromedp.CaptureScreenshot(), // what the reader sees at this moment
			"-whole.png": chromedp.FullScreenshot(100),
		} {
			png, err := chromedp.Run(b.ctx, action)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(prefix+"-"+state+suffix, png, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	picture := os.Getenv("WEB_PORTRAIT")
	if picture == "" {
		picture = portrait(t)
	}
	address, live := os.Getenv("WEB_SERVICE"), true
	if address == "" {
		address, live = service.URL, false
	}
	b.open(address)
	shoot("1-start")
	b.choose(picture)
	b.wait(`document.querySelector("#preview").naturalWidth > 0`)
	b.click(`.document:has([value="passport-35x45"])`)
	b.click(`.swatch:has([value="custom"])`)
	shoot("2-chosen")
	b.click(`.swatch:has([value="light-blue"])`)
	b.click("#make")
	if !live {
		b.waitState("working")
		step <- struct{}{}
		step <- struct{}{}
		b.wait(`document.querySelector("#progress-text").textContent.length > 0 && document.querySelector("#progress").getAttribute("aria-valuenow") > 50`)
		shoot("3-working")
		close(step)
	}
	b.wait(`["done", "failed"].includes(document.querySelector("#photo").dataset.state)`)
	shoot("4-done")
	b.click("#checks summary")
	shoot("4-measures")
	b.click("#checks summary")
	b.click("#print-open")
	b.wait(`document.querySelector("#print-sheet").naturalWidth > 0`)
	shoot("4-print")
	b.click("#print-close")
	b.click(`.swatch:has([value="red"])`) // makes the photo at once
	b.wait(`document.querySelectorAll("#history-list img").length === 2`)
	b.click(`.document:has([value="1-inch"])`) // free: may be touched up
	b.wait(`document.querySelectorAll("#history-list img").length === 3`)
	b.click("#touch summary")
	b.put("#touch-skin", "40")
	b.wait(`document.querySelectorAll("#history-list img").length === 4`)
	b.click("#file-wishes summary")
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#hd").click()`)) // on a phone the button may lie over it
	b.wait(`document.querySelectorAll("#history-list img").length === 5`)
	shoot("4-wishes")
	b.click(`.document:has([value="au-passport"])`) // may only be cropped
	b.wait(`!document.querySelector("#touch-forbidden").hidden && !document.querySelector("#photo").classList.contains("renewing")`)
	shoot("4-forbidden")
	b.click("#touch summary")
	b.click("#file-wishes summary")
	b.click("#erase")
	shoot("5-erase")
	b.click(`#confirm [value="keep"]`)
	if bad := os.Getenv("WEB_REJECTED"); bad != "" {
		b.choose(bad)
	} else {
		service.set(func(f *fakeService) { f.outcome = fakeRejection })
		b.choose(picture)
	}
	b.click("#make")
	b.waitState("failed")
	shoot("6-failed")
	if !live {
		service.set(func(f *fakeService) { f.outcome, f.held = nil, true })
		b.choose(picture)
		b.click("#make")
		b.waitState("held")
		shoot("6-held")
		b.click("#group summary")
		b.do(chromedp.SetUploadFiles(chromedp.CSS("#group-file"), []string{picture}))
		b.wait(`!document.querySelector("#group-zip").hidden`)
		shoot("7-group")
	}
	if !live {
		b.check(strings.TrimPrefix(address, "http://"))
	}
}
