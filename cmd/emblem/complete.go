package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/text/chat"
	"github.com/emblem-search/emblem/text/decoder"
)

// completeFlags are the flags of emblem complete.
type completeFlags struct {
	modelFlags
	decoder.Request
	logprobs int
	schema   string
	json     bool
	chat     bool
	system   string
	window   int
	sinks    int
}

func newCompleteCmd(a *app) *cobra.Command {
	var f completeFlags
	cmd := &cobra.Command{
		Use:   "complete --model M PROMPT",
		Short: "Continue a text with a language model",
		Long: `Continue a text with a language model: GPT-2, LLaMA, SmolLM2, Qwen2, BART, T5. What follows
the prompt is printed as it comes; - reads the prompt from the standard input.

With --chat the prompt is a message to a model that was taught to answer, and its folder's
chat template is put around it; --system says what it is told first.

Without flags the model's own generation_config.json says how tokens are chosen,
and where it says nothing the likeliest is taken.`,
		Example: `  emblem complete --model HuggingFaceTB/SmolLM2-135M "Gravity is"
  emblem complete --model openai-community/gpt2 --temperature 0.8 --top-p 0.95 --seed 7 "Once upon a time"
  emblem complete --model HuggingFaceTB/SmolLM2-135M-Instruct --chat "Why is the sky blue?"
  emblem complete --model ./my-model --stop "\n" --json "Question: why is the sky blue? Answer:"`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef(`name one prompt, in quotes: emblem complete --model M "Once upon a time"`)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return ended(cmd.Context(), f.run(cmd, a, args[0]))
		},
	}
	f.addDType(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.model, "model", "", "a folder, an alias, or ORG/NAME in the Hugging Face cache")
	flags.IntVar(&f.MaxTokens, "max-tokens", 0, "tokens to generate at most; unless given, the model's own number or 256")
	flags.Float64Var(&f.Temperature, "temperature", 0, "how freely tokens are drawn; 0 takes the likeliest")
	flags.IntVar(&f.TopK, "top-k", 0, "draw from so many of the likeliest tokens only; 0: all")
	flags.Float64Var(&f.TopP, "top-p", 1, "draw from the likeliest tokens that have this probability together")
	flags.Float64Var(&f.MinP, "min-p", 0, "draw from tokens with this share of the likeliest one's probability")
	flags.Float64Var(&f.Penalty, "repetition-penalty", 1, "over 1 makes tokens that were there less likely")
	flags.StringArrayVar(&f.Stop, "stop", nil, "end before this string, \\n and \\t understood; may be given more than once")
	flags.Uint64Var(&f.Seed, "seed", 0, "of the draws; unless given, another one each time")
	flags.IntVar(&f.logprobs, "logprobs", 0, "with --json: probabilities of the tokens and of so many of the likeliest, 0 to 100")
	flags.StringVar(&f.schema, "schema", "", "a JSON Schema, or a file with one: only what is of it follows")
	flags.IntVar(&f.window, "window", 0, "attend to so many tokens back only, for long texts; 0: as far as the model does")
	flags.IntVar(&f.sinks, "sinks", 0, "with --window: and to so many of the first tokens, such as 4")
	flags.BoolVar(&f.chat, "chat", false, "ask: the prompt goes into the model's chat template")
	flags.StringVar(&f.system, "system", "", "with --chat: what the model is told before the prompt")
	flags.BoolVar(&f.json, "json", false, "one JSON object, at the end")
	return cmd
}

// completion is the answer of emblem complete --json.
type completion struct {
	Text     string         `json:"text"`
	IDs      []int32        `json:"ids"`
	Finish   string         `json:"finish_reason"`
	Usage    usage          `json:"usage"`
	Seed     *uint64        `json:"seed,omitempty"` // where tokens were drawn
	LogProbs []tokenLogProb `json:"logprobs,omitempty"`
	Model    string         `json:"model"`
	DType    string         `json:"dtype"`
}

type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
}

// tokenLogProb is a token with its logarithm of probability.
type tokenLogProb struct {
	ID      int32          `json:"id"`
	Token   string         `json:"token"`
	LogProb float32        `json:"logprob"`
	Top     []tokenLogProb `json:"top,omitempty"`
}

func (f *completeFlags) run(cmd *cobra.Command, a *app, prompt string) error {
	if f.model == "" {
		return usagef("name a language model with --model; emblem pull HuggingFaceTB/SmolLM2-135M fetches a small one")
	}
	if prompt == "-" {
		all, err := io.ReadAll(io.LimitReader(a.stdin, maxPrompt+1))
		if err == nil && len(all) > maxPrompt {
			err = usagef("the prompt on the standard input is over %d MB", maxPrompt>>20)
		}
		if err != nil {
			return err
		}
		prompt = strings.TrimSuffix(string(all), "\n")
	}
	ctx := cmd.Context()
	d, err := f.openDecoder(ctx, a)
	if err != nil {
		return err
	}
	defer d.Close()
	r := f.request(cmd, d)
	if err := r.Check(); err != nil {
		return usagef("%v", err)
	}
	ids, err := f.prompt(d, prompt)
	if err != nil {
		return err
	}
	return f.complete(ctx, a, d, ids, r)
}

// prompt is what the model reads.
func (f *completeFlags) prompt(d models.Decoder, prompt string) ([]int32, error) {
	if !f.chat {
		return d.Encode(prompt)
	}
	messages := []chat.Message{chat.Text("user", prompt)}
	if f.system != "" {
		messages = append([]chat.Message{chat.Text("system", f.system)}, messages...)
	}
	ids, err := d.Prompt(messages, chat.Options{})
	if errors.Is(err, chat.ErrNone) {
		return nil, usagef("%s was not taught to answer: its folder has no chat template; leave --chat out, or name a model whose name ends in Instruct or Chat", d.Name)
	}
	if err != nil {
		return nil, usagef("%w", err)
	}
	return ids, nil
}

// maxPrompt is far more than any model reads.
const maxPrompt = 64 << 20

func (f *completeFlags) openDecoder(ctx context.Context, a *app) (models.Decoder, error) {
	if err := f.checkDType(); err != nil {
		return models.Decoder{}, err
	}
	if f.system != "" && !f.chat {
		return models.Decoder{}, usagef("--system needs --chat")
	}
	if f.logprobs < 0 || f.logprobs > 100 {
		return models.Decoder{}, usagef("--logprobs %d is not 0 to 100", f.logprobs)
	}
	if f.window < 0 || f.sinks < 0 || f.window == 0 && f.sinks > 0 {
		return models.Decoder{}, usagef("--window %d and --sinks %d: want numbers of tokens, and sinks with a window only", f.window, f.sinks)
	}
	if f.MaxTokens < 0 {
		return models.Decoder{}, usagef("--max-tokens %d is below 0", f.MaxTokens)
	}
	if err := f.readSchema(); err != nil {
		return models.Decoder{}, err
	}
	if err := a.openDevice(); err != nil {
		return models.Decoder{}, err
	}
	d, err := models.OpenDecoder(ctx, f.model, models.Options{Device: a.device, DType: f.dtype, Cache: a.wiring.cache, Window: f.window, Sinks: f.sinks, Aliases: a.wiring.aliases})
	if err != nil {
		return d, modelError(err)
	}
	if _, err := d.Tokenizer(); err != nil {
		d.Close()
		return d, modelError(err)
	}
	return d, nil
}

// readSchema takes --schema as it is, or from its file.
func (f *completeFlags) readSchema() (err error) {
	if f.schema == "" || strings.HasPrefix(strings.TrimSpace(f.schema), "{") {
		f.Schema = []byte(f.schema)
		return nil
	}
	if f.Schema, err = os.ReadFile(f.schema); err != nil {
		return usagef("--schema is neither JSON nor a file: %v", err)
	}
	return nil
}

// request is what the model's folder asks for, with the flags that were given.
func (f *completeFlags) request(cmd *cobra.Command, d models.Decoder) decoder.Request {
	r, given := d.Defaults(), cmd.Flags().Changed
	r.Seed, r.Schema = uint64(rand.Uint32()), f.Schema
	for flag, set := range map[string]func(){
		"max-tokens":         func() { r.MaxTokens = f.MaxTokens },
		"temperature":        func() { r.Temperature = f.Temperature },
		"top-k":              func() { r.TopK = f.TopK },
		"top-p":              func() { r.TopP = f.TopP },
		"min-p":              func() { r.MinP = f.MinP },
		"repetition-penalty": func() { r.Penalty = f.Penalty },
		"seed":               func() { r.Seed = f.Seed },
		"logprobs":           func() { r.LogProbs, r.Tops = true, f.logprobs },
	} {
		if given(flag) {
			set()
		}
	}
	for _, s := range f.Stop {
		r.Stop = append(r.Stop, strings.NewReplacer(`\n`, "\n", `\t`, "\t").Replace(s))
	}
	return r
}

func (f *completeFlags) complete(ctx context.Context, a *app, d models.Decoder, prompt []int32, r decoder.Request) error {
	out := completion{IDs: []int32{}, Model: d.Name, DType: d.DType()}
	if r.Temperature > 0 {
		out.Seed = &r.Seed
	}
	var text strings.Builder
	u, err := d.CompleteTokens(ctx, prompt, r, func(p decoder.Piece) error {
		out.IDs, out.Finish = append(out.IDs, p.ID), p.Finish
		text.WriteString(p.Text)
		if f.json {
			if r.LogProbs {
				out.LogProbs = append(out.LogProbs, named(d, p.Token))
			}
			return nil
		}
		shown := p.Text
		if isTerminal(a.stdout) {
			shown = visibleBut(shown, "\n\t")
		}
		_, err := io.WriteString(a.stdout, shown)
		return err
	})
	var long *decoder.TooLongError
	var bad *decoder.RequestError
	switch {
	case errors.As(err, &long):
		return failf("prompt_too_long", "%w", err)
	case errors.As(err, &bad):
		return usagef("%w", err)
	case err != nil:
		return err
	}
	if f.json {
		out.Text, out.Usage = text.String(), usage{u.Prompt, u.Generated}
		return newEncoder(a.stdout).Encode(out)
	}
	_, err = fmt.Fprintln(a.stdout)
	return err
}

// named gives a token's probabilities the tokens' texts.
func named(d models.Decoder, t decoder.Token) tokenLogProb {
	out := tokenLogProb{ID: t.ID, Token: d.TokenText(t.ID), LogProb: t.LogProb}
	for _, c := range t.Tops {
		out.Top = append(out.Top, tokenLogProb{ID: c.ID, Token: d.TokenText(c.ID), LogProb: c.LogProb})
	}
	return out
}
