package web

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestClerkPrintsASheet(t *testing.T) {
	service := newFakeService(t)
	b := openBrowser(t, "en")
	b.open(service.URL)
	b.choose(portrait(t))
	b.click(`.document:has([value="1-inch"])`)
	b.click("#make")
	b.waitState("done")

	b.click("#print-open")
	b.wait(`document.querySelector("#print-facts").textContent === "13 photos of 25 × 35 mm"`)
	b.wait(`document.querySelector("#print-sheet").naturalWidth === 442 && document.querySelector("#print-sheet").naturalHeight === 658`) // 102 x 152 mm, coarsely
	if got := b.read(`document.querySelector("#print-pdf").href`); got != service.URL+"/api/v1/result/task-1?part=sheet&paper=6-inch&marks=corners&format=pdf" {
		t.Errorf("the PDF is downloaded from %s", got)
	}
	if got := b.read(`document.querySelector("#print-paper").selectedOptions[0].textContent`); got != "6 inch / 4R (102 × 152 mm)" {
		t.Errorf("the paper is %q", got)
	}

	change := func(id, value string) {
		b.do(chromedp.Evaluate[chromedp.Void](`(() => {
			const el = document.querySelector("` + id + `");
			el.value = "` + value + `";
			el.dispatchEvent(new Event("change", {bubbles: true}));
		})()`))
	}
	change("#print-count", "4")
	b.wait(`document.querySelector("#print-facts").textContent === "4 photos of 25 × 35 mm"`)
	if got := b.read(`document.querySelector("#print-jpeg").href`); !strings.HasSuffix(got, "&count=4&format=jpeg") {
		t.Errorf("the JPEG is downloaded from %s", got)
	}
	change("#print-count", "200")
	b.wait(`document.querySelector("#print-warning").textContent.includes("of the 200 photos do not fit")`)
	if got := b.read(`String(document.querySelector("#print-pdf").hidden)`); got != "true" {
		t.Error("a sheet that is none can be downloaded")
	}
	change("#print-count", "")
	change("#print-paper", "A4")
	b.wait(`document.querySelector("#print-facts").textContent.startsWith("58 photos")`)

	b.click("#print-close")
	b.wait(`!document.querySelector("#print").open`)
	b.click(`[data-lang="zh"]`)
	b.click("#print-open")
	b.wait(`document.querySelector("#print-facts").textContent === "共 58 张，每张 25 × 35 毫米"`)
	if got := b.read(`document.querySelector("#print-paper").selectedOptions[0].textContent`); got != "A4（210 × 297 毫米）" {
		t.Errorf("the paper is %q", got)
	}
	b.check(service.host(), "422") // the browser notes the sheet that was refused
}
