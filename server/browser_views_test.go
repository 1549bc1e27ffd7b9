package server

import (
	"context"
	"fmt"
	"image/color"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// page is a server with a library of colours, each of them twice, in a browser.
func page(t *testing.T, width int, o Options) (context.Context, shelves) {
	t.Helper()
	libraries := shelves{"mine": {name: "mine", docs: map[string]Document{}}}
	o.Libraries = libraries
	s := newTest(t, o)
	for i, c := range []color.RGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}} {
		e, err := s.embed(t.Context(), embedRequest{inputs: []input{{picture: pngOf(c)}}})
		if err != nil {
			t.Fatal(err)
		}
		for k := range 2 {
			id := fmt.Sprintf("/p/%s%d.png", []string{"red", "green", "blue"}[i], k)
			libraries["mine"].docs[id] = Document{ID: id, Vectors: map[string][][]float32{spaceImage: {e.vectors[0]}}, Metadata: map[string]any{"tag": []string{"warm", "cold", "cold"}[i], "year": 2020 + k}}
		}
	}
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	ctx := browser(t, web.URL, width)
	drive(t, ctx, chromedp.EmulateViewport(int64(width), 900))
	return ctx, libraries
}

// fits says that nothing is wider than the screen.
const fits = `document.documentElement.scrollWidth <= innerWidth`

// facetNumbers are the values beside the results, with their counts.
const facetNumbers = `[...document.querySelectorAll("#facets .value")].map(b => b.querySelector(".label").textContent + b.querySelector(".number").textContent).join(" ")`

// TestPageNarrowsDown clicks values beside the results, on and off, wide and narrow.
func TestPageNarrowsDown(t *testing.T) {
	for _, width := range []int{1280, 390} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			ctx, _ := page(t, width, Options{})
			shows(t, ctx, facetNumbers+` === "cold4 warm2 20203 20213"`)
			if width < 700 {
				shows(t, ctx, `!document.getElementById("facets").offsetParent`)
				drive(t, ctx, chromedp.Click("#narrow"))
			}
			drive(t, ctx, chromedp.WaitVisible("#facets"))
			keep(t, ctx, "facets")
			drive(t, ctx, chromedp.Click(`#facets .facet:nth-child(1) li:nth-child(1) .value`))
			shows(t, ctx, `document.querySelectorAll(".hit").length === 2 && document.querySelector("#filters .chip")?.textContent.startsWith("tag: cold")`)
			shows(t, ctx, `document.querySelector("#facets .value[aria-pressed=true] .label")?.textContent === "cold" && location.hash.includes("only=tag")`)
			drive(t, ctx, chromedp.SendKeys("#filter", "year:2021"))
			shows(t, ctx, `document.querySelectorAll(".hit").length === 2 && document.querySelectorAll(".stack").length === 0`)
			keep(t, ctx, "narrowed")
			drive(t, ctx, chromedp.Click(`#filters .chip button`))
			shows(t, ctx, `document.querySelectorAll(".hit").length === 3 && document.getElementById("filters").hidden`)
			shows(t, ctx, fits)
		})
	}
}

// TestPageUnfolds shows what looks the same, by click and by key.
func TestPageUnfolds(t *testing.T) {
	ctx, _ := page(t, 1280, Options{})
	shows(t, ctx, foundNames+` === "blue0.png green0.png red0.png" && document.querySelector(".alike")?.textContent === "+1" && !document.getElementById("facets").hidden`)
	drive(t, ctx, chromedp.Click(".hit:nth-child(1) .alike"))
	shows(t, ctx, foundNames+` === "blue0.png blue1.png green0.png red0.png" && document.querySelector(".alike")?.getAttribute("aria-expanded") === "true" && document.activeElement.classList.contains("alike")`)
	keep(t, ctx, "unfolded")
	drive(t, ctx, chromedp.Click(".hit:nth-child(1) .alike"))
	shows(t, ctx, `document.querySelectorAll(".hit").length === 3`)
	drive(t, ctx, slash())
	shows(t, ctx, `document.activeElement.id === "query"`)
	drive(t, ctx, chromedp.KeyEvent(kb.ArrowDown))
	shows(t, ctx, `document.activeElement.dataset.id === "/p/blue0.png"`)
	drive(t, ctx, chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent("d"))
	shows(t, ctx, foundNames+` === "blue0.png green0.png green1.png red0.png" && document.activeElement.dataset.id === "/p/green0.png"`)
	drive(t, ctx, chromedp.KeyEvent(kb.ArrowRight))
	shows(t, ctx, `document.activeElement.ariaLabel === "green1.png, looks the same as green0.png"`)
	drive(t, ctx, chromedp.KeyEvent("d")) // from the copy too
	shows(t, ctx, `document.querySelectorAll(".hit").length === 3 && document.activeElement.dataset.id === "/p/green0.png"`)
	drive(t, ctx, chromedp.Click(".hit:nth-child(1) input"), chromedp.Click(".hit:nth-child(3) input"), chromedp.Click("#like-selected"))
	shows(t, ctx, `document.querySelectorAll("#chips .chip").length === 2 && document.getElementById("selection").hidden`)
}

// TestPageManages indexes a folder with its progress, cancels another, and makes,
// renames, checks and removes libraries.
func TestPageManages(t *testing.T) {
	for _, width := range []int{1280, 390} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			ctx, libraries := page(t, width, Options{})
			shows(t, ctx, `document.querySelectorAll(".hit").length === 3`)
			drive(t, ctx, chromedp.Click(`[data-view=libraries]`))
			shows(t, ctx, `document.activeElement.id === "libraries-title" && document.querySelectorAll("#library-list > li").length === 1`)

			drive(t, ctx, chromedp.Click(`[aria-label="Stats mine"]`))
			shows(t, ctx, `document.querySelector(".more-facts")?.textContent.includes("back to write 3") && document.querySelector('[aria-label="Stats mine"]').getAttribute("aria-expanded") === "true"`)
			drive(t, ctx, chromedp.Click(`[aria-label="Duplicates mine"]`))
			shows(t, ctx, `document.querySelectorAll(".group img").length === 6 && document.getElementById("libraries-say").textContent.startsWith("3 groups of 6")`)
			drive(t, ctx, chromedp.Click(`[aria-label="Verify mine"]`))
			shows(t, ctx, `document.querySelector(".job.done .soft")?.textContent.startsWith("sound: 6 documents")`)
			keep(t, ctx, "libraries")

			drive(t, ctx, chromedp.SendKeys("#index-library", "holidays"), chromedp.Click(".folder"))
			shows(t, ctx, `document.getElementById("folder-now").textContent === "/allowed" && !document.getElementById("index-start").disabled`)
			folder := func(n int) chromedp.Action {
				return chromedp.Click(fmt.Sprintf("#folder-list li:nth-child(%d) button", n))
			}
			drive(t, ctx, folder(2))
			shows(t, ctx, `document.getElementById("folder-now").textContent === "/allowed/good"`)
			drive(t, ctx, chromedp.Click("#index-start"))
			shows(t, ctx, `document.querySelector("#jobs li:first-child.done .soft")?.textContent === "done: 2 added" && document.querySelectorAll("#library-list > li").length === 2`)
			drive(t, ctx, folder(1))
			shows(t, ctx, `document.getElementById("folder-now").textContent === "/allowed"`)
			drive(t, ctx, folder(4))
			shows(t, ctx, `document.getElementById("folder-now").textContent === "/allowed/endless"`)
			drive(t, ctx, chromedp.Click("#index-start"))
			shows(t, ctx, `document.querySelector("#jobs li:first-child progress")?.value === 1 && document.querySelector("#jobs li:first-child .soft").textContent === "1 of 2"`)
			keep(t, ctx, "indexing")
			drive(t, ctx, chromedp.Click("#jobs li:first-child button"))
			shows(t, ctx, `document.querySelector("#jobs li:first-child")?.classList.contains("cancelled") && !document.querySelector("#jobs li:first-child button")`)

			drive(t, ctx, chromedp.SendKeys("#create-name", "notes"), chromedp.KeyEvent(kb.Enter))
			shows(t, ctx, `document.getElementById("libraries-say").textContent === "The library notes is made."`)
			drive(t, ctx, chromedp.Click(`[aria-label="Rename notes"]`))
			shows(t, ctx, `document.getElementById("ask").open`)
			drive(t, ctx, chromedp.SetValue("#ask-name", "papers"), chromedp.Click("#ask-yes"))
			shows(t, ctx, `document.querySelector('[aria-label="Delete papers"]') && [...document.getElementById("library").options].some(o => o.value === "papers")`)
			drive(t, ctx, chromedp.Click(`[aria-label="Delete papers"]`))
			shows(t, ctx, `document.getElementById("ask").open && document.activeElement.id === "ask-no"`)
			keep(t, ctx, "sure")
			drive(t, ctx, chromedp.KeyEvent(kb.Enter)) // no
			shows(t, ctx, `!document.getElementById("ask").open && !!document.querySelector('[aria-label="Delete papers"]')`)
			drive(t, ctx, chromedp.Click(`[aria-label="Delete papers"]`))
			shows(t, ctx, `document.activeElement.id === "ask-no"`) // a click meets a dialog that stands
			drive(t, ctx, chromedp.Click("#ask-yes"))
			shows(t, ctx, `!document.querySelector('[aria-label="Delete papers"]')`)
			if libraries["papers"] != nil || libraries["mine"] == nil {
				t.Errorf("libraries are %v", libraries)
			}
			shows(t, ctx, fits)
			drive(t, ctx, chromedp.Click(`[aria-label="Search mine"]`))
			shows(t, ctx, `!document.getElementById("view-search").hidden && document.querySelectorAll(".hit").length === 3`)
		})
	}
}

// TestPageHidesManagement from keys that may not.
func TestPageHidesManagement(t *testing.T) {
	ctx, _ := page(t, 1280, Options{Keys: ring{"secret": {Name: "k", Scopes: []Scope{ScopeSearch, ScopeEmbed}}}})
	shows(t, ctx, `document.getElementById("login").open`)
	drive(t, ctx, chromedp.SetValue("#key", "secret"), chromedp.Click("#login-form button"))
	shows(t, ctx, `document.querySelectorAll(".hit").length === 3`)
	drive(t, ctx, chromedp.Click(`[data-view=libraries]`))
	shows(t, ctx, `document.querySelectorAll("#library-list button").length === 1 && document.getElementById("manage").hidden`)
}

// TestPageModelsAndHealth goes to both views by keys.
func TestPageModelsAndHealth(t *testing.T) {
	for _, width := range []int{1280, 390} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			ctx, _ := page(t, width, Options{Version: "1.2.3", Suggestions: []Suggestion{{Model: "org/photos", Bytes: 605e6, Licence: "MIT", Knows: "search photos", Time: "a minute"}}})
			shows(t, ctx, `document.querySelectorAll(".hit").length === 3`)
			drive(t, ctx, chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent("4"))
			shows(t, ctx, `document.activeElement.id === "models-title" && document.getElementById("model-list").textContent.includes("org/fake-clip") && document.getElementById("model-list").textContent.includes("mine")`)
			shows(t, ctx, `["605 MB", "MIT", "emblem pull org/photos"].every(w => document.getElementById("suggestion-list").textContent.includes(w))`)
			keep(t, ctx, "models")
			shows(t, ctx, fits)
			drive(t, ctx, chromedp.KeyEvent("5"))
			shows(t, ctx, `document.getElementById("verdict").classList.contains("good") && document.getElementById("health-facts").textContent.includes("1.2.3") && document.querySelectorAll(".queue meter").length === 2`)
			keep(t, ctx, "health")
			shows(t, ctx, fits)
			drive(t, ctx, chromedp.KeyEvent("?"))
			shows(t, ctx, `document.getElementById("about-box").open`)
		})
	}
}

// TestPageFirstRun offers the sample and says what photographs need, once.
func TestPageFirstRun(t *testing.T) {
	ctx, libraries := page(t, 1280, Options{Suggestions: []Suggestion{{Model: "org/photos", Bytes: 605e6, Licence: "MIT", Knows: "search photos", Time: "a minute"}}})
	shows(t, ctx, `document.getElementById("welcome").hidden`) // there is a library already
	libraries["samples"] = libraries["mine"]
	libraries["samples"].name = "samples"
	delete(libraries, "mine")
	drive(t, ctx, chromedp.Reload())
	shows(t, ctx, `!document.getElementById("welcome").hidden && document.getElementById("library").selectedOptions[0].textContent === "Sample: illustrations"`)
	drive(t, ctx, chromedp.Click("#try-photos"))
	// A model for photographs is loaded: the fake is none that is built in.
	shows(t, ctx, `document.getElementById("photos").open && document.getElementById("photos-text").textContent.includes("org/fake-clip is loaded")`)
	drive(t, ctx, chromedp.KeyEvent(kb.Escape), chromedp.Sleep(100*time.Millisecond), chromedp.Click("#try-sample"))
	shows(t, ctx, `document.getElementById("welcome").hidden && document.getElementById("query").value.includes("cat") && document.querySelectorAll(".hit").length === 3`)
	drive(t, ctx, chromedp.Reload())
	shows(t, ctx, `document.querySelectorAll(".hit").length === 3 && document.getElementById("welcome").hidden`)
}

// TestPagePhotosNeedAModel says which, with its size, licence and the time.
func TestPagePhotosNeedAModel(t *testing.T) {
	ctx, _ := page(t, 390, Options{Embedders: []Embedder{&fake{name: "builtin/search"}}, Suggestions: []Suggestion{{Model: "org/photos", Bytes: 605e6, Licence: "MIT", Knows: "search photos", Time: "a minute or two"}}})
	shows(t, ctx, `document.querySelectorAll(".hit").length > 0 || document.getElementById("status").textContent !== ""`)
	drive(t, ctx, chromedp.Evaluate(`document.getElementById("welcome").hidden = false`, nil), chromedp.Click("#try-photos"))
	shows(t, ctx, `["605 MB", "MIT", "a minute or two", "emblem pull org/photos", "emblem index --model org/photos"].every(w => document.getElementById("photos-text").textContent.includes(w))`)
	keep(t, ctx, "photos")
}

// TestPageNames: every control has a name that can be read out.
func TestPageNames(t *testing.T) {
	ctx, _ := page(t, 1280, Options{})
	shows(t, ctx, `document.querySelectorAll(".hit").length === 3 && !document.getElementById("facets").hidden`)
	var nameless []string
	find := `[...document.querySelectorAll("button, input, select, progress, meter")].filter(e => e.checkVisibility() && !(e.ariaLabel || e.textContent.trim() || e.labels?.length)).map(e => e.outerHTML)`
	for _, view := range []string{"search", "libraries", "models", "health"} {
		drive(t, ctx, chromedp.Click(fmt.Sprintf("[data-view=%s]", view)), chromedp.Sleep(300*time.Millisecond), chromedp.Evaluate(find, &nameless))
		if len(nameless) > 0 {
			t.Errorf("%s: without a name: %s", view, strings.Join(nameless, "\n"))
		}
	}
}
