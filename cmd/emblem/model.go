package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/hub"
	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/vit"
)

// modelFlags are the flags of every command that runs a model.
type modelFlags struct {
	model     string
	dtype     string
	reduce    string
	unchecked bool // for looking at a model that its certificate would refuse
}

func (f *modelFlags) add(cmd *cobra.Command) {
	f.addModel(cmd)
	f.addDType(cmd)
	addReduce(cmd, &f.reduce)
}

// addReduce is for commands that encode pictures.
func addReduce(cmd *cobra.Command, value *string) {
	cmd.Flags().StringVar(value, "reduce", "none", "shorten the sequences of pictures, which is faster and not exact: merge:R (each block merges R patches into those most like them) prune:SHARE (the share that the class token looks at most stays) or patches:N (the budget of a model that keeps shapes)")
}

// parseReduce reads --reduce.
func parseReduce(s string) (vit.Reduce, error) {
	r, err := vit.ParseReduce(s)
	if err != nil {
		return r, usagef("--reduce %v", err)
	}
	return r, nil
}

func (f *modelFlags) addModel(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.model, "model", models.Default, "a folder, builtin/search, an alias, or ORG/NAME in the Hugging Face cache")
}

func (f *modelFlags) addDType(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.dtype, "dtype", "auto", "auto, f32, f16, bf16, int8 or int4; auto is bf16 where the processor is good at it, else f32")
}

// open opens the model. A model that is not here and a wrong flag are exit 2.
func (f *modelFlags) open(ctx context.Context, a *app) (*models.Model, error) {
	if err := f.checkDType(); err != nil {
		return nil, err
	}
	reduce, err := parseReduce(f.reduce)
	if err != nil {
		return nil, err
	}
	if err := a.openDevice(); err != nil {
		return nil, err
	}
	m, err := models.Open(ctx, f.model, models.Options{Device: a.device, DType: f.dtype, Lazy: true, Cache: a.wiring.cache, Aliases: a.wiring.aliases, Reduce: reduce, Unchecked: f.unchecked})
	if err != nil {
		return nil, modelError(err)
	}
	warnOfDrift(a.log, m)
	return m, nil
}

func (f *modelFlags) checkDType() error {
	return oneOf("dtype", f.dtype, "auto", "f32", "float32", "fp32", "f16", "float16", "fp16", "half", "bf16", "bfloat16", "int8", "i8", "int4", "i4", "int4-32", "int4-64", "int4-128")
}

// openTokenizer opens the model's tokenizer only.
func (f *modelFlags) openTokenizer(a *app) (models.Tokenizer, error) {
	t, err := models.OpenTokenizer(f.model, models.Options{Aliases: a.wiring.aliases})
	if err != nil {
		return nil, modelError(err)
	}
	return t, nil
}

// ready reads the weights of the towers that will be used, so that a model that
// turns out to be damaged fails before there is any output.
func ready(m *models.Model, texts, pictures bool) error {
	if texts && m.PicturesOnly() {
		return wordless(m.Name())
	}
	if err := m.ReadyFor(texts, pictures); err != nil {
		return modelError(fmt.Errorf("%s: %w", m.Name(), err))
	}
	return nil
}

// wordless is exit 2: the model knows pictures only.
func wordless(name string) error {
	return refusef("pictures_only", "%w", &fusion.PicturesOnlyError{Model: name})
}

// modelError makes the errors of opening a model exit 2: it is not here, or what
// is here cannot be used as it is.
func modelError(err error) error {
	var missing *hub.NotFound
	if errors.As(err, &missing) {
		return refusef("model_not_found", "%w", err)
	}
	return refusef("model_invalid", "%w", err)
}

// atLeastOne is for commands that do nothing without an argument.
func atLeastOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("name at least %s: emblem %s", what, cmd.Use)
		}
		return nil
	}
}

// oneOf refuses a flag's value that is not in the list.
func oneOf(flag, value string, list ...string) error {
	for _, v := range list {
		if v == value {
			return nil
		}
	}
	return usagef("--%s %q is not one of %s", flag, value, quoteList(list))
}

func quoteList(list []string) string {
	s := ""
	for i, v := range list {
		if i > 0 {
			s += ", "
		}
		s += fmt.Sprintf("%q", v)
	}
	return s
}

// message is an error as JSON answers carry it.
type message struct {
	Message string `json:"message"`
}

func messageOf(err error) *message {
	if err == nil {
		return nil
	}
	return &message{err.Error()}
}
