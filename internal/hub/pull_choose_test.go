package hub

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		what, family string
		files, want  string
	}{
		{"one file", "clip", "config.json model.safetensors model.fp16.safetensors pytorch_model.bin tf_model.h5", "config.json model.safetensors"},
		{"shards", "siglip", "config.json model-00001-of-00002.safetensors model-00002-of-00002.safetensors model.safetensors.index.json pytorch_model.bin.index.json spiece.model special_tokens_map.json",
			"config.json model-00001-of-00002.safetensors model-00002-of-00002.safetensors model.safetensors.index.json special_tokens_map.json spiece.model"},
		{"one file and its shards", "clip", "config.json model.safetensors model-00001-of-00001.safetensors model.safetensors.index.json", "config.json model.safetensors"},
		{"variants", "clip", "config.json model.bf16.safetensors model.fp16.safetensors", "config.json model.fp16.safetensors"},
		{"a variant in shards", "clip", "model.fp16-00001-of-00002.safetensors model.fp16-00002-of-00002.safetensors model.safetensors.index.fp16.json", "model.fp16-00001-of-00002.safetensors model.fp16-00002-of-00002.safetensors model.safetensors.index.fp16.json"},
		{"two libraries", "clip", "config.json open_clip_config.json model.safetensors open_clip_model.safetensors open_clip_pytorch_model.bin", "config.json model.safetensors open_clip_config.json"},
		{"two libraries, and the hub does not say", "", "config.json open_clip_config.json model.safetensors open_clip_model.safetensors", "config.json model.safetensors open_clip_config.json open_clip_model.safetensors"},
		{"open_clip", "", "open_clip_config.json open_clip_model.safetensors vocab.json merges.txt", "merges.txt open_clip_config.json open_clip_model.safetensors vocab.json"},
		{"ImageBind", "imagebind", "config.json model.safetensors bpe_simple_vocab_16e6.txt.gz assets.gz", "bpe_simple_vocab_16e6.txt.gz config.json model.safetensors"},
		{"a pipeline", "", "model_index.json v1-5.safetensors unet/config.json unet/diffusion_pytorch_model.safetensors unet/diffusion_pytorch_model.fp16.safetensors unet/diffusion_pytorch_model.bin tokenizer/merges.txt scheduler/scheduler_config.json safety_checker/model.safetensors a/b/config.json",
			"model_index.json scheduler/scheduler_config.json tokenizer/merges.txt unet/config.json unet/diffusion_pytorch_model.safetensors"},
		{"an unknown name", "", "config.json weights.safetensors", "config.json weights.safetensors"},
		{"licences", "clip", "LICENSE LICENSE.md NOTICE README.md readme.png LICENSES.zip model.safetensors", "LICENSE LICENSE.md NOTICE README.md model.safetensors"},
		{"what runs", "clip", "modeling_x.py run.sh model.safetensors config.json chat_template.jinja", "chat_template.jinja config.json model.safetensors"},
	} {
		l := listing{Family: c.family}
		for _, name := range strings.Fields(c.files) {
			l.Files = append(l.Files, remoteFile{Name: name})
		}
		var got []string
		for _, f := range choose(l) {
			got = append(got, f.Name)
		}
		if want := strings.Fields(c.want); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", c.what, got, want)
		}
	}
}

func TestParseRef(t *testing.T) {
	for name, want := range map[string]string{
		"o/n": "o/n", "o/n@refs/pr/15": "o/n@refs/pr/15", "clip-vit-base-patch32": "openai/clip-vit-base-patch32", "CLIP-ViT-Base-Patch32@main": "openai/clip-vit-base-patch32@main",
	} {
		if ref, err := ParseRef(name); err != nil || ref.String() != want {
			t.Errorf("%s: %v, %v", name, ref, err)
		}
	}
	for _, name := range append(hostile, "builtin/search", "nothing-of-that-name", "https://huggingface.co/o/n") {
		if ref, err := ParseRef(name); err == nil {
			t.Errorf("%q is %v", name, ref)
		}
	}
}

// TestRemoteFromEnv follows huggingface_hub 1.33's constants.py and _auth.py.
func TestRemoteFromEnv(t *testing.T) {
	home := t.TempDir()
	put(t, filepath.Join(home, "token"), " from-home\n")
	put(t, filepath.Join(home, "other"), "from-path")
	put(t, filepath.Join(home, "bad"), "two\nlines")
	keys := []string{"HF_HOME", "HF_TOKEN_PATH", "HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_HUB_DOWNLOAD_TIMEOUT", "TRANSFORMERS_OFFLINE"}
	for _, c := range []struct {
		set  string // KEY=value, with H for home
		want Remote
		bad  bool
	}{
		{set: "HF_HOME=H", want: Remote{Token: "from-home"}},
		{set: "HF_HOME=H HF_TOKEN_PATH=H/other", want: Remote{Token: "from-path"}},
		{set: "HF_HOME=H HF_TOKEN_PATH=H/other HF_TOKEN=own", want: Remote{Token: "own"}},
		{set: "HF_HOME=H HF_TOKEN_PATH=H/none", want: Remote{}},
		{set: "HF_HOME=H HF_TOKEN_PATH=H/bad", bad: true},
		{set: "HF_HOME=H/x HF_ENDPOINT=https://mirror.example/hf/ HF_HUB_OFFLINE=yes HF_HUB_DOWNLOAD_TIMEOUT=30", want: Remote{Endpoint: "https://mirror.example/hf/", Offline: true, Timeout: 30e9}},
		{set: "HF_HOME=H/x TRANSFORMERS_OFFLINE=1", want: Remote{Offline: true}},
		{set: "HF_HOME=H/x HF_HUB_OFFLINE=0", want: Remote{}},
		{set: "HF_HUB_DOWNLOAD_TIMEOUT=soon", bad: true},
		{set: "HF_HUB_DOWNLOAD_TIMEOUT=-1", bad: true},
		{set: "HF_ENDPOINT=ftp://x", bad: true},
		{set: "HF_ENDPOINT=huggingface.co", bad: true},
		{set: "HF_ENDPOINT=https://user:secret@x", bad: true},
	} {
		for _, k := range keys {
			t.Setenv(k, "")
		}
		for _, kv := range strings.Fields(c.set) {
			k, v, _ := strings.Cut(kv, "=")
			if strings.HasPrefix(v, "H") {
				v = home + v[1:]
			}
			os.Setenv(k, v)
		}
		got, err := RemoteFromEnv()
		if got != c.want && !c.bad || (err != nil) != c.bad {
			t.Errorf("%s: %+v, %v", c.set, got, err)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "two")) {
			t.Errorf("%s: %v tells a secret", c.set, err)
		}
	}
}

// A hub below a path, such as a mirror's.
func TestAddresses(t *testing.T) {
	c, err := newClient(Remote{Endpoint: "https://mirror.example/hf/"}, seams{}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		c.api("o/n", "revision", "refs/pr/15").String():     "https://mirror.example/hf/api/models/o/n/revision/refs%2Fpr%2F15",
		c.resolve("o/n", commitA, "a b/c#?%.json").String(): "https://mirror.example/hf/o/n/resolve/" + commitA + "/a%20b/c%23%3F%25.json",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
