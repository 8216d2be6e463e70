package proxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Admin lets a shell read counts and set faults:
//
//	curl $PROXY/counts
//	curl $PROXY/faults -d method=HEAD -d path=/manifests/ -d times=3 -d status=429 -d header='Retry-After: 2'
//	curl $PROXY/faults -d path=/blobs/ -d delay=250ms -d action=reset -d at=1000
//	curl $PROXY/faults
//	curl -X DELETE $PROXY/faults/1
//	curl -X DELETE $PROXY/faults
//
// Field names are those of Fault in lower case; header may be given several times.
func (p *Proxy) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /counts", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, p.Counts()) })
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, p.faultList()) })
	mux.HandleFunc("POST /faults", p.postFault)
	mux.HandleFunc("DELETE /faults", func(http.ResponseWriter, *http.Request) { p.Clear() })
	mux.HandleFunc("DELETE /faults/{id}", p.deleteFault)
	return mux
}

type listed struct {
	ID   int `json:"id"`
	Hits int `json:"hits"`
	Fault
}

func (p *Proxy) faultList() []listed {
	list := []listed{}
	for _, i := range p.Faults() {
		list = append(list, listed{i.ID, i.Hits(), i.Fault})
	}
	return list
}

func (p *Proxy) postFault(w http.ResponseWriter, r *http.Request) {
	f, err := parseFault(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	i, err := p.Inject(f)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	writeJSON(w, listed{ID: i.ID, Fault: i.Fault})
}

func (p *Proxy) deleteFault(w http.ResponseWriter, r *http.Request) {
	for _, i := range p.Faults() {
		if strconv.Itoa(i.ID) == r.PathValue("id") {
			i.Remove()
			return
		}
	}
	http.Error(w, "no such fault", http.StatusNotFound)
}

// parseFault reads the fields of a form. One that it does not know is an error: a typo would else make a fault that
// fails everything.
func parseFault(r *http.Request) (Fault, error) {
	if err := r.ParseForm(); err != nil {
		return Fault{}, err
	}
	var f Fault
	for name, values := range r.Form {
		for _, value := range values {
			if err := f.set(name, value); err != nil {
				return Fault{}, fmt.Errorf("field %q: %w", name, err)
			}
		}
	}
	return f, nil
}

func (f *Fault) set(name, value string) (err error) {
	switch name {
	case "method":
		f.Method = strings.ToUpper(value)
	case "path":
		f.Path, err = regexp.Compile(value)
	case "times":
		f.Times, err = strconv.Atoi(value)
	case "delay":
		f.Delay, err = time.ParseDuration(value)
	case "status":
		f.Status, err = strconv.Atoi(value)
	case "action":
		f.Action = Action(value)
	case "at":
		f.At, err = strconv.ParseInt(value, 10, 64)
	case "instead":
		f.Instead = value
	case "header":
		err = f.addHeader(value)
	default:
		err = fmt.Errorf("not known")
	}
	return err
}

func (f *Fault) addHeader(line string) error {
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		return fmt.Errorf("want \"Name: value\", got %q", line)
	}
	if f.Header == nil {
		f.Header = http.Header{}
	}
	f.Header.Add(textproto.TrimString(name), textproto.TrimString(value))
	return nil
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(v) // the client has gone
}
