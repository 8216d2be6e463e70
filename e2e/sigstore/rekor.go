package sigstore

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-openapi/runtime"
	"github.com/sigstore/rekor/pkg/generated/models"
	"github.com/sigstore/rekor/pkg/types"
	_ "github.com/sigstore/rekor/pkg/types/dsse/v0.0.1"         // registers itself
	_ "github.com/sigstore/rekor/pkg/types/hashedrekord/v0.0.1" // registers itself
	"github.com/sigstore/rekor/pkg/util"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/kubectl-oci/kubectl-oci/e2e/pki"
)

const (
	origin = "rekor.localhost" // whose log it says it is
	treeID = 1
)

// transparency is the log.
type transparency struct {
	key    *ecdsa.PrivateKey
	signer signature.SignerVerifier
	id     string // hex

	mu      sync.Mutex
	hashes  tree
	entries []logged
	known   map[string]int // index by uuid
}

// logged is an entry and when it came.
type logged struct {
	body []byte
	at   time.Time
}

func newTransparency() (*transparency, error) {
	l := &transparency{known: map[string]int{}}
	var err error
	if l.key, err = pki.NewKey(); err != nil {
		return nil, err
	}
	id, err := logID(l.key.Public())
	if err != nil {
		return nil, err
	}
	l.id = hex.EncodeToString(id[:])
	l.signer, err = signature.LoadECDSASignerVerifier(l.key, crypto.SHA256)
	return l, err
}

// addEntry checks an entry, as the log's library does, and adds it.
func (s *Sigstore) addEntry(w http.ResponseWriter, r *http.Request) {
	proposed, err := models.UnmarshalProposedEntry(http.MaxBytesReader(w, r.Body, maxRequest), runtime.JSONConsumer())
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	made, err := types.CreateVersionedEntry(proposed)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	body, err := types.CanonicalizeEntry(r.Context(), made)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	uuid, fresh := s.house.log.add(body, or(s.clock.Logged))
	w.Header().Set("ETag", uuid)
	w.Header().Set("Location", "/api/v1/log/entries/"+uuid)
	if !fresh {
		refuse(w, http.StatusConflict, errors.New("an equivalent entry already exists in the transparency log with UUID "+uuid))
		return
	}
	s.sendEntry(w, r, http.StatusCreated, uuid)
}

func (s *Sigstore) entryByID(w http.ResponseWriter, r *http.Request) {
	s.sendEntry(w, r, http.StatusOK, r.PathValue("uuid"))
}

func (s *Sigstore) entryByIndex(w http.ResponseWriter, r *http.Request) {
	index, err := strconv.Atoi(r.URL.Query().Get("logIndex"))
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	s.sendEntry(w, r, http.StatusOK, s.house.log.uuidAt(index))
}

func (s *Sigstore) sendEntry(w http.ResponseWriter, r *http.Request, status int, uuid string) {
	entry, err := s.house.log.entry(r.Context(), uuid)
	switch {
	case err != nil:
		refuse(w, http.StatusInternalServerError, err)
		return
	case entry == nil:
		refuse(w, http.StatusNotFound, errors.New("entry not found"))
		return
	case s.clock.Timeless:
		entry.Verification.SignedEntryTimestamp, entry.IntegratedTime = nil, new(int64)
	}
	send(w, status, models.LogEntry{uuid: *entry})
}

// add gives the name of an entry, and tells whether it is a new one.
func (l *transparency) add(body []byte, at time.Time) (uuid string, fresh bool) {
	hash := leafHash(body)
	uuid = hex.EncodeToString(hash[:])
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.known[uuid]; ok {
		return uuid, false
	}
	l.known[uuid] = len(l.entries)
	l.entries, l.hashes = append(l.entries, logged{body, at}), append(l.hashes, hash)
	return uuid, true
}

// uuidAt is empty where the log has no such entry.
func (l *transparency) uuidAt(index int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if index < 0 || index >= len(l.hashes) {
		return ""
	}
	return hex.EncodeToString(l.hashes[index][:])
}

// entry gives an entry with all that proves it; nil where the log has none of that name.
func (l *transparency) entry(ctx context.Context, uuid string) (*models.LogEntryAnon, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.known[uuid]
	if !ok {
		return nil, nil //nolint:nilnil // not found
	}
	entry := l.entries[at]
	body, index, when := base64.StdEncoding.EncodeToString(entry.body), int64(at), entry.at.Unix()
	promise, err := l.promise(body, index, when)
	if err != nil {
		return nil, err
	}
	proof, err := l.proof(ctx, at)
	return &models.LogEntryAnon{
		Body: body, IntegratedTime: &when, LogIndex: &index, LogID: &l.id,
		Verification: &models.LogEntryAnonVerification{InclusionProof: proof, SignedEntryTimestamp: promise},
	}, err
}

// promise signs what an entry is and when it came. Its JSON is canonical, for the names are in order and nothing needs escapes.
func (l *transparency) promise(body string, index, when int64) ([]byte, error) {
	text, err := json.Marshal(map[string]any{"body": body, "integratedTime": when, "logID": l.id, "logIndex": index})
	if err != nil {
		return nil, err
	}
	return signBytes(l.signer, text)
}

// proof that the log holds an entry, as large as it is now.
func (l *transparency) proof(ctx context.Context, at int) (*models.InclusionProof, error) {
	root := l.hashes.root()
	checkpoint, err := util.CreateAndSignCheckpoint(ctx, origin, treeID, uint64(len(l.hashes)), root[:], l.signer)
	if err != nil {
		return nil, err
	}
	path := []string{}
	for _, h := range l.hashes.path(at) {
		path = append(path, hex.EncodeToString(h[:]))
	}
	top, text, index, size := hex.EncodeToString(root[:]), string(checkpoint), int64(at), int64(len(l.hashes))
	return &models.InclusionProof{Checkpoint: &text, Hashes: path, LogIndex: &index, RootHash: &top, TreeSize: &size}, nil
}
