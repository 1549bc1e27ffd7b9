package server

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/emblem-search/emblem/internal/durable"
	"github.com/emblem-search/emblem/internal/lockfile"
)

// Key is what a keyring knows of a key: all but the key itself.
type Key struct {
	Name      string    `json:"name"`
	Scopes    []Scope   `json:"scopes"`
	Libraries []string  `json:"libraries,omitempty"` // none means all
	Rate      string    `json:"rate,omitempty"`      // requests, such as 600/m; "" means no limit
	Created   time.Time `json:"created"`
	Hash      string    `json:"hash,omitempty"` // the key's SHA-256, in hex
}

// Keyring keeps keys in a file, hashed. What another process changes in the file
// counts within a second. It implements Keys.
type Keyring struct {
	path string

	mu      sync.Mutex
	looked  time.Time // when the file was last looked at
	data    []byte    // what was read
	damaged bool      // the file is there and says nothing: nobody is let in
	keys    []*heldKey
}

type heldKey struct {
	Key
	sum    [sha256.Size]byte
	caller Caller
	limit  *rate.Limiter // nil: none
}

// OpenKeyring reads the keys in a file, which need not exist.
func OpenKeyring(path string) (*Keyring, error) {
	k := &Keyring{path: path}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k, k.read()
}

// freshness is how old what was read may be.
const freshness = 300 * time.Millisecond

// refresh reads the file again. One that cannot be read leaves no key valid, and
// the server shut: a key that was taken away must not live on, and a slip of an
// editor must not open the door.
func (k *Keyring) refresh() {
	if time.Since(k.looked) >= freshness {
		k.read()
	}
}

// read reads the file, whatever its times say: one that is written within a tick of
// the clock looks like the one before.
func (k *Keyring) read() error {
	k.looked = time.Now()
	data, err := os.ReadFile(k.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		k.keys, k.data, k.damaged = nil, nil, false
		return nil
	case err == nil && k.data != nil && !k.damaged && bytes.Equal(data, k.data):
		return nil
	}
	var keys []*heldKey
	if err == nil {
		keys, err = k.parse(data)
	}
	k.keys, k.data, k.damaged = keys, data, err != nil
	return err
}

func (k *Keyring) parse(data []byte) ([]*heldKey, error) {
	var list []Key
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("server: the file of keys %s is damaged: %w", k.path, err)
	}
	var keys []*heldKey
	for _, key := range list {
		h, err := key.held(k.keys)
		if err != nil {
			return nil, fmt.Errorf("server: the file of keys %s: %w", k.path, err)
		}
		keys = append(keys, h)
	}
	return keys, nil
}

// held makes a key ready; one that is known keeps the state of its rate. Who holds
// the old one may still be read by requests, so it stays as it is.
func (key Key) held(old []*heldKey) (*heldKey, error) {
	h := &heldKey{Key: key, caller: Caller{key.Name, key.Scopes, key.Libraries}}
	sum, err := hex.DecodeString(key.Hash)
	if err != nil || len(sum) != len(h.sum) {
		return nil, fmt.Errorf("the hash of %q is damaged", key.Name)
	}
	copy(h.sum[:], sum)
	for _, o := range old {
		if o.Hash == key.Hash && o.Rate == key.Rate {
			h.limit = o.limit
			return h, nil
		}
	}
	h.limit, err = parseRate(key.Rate)
	return h, err
}

var ratePattern = regexp.MustCompile(`^([1-9][0-9]{0,8})/(s|m|h)$`)

// parseRate reads a rate such as 600/m: so many at once, and so many a minute.
func parseRate(s string) (*rate.Limiter, error) {
	if s == "" {
		return nil, nil
	}
	m := ratePattern.FindStringSubmatch(s)
	if m == nil {
		return nil, fmt.Errorf("server: the rate %q is not of the form 600/m (s, m or h)", s)
	}
	n, _ := strconv.Atoi(m[1])
	per := map[string]float64{"s": 1, "m": 60, "h": 3600}[m[2]]
	return rate.NewLimiter(rate.Limit(float64(n)/per), n), nil
}

// Any says whether there is a key at all, or was before its file was damaged.
func (k *Keyring) Any() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refresh()
	return len(k.keys) > 0 || k.damaged
}

// Caller implements Keys. All keys are compared, each in constant time.
func (k *Keyring) Caller(key string) (*Caller, time.Duration) {
	sum := sha256.Sum256([]byte(key))
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refresh()
	var found *heldKey
	for _, h := range k.keys {
		if subtle.ConstantTimeCompare(h.sum[:], sum[:]) == 1 {
			found = h
		}
	}
	if found == nil {
		return nil, 0
	}
	if found.limit == nil {
		return &found.caller, 0
	}
	r := found.limit.Reserve()
	wait := r.Delay()
	if wait > 0 {
		r.Cancel()
	}
	return &found.caller, wait
}

var keyName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._ -]{0,63}$`)

// Add makes a key and returns it; it cannot be had again. No scope means embed
// and search.
func (k *Keyring) Add(name string, scopes []Scope, libraries []string, limit string) (string, error) {
	if !keyName.MatchString(name) {
		return "", fmt.Errorf("server: key name %q: use 1 to 64 letters, digits, spaces, dots, dashes, underscores", name)
	}
	if len(scopes) == 0 {
		scopes = []Scope{ScopeEmbed, ScopeSearch}
	}
	for _, s := range scopes {
		if !slices.Contains(AllScopes(), s) {
			return "", fmt.Errorf("server: there is no scope %q; there are %s", s, joined(AllScopes()))
		}
	}
	if _, err := parseRate(limit); err != nil {
		return "", err
	}
	var secret [32]byte
	rand.Read(secret[:])
	key := "emblem_" + base64.RawURLEncoding.EncodeToString(secret[:])
	sum := sha256.Sum256([]byte(key))
	return key, k.change(func(list []Key) ([]Key, error) {
		if slices.ContainsFunc(list, func(o Key) bool { return o.Name == name }) {
			return nil, fmt.Errorf("server: there is a key %q already; remove it first: emblem key rm %q", name, name)
		}
		return append(list, Key{name, scopes, libraries, limit, time.Now().UTC().Truncate(time.Second), hex.EncodeToString(sum[:])}), nil
	})
}

// AllScopes returns the scopes there are.
func AllScopes() []Scope {
	return []Scope{ScopeEmbed, ScopeSearch, ScopeAsk, ScopeDraw, ScopeWrite, ScopeAdmin}
}

func joined(scopes []Scope) string {
	var s []string
	for _, x := range scopes {
		s = append(s, string(x))
	}
	return strings.Join(s, ", ")
}

// Remove takes a key away; it stops working within a second.
func (k *Keyring) Remove(name string) error {
	return k.change(func(list []Key) ([]Key, error) {
		out := slices.DeleteFunc(list, func(o Key) bool { return o.Name == name })
		if len(out) == len(list) {
			return nil, fmt.Errorf("server: there is no key %q; emblem key list shows those there are", name)
		}
		return out, nil
	})
}

// List returns the keys by name.
func (k *Keyring) List() []Key {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refresh()
	var out []Key
	for _, h := range k.keys {
		out = append(out, h.Key)
	}
	slices.SortFunc(out, func(a, b Key) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// lockPatience is how long a change waits for those of other processes.
const lockPatience = 10 * time.Second

// change replaces the file as a whole. Processes do so one after the other, each
// with what the one before has written.
func (k *Keyring) change(f func([]Key) ([]Key, error)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	lock, err := k.lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := k.read(); err != nil {
		return err
	}
	var list []Key
	for _, h := range k.keys {
		list = append(list, h.Key)
	}
	list, err = f(list)
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	if err := replaceFile(k.path, append(data, '\n')); err != nil {
		return err
	}
	return k.read()
}

// lock keeps other processes from changing the file until it is closed. It lies
// beside the file, which is replaced.
func (k *Keyring) lock() (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(k.path), 0o700); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	lock, err := lockfile.Wait(ctx, k.path+".lock")
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("server: another process has been changing %s for %s; end it and try again", k.path, lockPatience)
	}
	return lock, err
}

// replaceFile writes a file that only its owner may read, all of it or nothing.
func replaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".keys-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(path))
}
