package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/certificate"
)

// TestDoctorModel: the certificate of a model, as a table and as JSON; what is wrong is
// exit 1 and one sentence.
func TestDoctorModel(t *testing.T) {
	const clip = "../../fusion/testdata/clip-odd-bf16"
	code, out, errs := runCLI(t, "", "doctor", clip, "--dtype", "int8")
	if code != 0 || errs != "" {
		t.Fatalf("exit %d: %s", code, errs)
	}
	for _, want := range []string{
		"clip-odd-bf16 (clip), int8", "int8 ", "step 2", "filter bicubic, antialias true, activation quick_gelu", "PART", "picture tower", "text tower",
		"projection", "resize", "tokenizer", "rounding", "1 − cosine",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	code, out, errs = runCLI(t, "", "doctor", clip, "--json", "--quick")
	var c certificate.Certificate
	if err := json.Unmarshal([]byte(out), &c); err != nil || code != 0 || !c.OK || len(c.Parts) < 10 || c.Machine.Kernels["f16"] == "" || c.Rules.Pictures.Mean[0] == 0 {
		t.Errorf("exit %d, %v: %+v %s", code, err, c, errs)
	}
	wrong := filepath.Join(t.TempDir(), "clip")
	if err := os.CopyFS(wrong, os.DirFS(clip)); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(wrong, "config.json"))
	if err == nil {
		err = os.WriteFile(filepath.Join(wrong, "config.json"), []byte(strings.Replace(string(raw), `"eos_token_id": 633`, `"eos_token_id": 600`, 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	code, out, errs = runCLI(t, "", "doctor", wrong)
	if code != 1 || !strings.Contains(out, "WRONG") || !strings.Contains(errs, "clip is not what it should be: tokenizer: text: the model looks for token 600") {
		t.Errorf("exit %d: %s\n%s", code, errs, out)
	}
	code, _, errs = runCLI(t, "", "tokenize", "--model", wrong, "a cat")
	if code != 0 {
		t.Errorf("exit %d: %s", code, errs)
	}
	if code, _, errs = runCLI(t, "", "embed", "--model", wrong, "--json", "--text", "a cat"); code != 0 || !strings.Contains(errs, "the model may not be what its folder says") {
		t.Errorf("exit %d: %s", code, errs)
	}
	for _, args := range [][]string{{clip, "--attack", "http://127.0.0.1:1"}, {"nothing/here"}, {clip, "more"}} {
		if code, out, errs := runCLI(t, "", append([]string{"doctor"}, args...)...); code != 2 || out != "" || errs == "" {
			t.Errorf("%q: exit %d, %s%s", args, code, out, errs)
		}
	}
}

// TestServeParity: a server says of its model what doctor says, in the words of its
// description.
func TestServeParity(t *testing.T) {
	base, _, stop, _ := startServe(t, newDesk(t), "--data", "none", "--dtype", "bf16", "--model", "../../fusion/testdata/siglip2-naflex")
	defer stop()
	raw := get(t, base+"/v1/models/siglip2-naflex/parity")
	var c certificate.Certificate
	if err := json.Unmarshal([]byte(raw), &c); err != nil || !c.OK || c.DType != "bf16" || c.Goldens[0] != "siglip2" || !strings.Contains(c.Rules.Texts.Padding, "up to 20 tokens") {
		t.Fatalf("%v: %s", err, raw)
	}
	var answer, doc any
	if err := errors.Join(json.Unmarshal([]byte(raw), &answer), json.Unmarshal([]byte(get(t, base+"/openapi.json")), &doc)); err != nil {
		t.Fatal(err)
	}
	schema := doc.(map[string]any)["paths"].(map[string]any)["/v1/models/{model}/parity"].(map[string]any)["get"]
	for _, key := range []string{"responses", "200", "content", "application/json", "schema"} {
		schema = schema.(map[string]any)[key]
	}
	for _, key := range undescribed(answer, schema.(map[string]any), "") {
		t.Errorf("%s is not described", key)
	}
	var models struct {
		Data []struct{ Fingerprint string }
	}
	if err := json.Unmarshal([]byte(get(t, base+"/v1/models")), &models); err != nil || models.Data[0].Fingerprint != c.Fingerprint {
		t.Errorf("%+v, %v", models, err)
	}
}

// undescribed lists the keys of a JSON value that its schema does not have; a schema
// without properties describes anything.
func undescribed(v any, schema map[string]any, at string) (keys []string) {
	switch v := v.(type) {
	case map[string]any:
		properties, _ := schema["properties"].(map[string]any)
		if properties == nil {
			return nil
		}
		for k, x := range v {
			inner, ok := properties[k].(map[string]any)
			if !ok {
				keys = append(keys, at+"."+k)
				continue
			}
			keys = append(keys, undescribed(x, inner, at+"."+k)...)
		}
	case []any:
		items, _ := schema["items"].(map[string]any)
		for _, x := range v {
			keys = append(keys, undescribed(x, items, at)...)
		}
	}
	return keys
}
