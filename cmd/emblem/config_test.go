package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// All that is wrong with the settings is told by one run, each with where it stands.
func TestConfigProblems(t *testing.T) {
	d := newDesk(t)
	d.write("config/emblem/config.yaml", `
limt: 4
search:
  min-probabilty: 0.5
  limit: many
  by: [words, meaning]
serve: 5
indx:
  verify: true
colour: blue
log-level: loud
device:
aliases:
  photos: [a, b]
`)
	d.env["EMBLEM_FOLD"] = "perhaps"
	r := d.run("search", "red")
	if r.code != 2 || r.stdout != "" {
		t.Fatalf("%+v", r)
	}
	wants := []string{
		`"limt" is not known; did you mean "limit"?`, `"search.min-probabilty" is not known; did you mean "search.min-probability"?`,
		`"indx.verify" is not known; did you mean "index.verify"?`, `"colour" is not known; keys are flag names`,
		`key search.limit: "many"`, `key search.by takes one value`, `"serve" is a section`, `aliases.photos has to name a model`,
		`EMBLEM_FOLD: "perhaps"`, `--log-level "loud"`, `11 problems`,
	}
	for _, want := range wants {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("nothing says %s", want)
		}
	}
	if t.Failed() {
		t.Log(r.stderr)
	}
	if r := d.run("config", "show"); r.code != 2 || r.stdout != "" || !strings.Contains(r.stderr, "key device has no value") || !strings.Contains(r.stderr, `key search.limit: "many"`) {
		t.Errorf("config show: %+v", r)
	}
}

// A server that cannot start says all that keeps it from starting.
func TestServeProblems(t *testing.T) {
	d := newDesk(t)
	d.env["EMBLEM_TRUST_NET"] = "everybody,10.0.0.0/8"
	r := d.run("serve", "--addr", "here", "--tls-cert", d.path("absent.pem"), "--dtype", "f8", "--root", d.path("absent"), "--log-format", "xml")
	for _, want := range []string{`--addr "here"`, `--trust-net "everybody"`, "--tls-cert and --tls-key belong together", "--dtype", d.path("absent"), `--log-format "xml"`, "6 problems"} {
		if r.code != 2 || !strings.Contains(r.stderr, want) {
			t.Errorf("exit %d, and nothing says %s in %s", r.code, want, r.stderr)
		}
	}
	delete(d.env, "EMBLEM_TRUST_NET")
	if r := d.run("serve", "--addr", "0.0.0.0:0", "--json-none"); r.code != 2 {
		t.Errorf("an unknown flag: %+v", r)
	}
	if r := d.run("serve", "--addr", "0.0.0.0:0", "--root", d.path("absent")); r.code != 2 || !strings.Contains(r.stderr, "there is no key yet") || !strings.Contains(r.stderr, "2 problems") {
		t.Errorf("without a key: %+v", r)
	}
	if r := d.must("config", "show", "--origin", "--", "serve", "--addr", "0.0.0.0:0", "--trust-net", "10.0.0.0/8"); !strings.Contains(r.stdout, `"0.0.0.0:0"`) {
		t.Errorf("settings of a server that has no key yet: %+v", r)
	}
}

// told is what config show --json says, by COMMAND.NAME.
func (d *desk) told(args ...string) map[string]setting {
	d.t.Helper()
	var all struct{ Settings []setting }
	r := d.must(append([]string{"config", "show", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(r.stdout), &all); err != nil {
		d.t.Fatal(err)
	}
	by := map[string]setting{}
	for _, s := range all.Settings {
		by[strings.TrimPrefix(s.Command+"."+s.Name, ".")] = s
	}
	return by
}

func TestConfigShow(t *testing.T) {
	d := newDesk(t)
	d.write("config/emblem/config.yaml", "limit: 4\nserve:\n  model: [a, b]\n  addr: 127.0.0.1:1\n  dtype: f32\nsearch:\n  log-level: debug\n")
	d.env["EMBLEM_ADDR"] = "127.0.0.1:2"
	d.env["EMBLEM_ADRR"] = "127.0.0.1:3"
	d.env["EMBLEM_DTYPE"] = ""
	for key, want := range map[string]setting{
		"search.limit":     {"search", "limit", 4.0, "file", "limit"},
		"search.log-level": {"search", "log-level", "debug", "file", "search.log-level"},
		"serve.addr":       {"serve", "addr", "127.0.0.1:2", "environment", "EMBLEM_ADDR"},
		"serve.dtype":      {"serve", "dtype", "f32", "file", "serve.dtype"},
		"data":             {"", "data", d.data, "environment", "EMBLEM_DATA"},
		"log-format":       {"", "log-format", "json", "flag", "--log-format"},
		"log-level":        {"", "log-level", "info", "default", ""},
		"embed.truncate":   {"embed", "truncate", "end", "default", ""},
	} {
		if got := d.told("--log-format", "json")[key]; got != want {
			t.Errorf("%s: %+v, want %+v", key, got, want)
		}
	}
	r := d.must("config", "show", "--origin", "--", "serve", "--addr", "127.0.0.1:4")
	for _, want := range []string{"config.yaml", "\nserve:\n", `  addr: "127.0.0.1:4"  # --addr`, `  model: ["a","b"]  # configuration key serve.model`, "  insecure-no-key: false  # default", "# environment variable EMBLEM_DATA"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("nothing says %q in\n%s", want, r.stdout)
		}
	}
	if strings.Contains(r.stdout, "search") {
		t.Errorf("settings of other commands:\n%s", r.stdout)
	}
	if want := `EMBLEM_ADRR is no setting; did you mean "EMBLEM_ADDR"?`; !strings.Contains(r.stderr, want) {
		t.Errorf("%q does not say %s", r.stderr, want)
	}
	if r := d.run("config", "show", "serv"); r.code != 2 || !strings.Contains(r.stderr, "serv") {
		t.Errorf("a command that is not there: %+v", r)
	}
}

// What config show prints is a configuration file with the same settings.
func TestConfigShowAgain(t *testing.T) {
	d := newDesk(t)
	d.write("config/emblem/config.yaml", "limit: 4\nserve:\n  allowed-host: ['a: #b', \"c\\\"\"]\n  shutdown-timeout: 5s\nindex:\n  exclude: ['*.psd']\n")
	before := d.must("config", "show").stdout
	_, settings, _ := strings.Cut(before, "\n") // the first line names the file
	d.write("config/emblem/config.yaml", settings)
	delete(d.env, "EMBLEM_DATA")
	if after := d.must("config", "show").stdout; after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
	if got := d.told()["serve.shutdown-timeout"]; got.Value != "5s" || got.Origin != "file" {
		t.Errorf("%+v", got)
	}
}

func TestConfigShowsNoSecrets(t *testing.T) {
	d := newDesk(t)
	secrets := []string{"emblem_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG", "hf_abcdefghijklmnopqrstuvwxyz", "hunter2"}
	d.env["EMBLEM_KEY"] = "plainkey"
	d.env["EMBLEM_TEMPLATE"] = strings.Join(secrets[:2], ",")
	d.write("config/emblem/config.yaml", "health:\n  addr: https://user:hunter2@example.org/\n")
	for _, args := range [][]string{{}, {"--origin"}, {"--json"}} {
		r := d.must(append([]string{"config", "show"}, args...)...)
		for _, secret := range append(secrets, "plainkey") {
			if strings.Contains(r.stdout+r.stderr, secret) {
				t.Errorf("%v tells %s", args, secret)
			}
		}
		if !strings.Contains(r.stdout, "https://[redacted]@example.org/") {
			t.Errorf("%v: the address is gone altogether:\n%s", args, r.stdout)
		}
	}
	d.env["EMBLEM_LIMIT"] = secrets[0]
	if r := d.run("config", "show"); r.code != 2 || strings.Contains(r.stderr, secrets[0]) {
		t.Errorf("a secret in the wrong place is told: %+v", r)
	}
	if r := d.run("serve", "--immich-upstream", "https://user:hunter2@example.org/"); r.code != 2 || strings.Contains(r.stderr, "hunter2") {
		t.Errorf("a password in an address is told: %+v", r)
	}
}

func TestNearest(t *testing.T) {
	names := []string{"addr", "limit", "log-level", "search.limit", "tls-key", "tls-cert"}
	for s, want := range map[string]string{
		"adr": "addr", "addres": "addr", "limti": "limit", "loglevel": "log-level", "log-levle": "log-level", "seach.limit": "search.limit",
		"tls-kye": "tls-key", "colour": "", "x": "", "search": "",
	} {
		if got := nearest(s, names); got != want {
			t.Errorf("%s: %q, want %q", s, got, want)
		}
	}
	if got := edits("kitten", "sitting"); got != 3 {
		t.Errorf("kitten and sitting are %d edits apart", got)
	}
	if !slices.Contains(names, nearest("limit", names)) {
		t.Error("a name is not nearest to itself")
	}
}
