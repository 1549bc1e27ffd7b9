package server

import (
	"context"
	"fmt"
	"image/color"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	keyboard "github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// browser opens a page in headless Chromium, at a width. Without Chromium the test
// is skipped; .ci/run has one.
func browser(t *testing.T, url string, width int) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
		}
	}
	if path == "" {
		t.Skip("NO CHROMIUM: the page is not tested; install the package chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(width, 900))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {})) // it complains of events that it does not know
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	drive(t, ctx, chromedp.Navigate(url))
	return ctx
}

func drive(t *testing.T, ctx context.Context, actions ...chromedp.Action) {
	t.Helper()
	for _, a := range actions {
		err := chromedp.Run(ctx, a)
		for range 20 { // what it was about to touch may have been drawn anew
			if err == nil || !strings.Contains(err.Error(), "Could not find node with given id") {
				break
			}
			time.Sleep(50 * time.Millisecond)
			err = chromedp.Run(ctx, a)
		}
		if err != nil {
			keep(t, ctx, "failed")
			t.Fatal(err)
		}
	}
}

// keep writes pictures of the page, light and dark, into the folder that
// EMBLEM_SCREENSHOTS names.
func keep(t *testing.T, ctx context.Context, name string) {
	dir := os.Getenv("EMBLEM_SCREENSHOTS")
	if dir == "" {
		return
	}
	for _, scheme := range []string{"dark", "light"} {
		var png []byte
		media := emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}})
		if err := chromedp.Run(ctx, media, chromedp.Sleep(200*time.Millisecond), chromedp.CaptureScreenshot(&png)); err != nil {
			t.Log(err)
			return
		}
		file := fmt.Sprintf("%s-%s-%s.png", strings.ReplaceAll(t.Name(), "/", "-"), name, scheme)
		if err := os.WriteFile(filepath.Join(dir, file), png, 0o644); err != nil {
			t.Error(err)
		}
	}
}

// slash is the key / as a keyboard sends it. KeyEvent types its letter too, even where
// the page has taken the key.
func slash() chromedp.Action {
	key := func(kind keyboard.KeyType) chromedp.Action {
		return keyboard.DispatchKeyEvent(kind).WithKey("/").WithCode("Slash").WithWindowsVirtualKeyCode(191)
	}
	return chromedp.Tasks{key(keyboard.KeyRawDown), key(keyboard.KeyUp)}
}

// shows waits until an expression of the page is true.
func shows(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	drive(t, ctx, chromedp.Poll(expression, nil, chromedp.WithPollingTimeout(60*time.Second)))
}

// foundNames is the names of the found pictures, in the order of the page.
const foundNames = `[...document.querySelectorAll(".hit .name")].map(e => e.textContent).join(" ")`

// colourful is a server with a library of coloured pictures.
func colourful(t *testing.T, o Options) (*Server, *httptest.Server) {
	mine := &shelf{name: "mine", docs: map[string]Document{}}
	o.Libraries = shelves{"mine": mine}
	s := newTest(t, o)
	for i, c := range []color.RGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {255, 0, 60, 255}} {
		e, err := s.embed(t.Context(), embedRequest{inputs: []input{{picture: pngOf(c)}}})
		if err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprintf("/p/%s.png", []string{"red", "green", "blue", "<b>pink"}[i])
		mine.docs[id] = Document{ID: id, Vectors: map[string][][]float32{spaceImage: {e.vectors[0]}}, Metadata: map[string]any{"tag": []string{"warm", "cold", "cold", "warm"}[i], "taken": float64(i * 86400)}}
	}
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	return s, web
}

// TestPageSearches does what a visitor does, with clicks and keys, wide and
// narrow.
func TestPageSearches(t *testing.T) {
	for _, width := range []int{1280, 390} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			_, web := colourful(t, Options{})
			ctx := browser(t, web.URL, width)
			shows(t, ctx, `document.querySelectorAll(".hit").length === 4`)
			shows(t, ctx, `[...document.querySelectorAll(".hit img")].every(i => i.complete && i.naturalWidth > 0)`)
			keep(t, ctx, "all")

			// What is found by a picture from this device, and without another.
			file := filepath.Join(t.TempDir(), "mine.png")
			if err := os.WriteFile(file, red, 0o644); err != nil {
				t.Fatal(err)
			}
			drive(t, ctx, chromedp.SetUploadFiles("#file", []string{file}))
			shows(t, ctx, `document.querySelector(".chip")?.textContent.includes("mine.png") && `+foundNames+`.startsWith("red.png")`)
			keep(t, ctx, "by-picture")

			// One picture in full, then more like it: it is the query now.
			drive(t, ctx, chromedp.Click(`.hit:nth-child(2) > button`))
			shows(t, ctx, `document.getElementById("detail").open && document.getElementById("detail-name").textContent === "<b>pink.png"`)
			keep(t, ctx, "detail")
			drive(t, ctx, chromedp.Click("#similar"))
			shows(t, ctx, `document.querySelectorAll(".chip").length === 1 && document.querySelector(".chip").textContent.includes("<b>pink.png")`)

			// Backspace takes the chip away, a filter narrows, a bad answer is told.
			drive(t, ctx, chromedp.Focus("#query"), chromedp.KeyEvent(kb.Backspace))
			shows(t, ctx, `document.querySelectorAll(".chip").length === 0`)
			drive(t, ctx, chromedp.SendKeys("#filter", "cold"))
			shows(t, ctx, `document.querySelectorAll(".hit").length === 2`)
			drive(t, ctx, chromedp.SetValue("#sort", "oldest"), chromedp.Evaluate(`document.getElementById("sort").dispatchEvent(new Event("change"))`, nil))
			shows(t, ctx, foundNames+` === "green.png blue.png"`)

			// Select two and see the bar.
			drive(t, ctx, chromedp.Click(`.hit:nth-child(1) input`), chromedp.Click(`.hit:nth-child(2) input`))
			shows(t, ctx, `document.getElementById("count").textContent === "2 selected" && !document.getElementById("selection").hidden`)
			keep(t, ctx, "selected")
			shows(t, ctx, `document.documentElement.scrollWidth <= innerWidth`)
		})
	}
}

// TestPageSaysNothing types something that is not there.
func TestPageSaysNothing(t *testing.T) {
	_, web := colourful(t, Options{})
	ctx := browser(t, web.URL, 1280)
	shows(t, ctx, `document.querySelectorAll(".hit").length === 4`)
	drive(t, ctx, chromedp.SendKeys("#filter", "nobody"))
	shows(t, ctx, `document.getElementById("nothing").textContent.includes("No picture passes")`)
}

// TestPageLogsIn comes without a key, with a wrong one and with the right one.
func TestPageLogsIn(t *testing.T) {
	_, web := colourful(t, Options{Keys: ring{"secret": {Name: "k", Scopes: []Scope{ScopeSearch}}}})
	ctx := browser(t, web.URL, 1280)
	shows(t, ctx, `document.getElementById("login").open`)
	drive(t, ctx, chromedp.SendKeys("#key", "wrong"), chromedp.Click("#login-form button"))
	shows(t, ctx, `document.getElementById("login-error").textContent.includes("not known")`)
	keep(t, ctx, "wrong")
	drive(t, ctx, chromedp.SetValue("#key", "secret"), chromedp.Click("#login-form button"))
	shows(t, ctx, `!document.getElementById("login").open && document.querySelectorAll(".hit").length === 4`)
	shows(t, ctx, `document.cookie === ""`) // no script can read the session
}

// TestPageKeyboard searches and opens a picture without a mouse.
func TestPageKeyboard(t *testing.T) {
	_, web := colourful(t, Options{})
	ctx := browser(t, web.URL, 1280)
	shows(t, ctx, `document.querySelectorAll(".hit").length === 4 && document.activeElement.id === "query"`)
	drive(t, ctx, chromedp.KeyEvent(kb.ArrowDown))
	shows(t, ctx, `document.activeElement.closest(".hit") === document.querySelector(".hit")`)
	drive(t, ctx, chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.Enter))
	shows(t, ctx, `document.getElementById("detail").open`)
	drive(t, ctx, chromedp.KeyEvent(kb.Escape))
	shows(t, ctx, `!document.getElementById("detail").open`)
	drive(t, ctx, slash())
	shows(t, ctx, `document.activeElement.id === "query"`)
}

// TestPageSaysWhy shows where in a picture the words are seen, and for a query
// without words has no button for it.
func TestPageSaysWhy(t *testing.T) {
	_, web := colourful(t, Options{})
	ctx := browser(t, web.URL, 1280)
	shows(t, ctx, `document.querySelectorAll(".hit").length === 4`)
	drive(t, ctx, chromedp.Click(`.hit:nth-child(1) > button`))
	shows(t, ctx, `document.getElementById("detail").open && document.getElementById("heat-row").hidden`)
	drive(t, ctx, chromedp.KeyEvent(kb.Escape), chromedp.SendKeys("#query", "a thing - cold"))
	shows(t, ctx, `document.querySelectorAll(".hit .chance").length > 0 && document.querySelector(".hit .chance").textContent !== ""`)
	drive(t, ctx, chromedp.Click(`.hit:nth-child(1) > button`), chromedp.Click("#heat-toggle"))
	shows(t, ctx, `!document.getElementById("heat").hidden && document.getElementById("heat").ariaLabel === "The model sees “a thing” most strongly in the upper left."`)
	shows(t, ctx, `document.getElementById("heat-words").textContent.startsWith(document.getElementById("heat").ariaLabel)`)
	// Yellow above on the left, blue below on the right, nothing beside the part
	// that the model saw.
	shows(t, ctx, `(() => {
		const c = document.getElementById("heat"), at = (x, y) => c.getContext("2d").getImageData(x * c.width, y * c.height, 1, 1).data
		const [strong, weak, beside] = [at(0.3, 0.2), at(0.7, 0.8), at(0.01, 0.5)]
		return strong[0] > 200 && strong[3] > 50 && weak[2] > weak[0] && weak[3] > 50 && beside[3] === 0
	})()`)
	keep(t, ctx, "why")
	drive(t, ctx, chromedp.Click("#heat-toggle"))
	shows(t, ctx, `document.getElementById("heat").hidden && document.getElementById("heat-toggle").getAttribute("aria-pressed") === "false"`)
}
