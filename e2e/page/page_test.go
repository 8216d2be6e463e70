package page

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-oci/kubectl-oci/pkg/status"
)

var screenshot = flag.String("screenshot", "", "`file` to write the picture of the page to that the documentation has")

func TestTable(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.visit(busy(), "")
	want := []string{
		"payments/fraud-rules", "payments/ledger", "platform/ingress", "platform/monitoring", "sandbox/experiment", "shop/basket", "shop/storefront",
	}
	if diff := cmp.Diff(want, b.texts("tbody th .mono:not(.sub)")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Object", "State", "Revision", "Polled", "Signature"}, b.texts("thead th")); diff != "" {
		t.Error(diff)
	}
	for _, part := range []string{"no signature by a key", "docker.io grants no more pulls", "next in 3 min", "46.3 MiB, 14 artifacts", "leads"} {
		if !strings.Contains(strings.Join(b.texts("body"), ""), part) {
			t.Errorf("no %q", part)
		}
	}
}

// Somebody looks for what fails in a namespace, by mouse or by keyboard, page by page; the address tells what is shown.
func TestFilter(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.visit(many(250), "?limit=20")
	b.run(chromedp.SendKeys(`input[name=namespace]`, "apps", chromedp.ByQuery), chromedp.SetValue(`select[name=state]`, "failing", chromedp.ByQuery))
	b.follow(chromedp.Click("form button", chromedp.ByQuery))
	if got := b.texts("caption")[0]; got != "20 of 25 objects in namespace apps" {
		t.Errorf("got %q", got)
	}
	b.follow(chromedp.Click(`a[rel=next]`, chromedp.ByQuery))
	if got, rows := b.texts("caption")[0], b.texts("tbody th"); len(rows) != 5 || !strings.HasPrefix(rows[4], "apps/app-0240") {
		t.Errorf("the next page has %q with %q", got, rows)
	}
	if address := read[string](b, "location.search"); !strings.Contains(address, "namespace=apps") || !strings.Contains(address, "state=failing") {
		t.Errorf("the address is %s", address)
	}
	if chosen := b.texts(`.tile[aria-current]`); len(chosen) != 1 || !strings.Contains(chosen[0], "failing") {
		t.Errorf("chosen: %q", chosen)
	}
}

// follow does what leads to another page, and waits for that.
func (b *browser) follow(action chromedp.Action) {
	b.t.Helper()
	if _, err := chromedp.RunResponse(b.ctx, action); err != nil {
		b.t.Fatal(err)
	}
	b.run(chromedp.WaitReady("footer"))
}

// By keyboard alone: the first stop leads past what repeats on each page, and every stop can be seen.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.visit(busy(), "")
	b.run(chromedp.KeyEvent(kb.Tab))
	if got := read[string](b, "document.activeElement.innerText"); got != "Skip to the objects" || !read[bool](b, "document.activeElement.getBoundingClientRect().left >= 0") {
		t.Errorf("the first stop is %q, or cannot be seen", got)
	}
	b.run(chromedp.KeyEvent(kb.Enter))
	if got := read[string](b, "document.activeElement.id"); got != "objects" {
		t.Errorf("it leads to %q", got)
	}
	var stops []string
	for range 5 {
		b.run(chromedp.KeyEvent(kb.Tab))
		stops = append(stops, read[string](b, "document.activeElement.name || document.activeElement.tagName"))
		if !read[bool](b, "getComputedStyle(document.activeElement).outlineStyle !== 'none'") {
			t.Errorf("%s has no outline", stops[len(stops)-1])
		}
	}
	if diff := cmp.Diff([]string{"namespace", "state", "refresh", "BUTTON", "DIV"}, stops); diff != "" {
		t.Error(diff)
	}
}

// What people with a screen reader need, and everybody with a small screen; in light and in dark.
func TestAccessible(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.visit(busy(), "")
	for what, check := range map[string]string{
		"a language":                       `document.documentElement.lang === "en"`,
		"a title":                          `document.title === "(2) OCI agent"`,
		"one heading of the first level":   `document.querySelectorAll("h1").length === 1`,
		"landmarks":                        `["body > header", "nav[aria-label]", "main", "body > footer", "[role=search]"].every(s => document.querySelector(s))`,
		"navigations that are told apart":  `[...document.querySelectorAll("nav")].every(n => n.ariaLabel)`,
		"sections with a name":             `[...document.querySelectorAll("[aria-labelledby]")].every(s => document.getElementById(s.getAttribute("aria-labelledby")))`,
		"a caption":                        `document.querySelector("table > caption").innerText.length > 0`,
		"headers that say of what":         `[...document.querySelectorAll("th")].every(h => h.scope === "col" || h.scope === "row")`,
		"a header in each row":             `[...document.querySelectorAll("tbody > tr:first-child")].every(r => r.querySelector("th[scope=row]"))`,
		"fields with a label":              `[...document.querySelectorAll("input:not([type=hidden]), select")].every(f => f.labels.length > 0)`,
		"links with a text":                `[...document.querySelectorAll("a")].every(a => a.innerText.trim().length > 0)`,
		"identifiers that occur once":      `new Set([...document.querySelectorAll("[id]")].map(e => e.id)).size === document.querySelectorAll("[id]").length`,
		"times for programs":               `[...document.querySelectorAll("time")].every(t => !isNaN(Date.parse(t.dateTime)))`,
		"states that do not need a colour": `[...document.querySelectorAll(".state")].every(s => s.innerText.trim().length > 0)`,
		"no script":                        `document.scripts.length === 0`,
		"nothing loaded":                   `performance.getEntriesByType("resource").length === 0`,
	} {
		if !read[bool](b, check) {
			t.Errorf("the page lacks: %s", what)
		}
	}
	for _, scheme := range []string{"light", "dark"} {
		b.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
		if pale := read[[]string](b, contrast); len(pale) > 0 {
			t.Errorf("in %s, too pale: %s", scheme, strings.Join(pale, "; "))
		}
		if n := read[int](b, "document.querySelectorAll('*').length"); n < 100 {
			t.Errorf("only %d elements", n)
		}
	}
	b.run(chromedp.EmulateViewport(360, 800))
	if !read[bool](b, "document.scrollingElement.scrollWidth <= 360") {
		t.Error("on a small screen the whole page scrolls sideways")
	}
}

// contrast lists texts whose contrast with what is behind them is below what WCAG 2.2 asks for, level AA: 4.5, or 3 where they are large.
const contrast = `(() => {
  const parse = c => { const p = c.match(/[\d.]+/g).map(Number); return p.length < 4 ? [...p, 1] : p; };
  const luminance = c => { const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; } return [255, 255, 255, 1]; };
  const pale = [];
  for (const e of document.querySelectorAll("body *")) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const style = getComputedStyle(e), size = parseFloat(style.fontSize);
    const [a, b] = [luminance(parse(style.color)), luminance(behind(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05), large = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
    if (ratio < (large ? 3 : 4.5)) pale.push(e.innerText.slice(0, 30) + " " + ratio.toFixed(2));
  }
  return pale;
})()`

// What tenants and registries write shows as it is written, and does nothing.
func TestHostileTextDoesNothing(t *testing.T) {
	t.Parallel()
	b := open(t)
	const evil = `"><script>alert(1)</script><img src="//example.com/x" onerror="alert(2)"><style>*{display:none}</style><a href="javascript:alert(3)">x</a>`
	a := busy()
	a.Instance, a.Registries[0].Host = evil, evil
	a.Objects = []status.Object{{
		Namespace: evil, Name: evil, URL: "oci://" + evil, Reference: evil, Revision: evil, State: status.Failing, Signature: status.Refused, Reason: evil, Message: evil,
	}}
	b.visit(a, "")
	if n := read[int](b, `document.querySelectorAll("script, img, main style, main a[href^=javascript]").length`); n != 0 {
		t.Errorf("%d elements are somebody else's", n)
	}
	if n := strings.Count(strings.Join(b.texts("main"), ""), evil); n < 5 {
		t.Errorf("the text is there %d times", n)
	}
}

// The picture in the documentation, made where somebody asks for it.
func TestScreenshot(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.visit(busy(), "")
	var picture []byte
	b.run(chromedp.EmulateViewport(1180, 900), chromedp.FullScreenshot(&picture, 100))
	if len(picture) < 20_000 {
		t.Errorf("the picture has %d bytes", len(picture))
	}
	if *screenshot != "" {
		if err := os.WriteFile(*screenshot, picture, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
