package sigstore

import (
	"encoding/json"
	"net/http"
)

const maxRequest = 16 << 20 // bytes

// send answers in JSON.
func send(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client has gone
}

// refuse says why, as these services do.
func refuse(w http.ResponseWriter, status int, err error) {
	send(w, status, map[string]any{"code": status, "message": err.Error()})
}
