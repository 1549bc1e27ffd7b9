package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const decoders = "../../text/decoder/testdata/"

// TestComplete: the reference's greedy tokens as JSON and as a stream, a stop string,
// the number of tokens, seeds and probabilities.
func TestComplete(t *testing.T) {
	for _, model := range []string{"gpt2", "llama-gqa", "qwen2", "bart-plain"} {
		var meta struct {
			Runs []struct {
				Prompt string
				New    []int32
				Text   *string
			}
		}
		raw, err := os.ReadFile(decoders + model + ".json")
		if err == nil {
			err = json.Unmarshal(raw, &meta)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range meta.Runs {
			args := []string{"complete", "--model", decoders + model, "--dtype", "f32", "--max-tokens", "20", "--temperature", "0"}
			code, stdout, stderr := runCLI(t, "", append(args, "--json", r.Prompt)...)
			l := jsonLines[completion](t, stdout)
			if code != 0 || len(l) != 1 || !slices.Equal(l[0].IDs, r.New[:min(20, len(r.New))]) || l[0].Model != model || l[0].DType != "f32" || l[0].Seed != nil {
				t.Fatal(code, stdout, stderr, r.New)
			}
			if l[0].Usage.Completion != len(l[0].IDs) || r.Text != nil && len(r.New) <= 20 && l[0].Text != *r.Text {
				t.Errorf("%+v, want %q", l[0], *r.Text)
			}
			code, stdout, _ = runCLI(t, r.Prompt, append(args, "-")...)
			if stdin := strings.TrimSuffix(r.Prompt, "\n"); code != 0 || stdin == r.Prompt && stdout != l[0].Text+"\n" {
				t.Errorf("%d: streams %q, want %q", code, stdout, l[0].Text)
			}
		}
	}
}

// TestCompleteFlags: what flags change, against what the folder says.
func TestCompleteFlags(t *testing.T) {
	ask := func(args ...string) completion {
		t.Helper()
		code, stdout, stderr := runCLI(t, "", append([]string{"complete", "--json", "--dtype", "f32", "--model", decoders + "smollm2", "How many"}, args...)...)
		l := jsonLines[completion](t, stdout)
		if code != 0 || len(l) != 1 {
			t.Fatal(code, stdout, stderr)
		}
		return l[0]
	}
	plain := ask()
	if len(plain.IDs) != 24 || plain.Finish != "length" {
		t.Errorf("the folder asks for 24 tokens: %+v", plain)
	}
	if free := ask("--repetition-penalty", "1"); slices.Equal(free.IDs, plain.IDs) {
		t.Error("the folder's repetition penalty changes nothing")
	}
	drawn := []string{"--temperature", "2", "--top-p", "0.9", "--seed", "7"}
	a, b, other := ask(drawn...), ask(drawn...), ask(append(drawn, "--seed", "8")...)
	if !slices.Equal(a.IDs, b.IDs) || slices.Equal(a.IDs, other.IDs) || a.Seed == nil || *a.Seed != 7 {
		t.Error("draws do not follow the seed", a, b, other)
	}
	if c, d := ask("--temperature", "2"), ask("--temperature", "2"); c.Seed == nil || d.Seed == nil || *c.Seed == *d.Seed {
		t.Error("without a seed there is one and the same")
	}
	if one := ask("--temperature", "2", "--top-k", "1"); !slices.Equal(one.IDs, plain.IDs) {
		t.Error("the likeliest of one is not the likeliest")
	}
	rich := ask("--logprobs", "3")
	if len(rich.LogProbs) != len(rich.IDs) || len(rich.LogProbs[0].Top) != 3 || rich.LogProbs[0].Top[0].LogProb > 0 {
		t.Errorf("%+v", rich.LogProbs)
	}
	runes := []rune(plain.Text)
	stop := string(runes[len(runes)/2 : len(runes)/2+2])
	if person := ask("--max-tokens", "80", "--schema", `{"type":"array","items":{"type":"boolean"},"maxItems":2}`); !json.Valid([]byte(person.Text)) || person.Finish != "stop" {
		t.Errorf("not of the schema: %+v", person)
	}
	cut := ask("--stop", stop)
	if want, _, _ := strings.Cut(plain.Text, stop); cut.Text != want || cut.Finish != "stop" || len(cut.IDs) >= len(plain.IDs) {
		t.Errorf("stopped at %q: %q of %q", stop, cut.Text, plain.Text)
	}
}

// TestCompleteRefusals: one sentence each.
func TestCompleteRefusals(t *testing.T) {
	change := func(name, file, old, new string) string {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.CopyFS(dir, os.DirFS(decoders+"llama-mqa")); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, file)
		raw, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(raw), old) {
			t.Fatal(err, string(raw))
		}
		if new == "" {
			err = os.Remove(path)
		} else {
			err = os.WriteFile(path, []byte(strings.Replace(string(raw), old, new, 1)), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	good := decoders + "llama-mqa"
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{1, "the prompt has 102 tokens and the model reads 96", []string{"--model", good, strings.Repeat("cats ", 100) + "a"}},
		{2, "name a language model", []string{"hi"}},
		{2, "name one prompt", []string{"--model", good}},
		{2, "name one prompt", []string{"--model", good, "How", "many"}},
		{2, "top_p is 1.5, want 0 to 1", []string{"--model", good, "--top-p", "1.5", "hi"}},
		{2, "temperature is NaN", []string{"--model", good, "--temperature", "NaN", "hi"}},
		{2, "neither JSON nor a file", []string{"--model", good, "--schema", "none.json", "hi"}},
		{2, `"pattern" is not supported`, []string{"--model", good, "--schema", `{"type":"string","pattern":"a"}`, "hi"}},
		{2, "--logprobs 101", []string{"--model", good, "--logprobs", "101", "hi"}},
		{2, `dtype "f8" is not one of`, []string{"--model", good, "--dtype", "f8", "hi"}},
		{2, `model_type "clip" is not supported`, []string{"--model", "../../fusion/testdata/clip-legacy", "hi"}},
		{2, "tokenizer.json is missing", []string{"--model", change("a", "tokenizer.json", "model", ""), "hi"}},
		{2, `rope_type "longrope" is not supported`, []string{"--model", change("b", "config.json", `"yarn"`, `"longrope"`), "hi"}},
		{2, "num_key_value_heads is 0", []string{"--model", change("c", "config.json", `"num_key_value_heads": 1`, `"num_key_value_heads": 0`), "hi"}},
		{2, "5 is not a multiple of num_key_value_heads 3", []string{"--model", change("d", "config.json", `"num_key_value_heads": 1`, `"num_key_value_heads": 3`), "hi"}},
		{2, "num_hidden_layers is 1000000000, want 1 to 1024", []string{"--model", change("e", "config.json", `"num_hidden_layers": 2`, `"num_hidden_layers": 1000000000`), "hi"}},
		{2, "wrongly shaped", []string{"--model", change("f", "config.json", `"intermediate_size": 51`, `"intermediate_size": 262144`), "hi"}},
		{2, `activation "xielu" is not one of`, []string{"--model", change("g", "config.json", `"hidden_act": "silu"`, `"hidden_act": "xielu"`), "hi"}},
		{2, "num_beams 4 is not supported", []string{"--model", change("h", "generation_config.json", "{", `{"num_beams": 4,`), "hi"}},
		{2, "temperature is -1", []string{"--model", change("i", "generation_config.json", "{", `{"do_sample": true, "temperature": -1,`), "hi"}},
		{2, "head_dim 7 is odd", []string{"--model", change("j", "config.json", `"head_dim": 8`, `"head_dim": 7`), "hi"}},
	} {
		code, stdout, stderr := runCLI(t, "", append([]string{"complete"}, c.args...)...)
		if code != c.code || stdout != "" || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%.80v: exit %d, %q, %q; want %q", c.args, code, stdout, stderr, c.want)
		}
	}
}

// TestCompleteInterrupt: Ctrl-C in the middle of a text ends it at once.
func TestCompleteInterrupt(t *testing.T) {
	ctx, interrupt := context.WithCancelCause(t.Context())
	out := &breaker{after: 3, do: func() { interrupt(&signalError{os.Interrupt}) }}
	var errs strings.Builder
	a := newApp(strings.NewReader(""), out, &errs)
	code := a.execute(ctx, []string{"complete", "--model", decoders + "qwen2", "--max-tokens", "80", "hi"})
	if code != exitSIGINT || !strings.Contains(errs.String(), "interrupted") || out.writes > 3 {
		t.Errorf("exit %d after %d pieces: %s", code, out.writes, &errs)
	}
}

// breaker does something when it has been written to so often.
type breaker struct {
	after, writes int
	do            func()
}

func (b *breaker) Write(p []byte) (int, error) {
	if b.writes++; b.writes == b.after {
		b.do()
	}
	return len(p), nil
}

// TestCompleteChat: with --chat the model reads what its template makes of the
// messages, its special tokens as they are.
func TestCompleteChat(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tiny-instruct")
	if err := os.CopyFS(dir, os.DirFS(decoders+"smollm2")); err != nil {
		t.Fatal(err)
	}
	ask := func(want int, args ...string) (completion, string) {
		t.Helper()
		code, stdout, stderr := runCLI(t, "", append([]string{"complete", "--json", "--dtype", "f32", "--model", dir}, args...)...)
		if code != want {
			t.Fatal(code, stdout, stderr)
		}
		if code != 0 {
			return completion{}, stderr
		}
		return jsonLines[completion](t, stdout)[0], ""
	}
	if _, says := ask(2, "--chat", "Hi"); !strings.Contains(says, "no chat template") {
		t.Error(says)
	}
	const template = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>{{ 'assistant\\n' }}"
	if err := os.WriteFile(filepath.Join(dir, "chat_template.jinja"), []byte(template), 0o600); err != nil {
		t.Fatal(err)
	}
	plain, _ := ask(0, "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")
	talks, _ := ask(0, "--chat", "--system", "Be kind.", "Hi")
	if !slices.Equal(talks.IDs, plain.IDs) || talks.Usage != plain.Usage {
		t.Errorf("%+v, want %+v", talks, plain)
	}
	if _, says := ask(2, "--system", "Be kind.", "Hi"); !strings.Contains(says, "--system needs --chat") {
		t.Error(says)
	}
	code, stdout, stderr := runCLI(t, "", "inspect", "--json", dir)
	var i decoderInspection
	if code != 0 || json.Unmarshal([]byte(stdout), &i) != nil {
		t.Fatal(code, stdout, stderr)
	}
	if i.Family != "llama" || !i.Chat || i.Tools || i.Context != 96 || i.Vocabulary != 301 || i.Prompt.FLOPs == 0 || len(i.Bindings) == 0 {
		t.Errorf("%+v", i)
	}
}
