package monitor

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"idphoto/infra/auth"
	"idphoto/queue"
)

// TestScreenshots writes pictures of the pages into the folder that MONITOR_SCREENSHOTS names, for
// a look by eye after a change: full and empty, wide and narrow, light and dark.
func TestScreenshots(t *testing.T) {
	p := newPhotographer(t)
	s := newScene(t)
	s.busy()
	s.crew()
	s.queueUp(23, queue.Express, 14*time.Second)
	s.queueUp(60, queue.Bulk, 4*time.Minute)
	s.deeds()
	if err := s.ledger.PauseLane(t.Context(), queue.Bulk, "mei.lin"); err != nil {
		t.Fatal(err)
	}
	s.clock = s.clock.Add(150 * time.Second)
	s.crew()
	idle := newScene(t)
	idle.calm()
	for name, of := range map[string]*scene{"busy": s, "idle": idle} {
		pages := map[string]string{}
		for page, path := range map[string]string{"overview": "/", "overview-24h": "/?range=24h", "overview-7d": "/?range=7d", "lanes": "/lanes", "workers": "/workers", "rejections": "/rejections", "audit": "/audit"} {
			pages[page+"-"+name] = Base + path
		}
		p.take(t, of, pages, "#live[data-state=on]")
	}
}

// photographer writes pictures of pages, as an operator sees them in a browser.
type photographer struct {
	browser context.Context
	folder  string
}

// newPhotographer starts a browser. It skips the test where no folder or no browser is there.
func newPhotographer(t *testing.T) *photographer {
	t.Helper()
	folder := os.Getenv("MONITOR_SCREENSHOTS")
	if folder == "" {
		t.Skip("MONITOR_SCREENSHOTS is not set")
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium on this machine")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return &photographer{ctx, folder}
}

// take takes every page, a path by its name, in four looks, once ready can be seen on it.
func (p *photographer) take(t *testing.T, s *scene, pages map[string]string, ready string) {
	t.Helper()
	for _, look := range []struct {
		name        string
		width       int64
		theme, lang string
	}{{"wide-light-en", 1280, "light", "en"}, {"wide-dark-zh", 1280, "dark", "zh-CN"}, {"phone-light-zh", 390, "light", "zh-CN"}, {"phone-dark-en", 390, "dark", "en"}} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Test-Role", auth.Operator.String())
			r.Header.Set("Accept-Language", look.lang)
			s.ServeHTTP(w, r)
		}))
		if err := setLook(p.browser, look.width, look.theme); err != nil {
			t.Fatal(err)
		}
		for page, path := range pages {
			if err := chromedp.Do(p.browser, chromedp.Navigate(server.URL+path), chromedp.WaitVisible(ready)); err != nil {
				t.Fatal(err)
			}
			png, err := chromedp.Run(p.browser, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(p.folder, page+"-"+look.name+".png"), png, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		server.CloseClientConnections()
		server.Close()
	}
}

func setLook(ctx context.Context, width int64, theme string) error {
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 900)); err != nil {
		return err
	}
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	return err
}
