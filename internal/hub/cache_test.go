package hub

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCacheDir follows huggingface_hub 1.33's constants.py.
func TestCacheDir(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home) // Windows
	keys := []string{"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"}
	abs := func(parts ...string) string { return filepath.Join(append([]string{home}, parts...)...) }
	for _, c := range []struct {
		set  []string // as keys; "" is unset
		want string
	}{
		{[]string{"", "", "", ""}, abs(".cache", "huggingface", "hub")},
		{[]string{"", "", "", abs("x")}, abs("x", "huggingface", "hub")},
		{[]string{"", "", abs("h"), abs("x")}, abs("h", "hub")},
		{[]string{"", abs("old"), abs("h"), abs("x")}, abs("old")},
		{[]string{abs("new"), abs("old"), abs("h"), abs("x")}, abs("new")},
		{[]string{"", "", "~/h", ""}, abs("h", "hub")},
		{[]string{"$EMBLEM_TEST_ROOT/c", "", "", ""}, "/data/c"},
	} {
		t.Setenv("EMBLEM_TEST_ROOT", "/data")
		for i, k := range keys {
			t.Setenv(k, c.set[i])
		}
		if got := CacheDir(); filepath.Clean(got) != filepath.Clean(c.want) {
			t.Errorf("%q: got %s, want %s", c.set, got, c.want)
		}
	}
}

// TestCacheFromEnvironment: the zero Options use it.
func TestCacheFromEnvironment(t *testing.T) {
	cache := cacheWith(t, "o/n", map[string]string{"main": commitA}, "model.safetensors")
	t.Setenv("HF_HUB_CACHE", cache)
	got, err := Find("o/n", Options{})
	if err != nil || !strings.HasPrefix(got.Dir, cache) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAliasTable(t *testing.T) {
	list := Aliases()
	if len(list) < 25 {
		t.Errorf("only %d rows", len(list))
	}
	licence := regexp.MustCompile(`^(MIT|Apache-2\.0|BSD-3-Clause|CC-BY-NC-4\.0|CreativeML OpenRAIL-M|see model card)$`)
	seen := map[string]bool{}
	for _, a := range list {
		switch {
		case seen[a.Name] || seen[a.Repo]:
			t.Errorf("%s occurs twice", a.Name)
		case a.Name != strings.ToLower(lastPart(a.Repo)):
			t.Errorf("%s is not the last part of %s", a.Name, a.Repo)
		case strings.Count(a.Repo, "/") != 1 || !validRepo(a.Repo) || !validRepo(a.Name):
			t.Errorf("%s is no repository", a.Repo)
		case a.Revision != "" && !validRevision(a.Revision):
			t.Errorf("%s: revision %q", a.Name, a.Revision)
		case a.MB < 1 || a.Note == "" || !licence.MatchString(a.Licence):
			t.Errorf("%+v", a)
		}
		seen[a.Name], seen[a.Repo] = true, true
	}
	list[0].Name = "changed"
	if Aliases()[0].Name == "changed" {
		t.Error("callers share the table")
	}
}

// TestReadmeTable holds the README's table of short names to aliases.json.
func TestReadmeTable(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(readme), "<!-- short names -->\n")
	table, _, end := strings.Cut(rest, "<!-- /short names -->")
	var want strings.Builder
	want.WriteString("| short name | repository | size | licence | for |\n|---|---|---|---|---|\n")
	for _, a := range Aliases() {
		if a.Later {
			continue
		}
		fmt.Fprintf(&want, "| `%s` | `%s` | %s | %s | %s |\n", a.Name, a.Repo, a.Size(), a.Licence, a.Note)
	}
	if !ok || !end || table != want.String() {
		t.Errorf("README.md has another table than:\n%s", want.String())
	}
}
