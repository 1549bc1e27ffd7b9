package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestKeyring(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	k, err := OpenKeyring(path)
	if err != nil || k.Any() {
		t.Fatal(err, k.Any())
	}
	secret, err := k.Add("phone", []Scope{ScopeSearch}, []string{"holidays"}, "2/h")
	if err != nil {
		t.Fatal(err)
	}
	c, wait := k.Caller(secret)
	if c == nil || wait != 0 || c.Name != "phone" || !c.may(ScopeSearch) || c.may(ScopeEmbed) || !c.reaches("holidays") || c.reaches("work") {
		t.Errorf("got %+v, wait %v", c, wait)
	}
	k.Caller(secret)
	if _, wait := k.Caller(secret); wait < time.Minute {
		t.Errorf("the third request of two an hour waits %v", wait)
	}
	if c, _ := k.Caller(secret + "x"); c != nil {
		t.Error("another key is let in")
	}
	data, _ := os.ReadFile(path)
	info, _ := os.Stat(path)
	if strings.Contains(string(data), secret) || info.Mode().Perm() != 0o600 {
		t.Errorf("the file holds the key itself, or others may read it: %v", info.Mode())
	}
}

func TestKeyringSeesChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	serving, _ := OpenKeyring(path)
	command, _ := OpenKeyring(path)
	secret, err := command.Add("a", nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	comes := func(want bool) {
		t.Helper()
		for range 100 {
			if c, _ := serving.Caller(secret); (c != nil) == want {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Errorf("the change was never seen; want valid %v", want)
	}
	comes(true)
	if err := command.Remove("a"); err != nil {
		t.Fatal(err)
	}
	comes(false)
	secret, _ = command.Add("b", nil, nil, "")
	comes(true)
	if err := os.WriteFile(path, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	comes(false)
	if _, err := OpenKeyring(path); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged file: %v", err)
	}
}

func TestKeyringRefuses(t *testing.T) {
	k, _ := OpenKeyring(filepath.Join(t.TempDir(), "keys.json"))
	if _, err := k.Add("a", nil, nil, ""); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, rate string
		scopes     []Scope
		words      string
	}{
		{"a", "", nil, "already"},
		{"", "", nil, "key name"},
		{"b", "fast", nil, "600/m"},
		{"b", "", []Scope{"everything"}, "embed, search"},
	} {
		if _, err := k.Add(c.name, c.scopes, nil, c.rate); err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if err := k.Remove("z"); err == nil || !strings.Contains(err.Error(), "key list") {
		t.Errorf("got %v", err)
	}
}
