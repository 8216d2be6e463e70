package page

import (
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	cdplog "github.com/chromedp/cdproto/log"
	cdppage "github.com/chromedp/cdproto/page"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/kubectl-oci/kubectl-oci/pkg/status"
)

// patience is how long a browser may take for one test on a loaded machine.
const patience = 2 * time.Minute

// browser is a Chromium with a profile of its own.
type browser struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // chromedp keeps the browser in it

	mu       sync.Mutex
	troubles []string // what the console, a dialog or a request told
}

func open(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("E2E_BROWSER") == "optional" {
			t.Skip("E2E_BROWSER is optional, and this machine has no chromium: the status page is not tested in a browser")
		}
		t.Fatal("there is no chromium: apt-get install chromium, or set E2E_BROWSER=optional to go without these tests")
	}
	profile, err := os.MkdirTemp("", "kubectl-oci-browser-") //nolint:usetesting // a folder that must be empty in the end would fail the test
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(profile) }) // children of the browser may outlive it, and write, for a moment
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	t.Cleanup(cancel)
	flags := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.Headless, chromedp.DisableGPU, chromedp.NoFirstRun,
	}
	for _, quiet := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage", "hide-scrollbars"} {
		flags = append(flags, chromedp.Flag(quiet, true))
	}
	ctx, cancel = chromedp.NewExecAllocator(ctx, flags...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil { // and waits for its end
			t.Log("end chromium:", err)
		}
	})
	b := &browser{t: t, ctx: ctx}
	chromedp.ListenTarget(ctx, b.listen)
	b.run(cdplog.Enable())
	return b
}

// listen takes down what a page that is well never causes.
func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *cdplog.EventEntryAdded:
		b.troubles = append(b.troubles, e.Entry.Text)
	case *cdpruntime.EventExceptionThrown:
		b.troubles = append(b.troubles, e.ExceptionDetails.Text)
	case *cdpruntime.EventConsoleAPICalled:
		b.troubles = append(b.troubles, "a script wrote to the console")
	case *cdppage.EventJavascriptDialogOpening:
		b.troubles = append(b.troubles, "a dialog opened: "+e.Message)
	}
}

func (b *browser) run(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// visit shows the page of an agent, and holds against the test what the browser complains of.
func (b *browser) visit(a status.Agent, query string) {
	b.t.Helper()
	handler, err := status.NewHandler(func(context.Context) (status.Agent, error) { return a, nil })
	if err != nil {
		b.t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	b.t.Cleanup(server.Close)
	b.run(chromedp.Navigate(server.URL+"/"+query), chromedp.WaitReady("footer"))
	b.t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, trouble := range b.troubles {
			b.t.Errorf("the browser says: %s", trouble)
		}
	})
}

// read gives the value of a JavaScript expression on the page.
func read[T any](b *browser, expression string) (value T) {
	b.t.Helper()
	b.run(chromedp.Evaluate(expression, &value))
	return value
}

// texts are those of all elements that a selector finds.
func (b *browser) texts(selector string) []string {
	b.t.Helper()
	return read[[]string](b, "[...document.querySelectorAll(`"+selector+"`)].map(e => e.innerText.trim())")
}
