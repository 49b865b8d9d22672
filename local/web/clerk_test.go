package web

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func (f *fakeService) host() string { return strings.TrimPrefix(f.URL, "http://") }

// portrait writes a small picture and returns its path. Its name must never leave the page.
func portrait(t *testing.T) string {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 240, 320))
	for i := range 240 * 320 {
		img.SetRGBA(i%240, i/240, color.RGBA{uint8(i % 240), uint8(i / 320), 0x90, 255})
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "Erika Mustermann.jpg")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestClerkMakesAPhoto(t *testing.T) {
	service := newFakeService(t)
	step := make(chan struct{})
	service.set(func(f *fakeService) { f.step = step })
	b := openBrowser(t, "en")
	b.open(service.URL)

	b.click("#make") // nothing chosen yet
	b.wait(`document.querySelector("#picture-warning").textContent === "Choose a picture first."`)

	b.choose(portrait(t))
	b.click(`.document:has([value="passport-35x45"])`)
	b.click(`.swatch:has([value="red"])`)
	b.click("#make")
	b.waitState("working")
	b.wait(`document.querySelector("#progress-text").textContent === "Waiting for its turn"`)
	step <- struct{}{}
	b.wait(`document.querySelector("#progress-text").textContent === "Reading the picture"`)
	step <- struct{}{}
	b.wait(`document.querySelector("#progress-text").textContent === "Cutting out hair and shoulders"`)
	close(step)
	b.waitState("done")

	b.wait(`document.querySelector("#result").naturalWidth === 413 && document.querySelector("#result").naturalHeight === 531`)
	if got := b.read(`document.activeElement.id`); got != "download-photo" {
		t.Errorf("focus is on %q, want the download", got)
	}
	if got := b.text("#announcer"); got != "The photo is ready." {
		t.Errorf("a screen reader hears %q", got)
	}
	for part, id := range map[string]string{"photo": "#download-photo", "cutout": "#download-cutout", "report": "#download-report"} {
		if got := b.read(fmt.Sprintf("document.querySelector(%q).href", id)); got != service.URL+"/api/v1/result/task-1?part="+part {
			t.Errorf("%s is downloaded from %s", part, got)
		}
	}

	if got := b.text("#checks-verdict"); got != "2 of 9 checks failed" {
		t.Errorf("checks = %q", got)
	}
	b.click("#checks summary")
	b.wait(`document.querySelector("#checks").open`)
	if got, want := b.read(`[...document.querySelectorAll("#checks-rows tr")].map((r) => [...r.cells].map((c) => c.textContent).join("|")).join("; ")`),
		"Height of the head|33.2\u00a0mm|32 – 36\u00a0mm; Space below the chin our own guide|8.1\u00a0mm|from 7\u00a0mm; "+
			"Space above the head|1.9\u00a0mm|3 – 5\u00a0mm; Eyes above the lower edge|18\u00a0mm|19 – 22\u00a0mm; Tilt of the eyes|0.4°|up to 8°"; got != want {
		t.Errorf("measures = %q, want %q", got, want)
	}

	b.wait(`[...document.querySelectorAll("#lines span")].filter((l) => l.getBoundingClientRect().width > 20).length === 3`) // hair, eyes, chin
	if got, want := b.read(`[...document.querySelectorAll("#checks-findings > *")].map((s) => s.innerText.replace(/\s+/g, " ").trim()).join("; ")`),
		"Not good enough One half of the face is darker than the other. our own guide; "+
			"Worth a look The expression is not neutral, perhaps a smile.; "+
			"Noticed, not judged Glasses are worn. Some documents forbid them. our own guide; 2 more in order"; got != want {
		t.Errorf("findings = %q, want %q", got, want)
	}
	if got := b.text("#checks-unchecked"); got != "Not checked here: how old the picture is, the shade of the background" {
		t.Errorf("what is not checked = %q", got)
	}
	if got := b.read(`[...document.querySelectorAll("#checks-rows td:nth-child(2)")].map((c) => c.className).join()`); got != ",,bad,doubt," {
		t.Errorf("verdicts of the measures = %q", got)
	}
	b.click("#checks summary")

	uploads := service.sent()
	if len(uploads) != 1 {
		t.Fatalf("%d uploads, want 1", len(uploads))
	}
	if u := uploads[0]; u["size"] != "passport-35x45" || u["background"] != "red" || u["bytes"].(int64) == 0 {
		t.Errorf("the upload is %v", u)
	}
	if got := uploads[0]["filename"]; got != "picture" {
		t.Errorf("the file's name left the page: %v", got)
	}
	b.check(service.host())
}

func TestTwoPicturesHaveTwoKeys(t *testing.T) {
	service := newFakeService(t)
	b := openBrowser(t, "en")
	b.open(service.URL)
	for n := range 2 {
		b.choose(portrait(t))
		b.waitState("empty")
		b.click("#make")
		b.wait(fmt.Sprintf(`document.querySelectorAll("#history-list img").length === %d`, n+1))
	}
	if u := service.sent(); len(u) != 2 || u[0]["key"] == u[1]["key"] {
		t.Errorf("uploads: %v", u)
	}
	b.check(service.host())
}

func TestSwitchOfLanguageIsRemembered(t *testing.T) {
	service := newFakeService(t)
	service.set(func(f *fakeService) { f.outcome = fakeRejection })
	b := openBrowser(t, "en")
	b.open(service.URL)
	b.choose(portrait(t))
	b.click("#make")
	b.waitState("failed")
	if got := b.text("#failure-text"); got != "2 faces were found in the picture, but an ID photo shows one person." {
		t.Errorf("reason = %q", got)
	}
	if b.text("#failure-advice") == "" {
		t.Error("no advice")
	}
	if got := b.read(`document.activeElement.id`); got != "failure-text" {
		t.Errorf("focus is on %q, want the reason", got)
	}

	b.click(`[data-lang="zh"]`)
	b.wait(`document.querySelector("#make").textContent.trim() === "制作证件照"`)
	b.wait(`document.querySelector("#failure-text").textContent.includes("2 张人脸")`) // the service's words too
	b.wait(`document.querySelector(".document b").textContent === "一寸"`)
	if got := b.read(`document.documentElement.lang + document.title`); got != "zh-Hans证件照工坊" {
		t.Errorf("language and title = %q", got)
	}

	b.open(service.URL) // a new visit
	if got := b.read(`document.querySelector("h1").textContent`); got != "从一张人像，到一张证件照" {
		t.Errorf("after a new visit the page says %q", got)
	}
	b.check(service.host())
}

func TestRefusedUploadIsExplained(t *testing.T) {
	service := newFakeService(t)
	service.set(func(f *fakeService) { f.refuse = fakeRefusal })
	b := openBrowser(t, "zh-CN")
	b.open(service.URL)
	text := filepath.Join(t.TempDir(), "text.jpg")
	if err := os.WriteFile(text, []byte("no picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.choose(text)
	b.wait(`!document.querySelector(".no-preview").hidden && document.querySelector("#preview").hidden`)
	b.click("#make")
	b.waitState("failed")
	if got := b.text("#failure-text"); !strings.Contains(got, "不是我们能读取的图片格式") {
		t.Errorf("reason = %q", got)
	}
	if got := b.text("#failure-code"); got != "代码：unsupported_type" {
		t.Errorf("code = %q", got)
	}
	b.click(`[data-lang="en"]`)
	b.wait(`document.querySelector("#failure-text").textContent === "The file is not a picture of a kind we can read."`)
	b.check(service.host(), "415") // the browser notes the refused request
}

func TestTooLargePictureIsToldBeforeUpload(t *testing.T) {
	service := newFakeService(t)
	b := openBrowser(t, "en")
	b.open(service.URL)
	path := filepath.Join(t.TempDir(), "large.jpg")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 24<<20); err != nil { // a hole: nothing is written
		t.Fatal(err)
	}
	b.choose(path)
	b.wait(`document.querySelector("#picture-warning").textContent.startsWith("This picture has 24 MB; the limit is 20 MB.")`)
	if got := b.read(`document.querySelector("#picture").dataset.state`); got != "empty" {
		t.Errorf("the picture was taken all the same: %q", got)
	}
	if len(service.sent()) != 0 {
		t.Error("it was uploaded")
	}
	b.check(service.host())
}

func TestPollingWhereEventsDoNotGetThrough(t *testing.T) {
	service := newFakeService(t)
	service.set(func(f *fakeService) { f.noEvents = true })
	b := openBrowser(t, "en")
	b.open(service.URL)
	b.choose(portrait(t))
	b.click("#make")
	b.waitState("done")
	b.check(service.host(), "/events") // the stream that was not there
}

func TestEraseNow(t *testing.T) {
	service := newFakeService(t)
	b := openBrowser(t, "en")
	b.open(service.URL)
	b.choose(portrait(t))
	b.click("#make")
	b.waitState("done")

	b.click("#erase")
	b.wait(`document.querySelector("#confirm").open`)
	b.click(`#confirm [value="keep"]`)
	b.wait(`!document.querySelector("#confirm").open`)
	b.waitState("done")

	b.click("#erase")
	b.click(`#confirm [value="erase"]`)
	b.waitState("empty")
	b.wait(`document.querySelectorAll("#history-list img").length === 0`)
	b.wait(`document.querySelector("#announcer").textContent.startsWith("Erased.")`)
	service.set(func(f *fakeService) {
		if !slices.Equal(f.erased, []string{"task-1"}) {
			t.Errorf("erased = %v, want task-1", f.erased)
		}
	})
	b.check(service.host())
}

func TestCancel(t *testing.T) {
	service := newFakeService(t)
	step := make(chan struct{})
	service.set(func(f *fakeService) { f.step = step })
	b := openBrowser(t, "en")
	b.open(service.URL)
	b.choose(portrait(t))
	b.click("#make")
	b.wait(`document.querySelector("#progress-text").textContent === "Waiting for its turn"`)
	b.click("#cancel")
	b.wait(`document.querySelector("#progress-text").textContent === "Cancelling"`)
	close(step)
	b.waitState("failed")
	if got := b.text("#failure-text"); !strings.Contains(got, "cancelled") {
		t.Errorf("after cancel the page says %q", got)
	}
	if got := b.read(`[...document.querySelectorAll("#failure .actions > *")].filter((e) => !e.hidden).map((e) => e.id).join()`); got != "failure-again" {
		t.Errorf("the page offers %s, want to try again", got)
	}
	b.check(service.host())
}

func TestDropAndPaste(t *testing.T) {
	service := newFakeService(t)
	b := openBrowser(t, "en")
	b.open(service.URL)
	for name, event := range map[string]string{
		"drop":  `new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true})`,
		"paste": `new ClipboardEvent("paste", {clipboardData: data, bubbles: true})`,
	} {
		// A PNG of one pixel, as a browser hands it over.
		b.do(chromedp.Evaluate[chromedp.Void](`(() => {
			const png = Uint8Array.from(atob("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="), (c) => c.charCodeAt(0));
			const data = new DataTransfer();
			data.items.add(new File([png], "x.png", {type: "image/png"}));
			document.querySelector("#preview").removeAttribute("src");
			document.body.dispatchEvent(` + event + `);
		})()`))
		b.wait(`document.querySelector("#preview").naturalWidth === 1`)
		if got := b.read(`document.querySelector("#picture").dataset.state`); got != "chosen" {
			t.Errorf("%s: the picture pane is %s", name, got)
		}
	}
	b.check(service.host())
}

func TestEarlierPhotoIsShownAgain(t *testing.T) {
	service := newFakeService(t)
	b := openBrowser(t, "en")
	b.open(service.URL)
	b.choose(portrait(t))
	b.click("#make")
	b.wait(`document.querySelectorAll("#history-list img").length === 1`)
	b.click(`.document:has([value="us-51x51"])`) // makes the photo at once
	b.wait(`document.querySelectorAll("#history-list img").length === 2`)
	if got := b.text("#photo-of"); got != "USA (2 x 2 in) · White" {
		t.Errorf("shown: %s", got)
	}
	b.click("#history-list li:last-child button")
	b.wait(`document.querySelector("#photo-of").textContent === "1 inch · Blue"`)
	if got := b.read(`[...document.querySelectorAll(".settings :checked")].map((r) => r.value).join()`); got != "1-inch,blue" {
		t.Errorf("the settings are %s, want those of the photo", got)
	}
	if got := b.read(`document.querySelector("#download-photo").href`); !strings.HasSuffix(got, "/result/task-1?part=photo") {
		t.Errorf("the download is %s", got)
	}

	b.click("#erase-all")
	b.click(`#confirm [value="erase"]`)
	b.wait(`document.querySelector("#picture").dataset.state === "empty" && document.querySelectorAll("#history-list li").length === 0`)
	service.set(func(f *fakeService) {
		slices.Sort(f.erased)
		if !slices.Equal(f.erased, []string{"task-1", "task-2"}) {
			t.Errorf("erased = %v, want both tasks", f.erased)
		}
	})
	b.check(service.host())
}

func TestServiceOutOfReach(t *testing.T) {
	service := newFakeService(t)
	b := openBrowser(t, "en")
	b.open(service.URL)
	b.choose(portrait(t))
	service.CloseClientConnections()
	service.Listener.Close()
	b.click("#make")
	b.waitState("failed")
	if got := b.text("#failure-text"); got != "The service cannot be reached." {
		t.Errorf("reason = %q", got)
	}
	b.wait(`!document.querySelector("#failure-again").hidden`)
	b.check(service.host(), "ERR_CONNECTION")
}

func TestKeyboardAlone(t *testing.T) {
	service := newFakeService(t)
	b := openBrowser(t, "en")
	b.open(service.URL)
	b.choose(portrait(t)) // the system's own dialog
	b.do(chromedp.Focus(chromedp.CSS("#file")))
	b.do(chromedp.KeyEvent(kb.Tab)) // the documents' search field
	if got := b.read(`document.activeElement.id`); got != "document-filter" {
		t.Fatalf("focus is on %q, want the search field", got)
	}
	b.do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.ArrowDown)) // next document
	picked := b.read(`document.querySelector(".document :checked").value`)
	if picked == "1-inch" || picked != b.read(`document.activeElement.value`) {
		t.Errorf("arrow keys picked %q", picked)
	}
	b.do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.ArrowRight))                     // next background
	b.do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Tab)) // past touch-up and file
	if got := b.read(`document.activeElement.id`); got != "make" {
		t.Fatalf("focus is on %q, want the button", got)
	}
	b.do(chromedp.KeyEvent(kb.Enter))
	b.waitState("done")
	b.check(service.host())
}
