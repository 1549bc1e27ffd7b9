package server

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// framed says that the picture has a box drawn in pure yellow, which the map alone, being
// translucent, does not have.
const framed = `(() => { const c = document.getElementById("ask-heat"), d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
	for (let i = 0; i < d.length; i += 4) if (d[i] === 255 && d[i+1] === 234 && d[i+2] === 70 && d[i+3] === 255) return true; return false })()`

// TestPageAsks asks the library, then about one of its sources, looks where the answer was
// seen, and corrects it, wide and narrow.
func TestPageAsks(t *testing.T) {
	for _, width := range []int{1280, 390} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			ctx, libraries := page(t, width, Options{})
			shows(t, ctx, `document.querySelectorAll(".hit").length === 3`)
			drive(t, ctx, chromedp.Click(`[data-view=question]`))
			shows(t, ctx, `document.activeElement.id === "question-title" && document.getElementById("ask-scope").textContent === "About all pictures of mine"`)
			drive(t, ctx, chromedp.SendKeys("#ask-question", "how many of my pictures show a dog?"+kb.Enter))
			shows(t, ctx, `document.querySelector(".answer")?.textContent === "about 2 (between 1 and 3)" && document.querySelectorAll(".sources img").length === 6`)
			shows(t, ctx, `[...document.querySelectorAll(".sources img")].every(i => i.complete && i.naturalWidth > 0)`)
			keep(t, ctx, "library")
			shows(t, ctx, fits)
			drive(t, ctx, chromedp.Click(".sources li:nth-child(1) button"))
			shows(t, ctx, `!document.getElementById("ask-shown").hidden && document.querySelectorAll(".turn").length === 0`)
			drive(t, ctx, chromedp.SendKeys("#ask-question", "is it a cat or a dog?"+kb.Enter))
			shows(t, ctx, `document.querySelectorAll(".chances li").length === 2 && document.querySelector(".turn:not(.partial) .where")`)
			drive(t, ctx, chromedp.Click(".where"))
			shows(t, ctx, `!document.getElementById("ask-heat").hidden && document.getElementById("ask-say").textContent.startsWith("Where the model sees")`)
			shows(t, ctx, framed)
			keep(t, ctx, "picture")
			shows(t, ctx, fits)
			drive(t, ctx, chromedp.Click(`//button[text()="Correct this"]`))
			drive(t, ctx, chromedp.SendKeys(`[aria-label="The right answer"]`, "a fox"+kb.Enter))
			shows(t, ctx, `document.querySelector(".kept")?.textContent.startsWith("Kept: a fox.")`)
			drive(t, ctx, chromedp.SendKeys("#ask-question", "is it a cat or a dog?"+kb.Enter))
			shows(t, ctx, `document.querySelector(".turn:nth-child(2) .answer")?.textContent === "a fox"`)
			drive(t, ctx, chromedp.Click(`//button[text()="Take it back"]`))
			shows(t, ctx, `document.querySelector(".kept")?.textContent.endsWith("Taken back.")`)
			if n := len(libraries["mine"].corrections); n != 0 {
				t.Errorf("%d corrections are left", n)
			}
			drive(t, ctx, chromedp.SendKeys("#ask-question", "why?"+kb.Enter))
			shows(t, ctx, `document.querySelector(".turn:nth-child(3) .bad")?.textContent.includes("simple questions only")`)
		})
	}
}
