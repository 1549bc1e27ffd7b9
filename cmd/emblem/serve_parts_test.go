package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestServeParts searches a library with parts over HTTP: by words, by a part of a
// picture that is sent, and by a part of one that is there, which is not found itself.
func TestServeParts(t *testing.T) {
	d := newDesk(t)
	dir := d.path("pictures")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	all := samplesIn(t, dir, 12)
	if code, out, errs := runReal(d, "index", "--late", dir); code != 0 {
		t.Fatal(out, errs)
	}
	base, _, _, _ := startServe(t, d)
	at := base + "/v1/libraries/default/search"
	var got struct {
		Hits []struct {
			Path        string
			Probability *float64
		}
	}
	query := filepath.Join(t.TempDir(), "four.png")
	collage(t, query, all[4:8])
	raw, err := os.ReadFile(query)
	if err != nil {
		t.Fatal(err)
	}
	url := "data:image/png;base64," + base64.StdEncoding.EncodeToString(raw)
	if code := post(t, at, fmt.Sprintf(`{"late":true,"limit":3,"terms":[{"image":%q,"region":[0.5,0,0.5,0.5]}]}`, url), &got); code != 200 || len(got.Hits) != 3 || !strings.HasSuffix(got.Hits[0].Path, "005.jpg") || got.Hits[0].Probability != nil {
		t.Errorf("%d %+v", code, got)
	}
	if code := post(t, at, `{"late":true,"query":"a violin"}`, &got); code != 200 || len(got.Hits) != 12 || !strings.HasSuffix(got.Hits[0].Path, "001.jpg") {
		t.Errorf("%d %+v", code, got)
	}
	for _, late := range []string{"true", "false"} {
		body := fmt.Sprintf(`{"late":%s,"terms":[{"document":%q,"region":[0.2,0.2,0.6,0.6]}]}`, late, filepath.Join(dir, "005.jpg"))
		if code := post(t, at, body, &got); code != 200 || len(got.Hits) != 11 {
			t.Errorf("late %s: %d, %d hits", late, code, len(got.Hits))
		}
	}
	var refusal struct{ Error struct{ Message string } }
	if code := post(t, at, `{"late":true,"query":"2:a violin"}`, &refusal); code != 400 || !strings.Contains(refusal.Error.Message, "leave out weights") {
		t.Errorf("%d %+v", code, refusal)
	}
	if s := get(t, base+"/v1/libraries/default"); !strings.Contains(s, `"parts":64`) {
		t.Error(s)
	}
}
