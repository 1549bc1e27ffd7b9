package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/color"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/emblem-search/emblem/vit"
)

// TestRegionTerms: what a library is asked for parts of pictures.
func TestRegionTerms(t *testing.T) {
	picture := pngOf(color.RGBA{255, 0, 0, 255})
	url := dataURL(picture)
	for _, c := range []struct {
		body   string
		region *vit.Window
		file   bool // the library gets the picture, not a vector
	}{
		{fmt.Sprintf(`{"terms":[{"image":%q,"region":[0.25,0.5,0.5,0.25]}]}`, url), &vit.Window{Left: 0.25, Top: 0.5, Right: 0.75, Bottom: 0.75}, true},
		{`{"terms":[{"document":"a","region":[0,0,1,1]}]}`, &vit.Window{Right: 1, Bottom: 1}, false},
		{fmt.Sprintf(`{"late":true,"terms":[{"image":%q}]}`, url), nil, true},
		{fmt.Sprintf(`{"terms":[{"image":%q}]}`, url), nil, false},
	} {
		var b searchBody
		if err := json.Unmarshal([]byte(c.body), &b); err != nil {
			t.Fatal(err)
		}
		f, inputs, err := b.find()
		if err != nil {
			t.Fatalf("%.80s: %v", c.body, err)
		}
		got := f.Terms[0]
		if (got.Region == nil) != (c.region == nil) || c.region != nil && *got.Region != *c.region || bytes.Equal(got.File, picture) != c.file || f.Late != b.Late {
			t.Errorf("%.80s: %+v", c.body, got)
		}
		if c.file == (len(inputs) == 1) && got.Document == "" {
			t.Errorf("%.80s: %d inputs for the model", c.body, len(inputs))
		}
	}
}

// TestRegionRefuses what is no region, or of nothing.
func TestRegionRefuses(t *testing.T) {
	s := withHeat(t, &fake{name: "org/fake-clip"})
	url := dataURL(pngOf(color.RGBA{255, 0, 0, 255}))
	for _, term := range []string{
		`{"text":"x","region":[0,0,1,1]}`, `{"document":"a","region":[0,0,1]}`, `{"document":"a","region":[0,0,0,1]}`, `{"document":"a","region":[0.6,0,0.5,1]}`,
		`{"document":"a","region":[-0.1,0,0.5,1]}`, `{"image":"data:image/png;base64,AAAA","region":[0,0,1,1]}`,
		`{"image":"https://example.org/a.png","region":[0,0,1,1]}`, fmt.Sprintf(`{"image":%q,"region":[0,0,2,1]}`, url),
	} {
		if w := do(s, "POST", "/v1/libraries/mine/search", `{"terms":[`+term+`]}`); w.Code/100 != 4 || !strings.Contains(w.Body.String(), `"message"`) {
			t.Errorf("%.80s: %d %s", term, w.Code, w.Body)
		}
	}
}

// TestPageSearchesAPart draws a box with the mouse, and moves and sizes one with the
// keys.
func TestPageSearchesAPart(t *testing.T) {
	_, web := colourful(t, Options{})
	ctx := browser(t, web.URL, 1280)
	shows(t, ctx, `document.querySelectorAll(".hit").length === 4`)
	drive(t, ctx, chromedp.Evaluate(`(() => { const real = fetch; window.sent = []; window.fetch = (url, o) => { if (o?.body) sent.push(JSON.parse(o.body)); return real(url, o) } })()`, nil))
	part := func() string { return `sent.findLast(b => b.terms?.[0]?.region)?.terms[0]` }
	drive(t, ctx, chromedp.Click(`.hit:nth-child(1) > button`), chromedp.WaitVisible("#detail-picture"), chromedp.Click("#region-toggle"))
	shows(t, ctx, `!document.getElementById("region").hidden && document.getElementById("region-words").textContent.startsWith("Draw a box")`)
	keep(t, ctx, "region")
	drive(t, ctx, chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowUp), chromedp.KeyEvent(kb.ArrowRight, chromedp.KeyModifiers(8)), chromedp.KeyEvent(kb.Enter))
	shows(t, ctx, part()+`?.region.map(x => x.toFixed(2)).join() === "0.30,0.20,0.55,0.50" && `+part()+`.document !== undefined`)
	shows(t, ctx, `!document.getElementById("detail").open && document.querySelector("#chips .chip").textContent.startsWith("a part of")`)
	drive(t, ctx, chromedp.Evaluate(`sent.length = 0`, nil), chromedp.Click(`.hit:nth-child(1) > button`), chromedp.WaitVisible("#detail-picture"), chromedp.Click("#region-toggle"))
	shows(t, ctx, `document.getElementById("detail-picture").complete && document.getElementById("detail-picture").naturalWidth > 0`)
	drive(t, ctx, chromedp.Evaluate(`(() => {
		const figure = document.getElementById("detail-figure"), picture = document.getElementById("detail-picture"), at = picture.getBoundingClientRect()
		figure.setPointerCapture = () => {}
		const scale = Math.min(at.width / picture.naturalWidth, at.height / picture.naturalHeight), w = picture.naturalWidth * scale, h = picture.naturalHeight * scale
		const send = (kind, x, y) => figure.dispatchEvent(new PointerEvent(kind, { clientX: at.left + (at.width - w) / 2 + x * w, clientY: at.top + (at.height - h) / 2 + y * h, pointerId: 1, bubbles: true }))
		send("pointerdown", 0.8, 0.1); send("pointermove", 0.5, 0.5); send("pointerup", 0.4, 0.6)
	})()`, nil))
	shows(t, ctx, part()+`?.region.map(x => x.toFixed(2)).join() === "0.40,0.10,0.40,0.50"`)
}
