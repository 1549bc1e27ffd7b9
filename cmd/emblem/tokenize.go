package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/fusion"
)

// tokens is one text's line of emblem tokenize.
type tokens struct {
	Text      string  `json:"text"`
	IDs       []int32 `json:"ids"`
	Truncated bool    `json:"truncated"`
	Model     string  `json:"model"`
}

func newTokenizeCmd(a *app) *cobra.Command {
	var f modelFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "tokenize TEXT...",
		Short: "Show the token ids that a model reads",
		Args:  atLeastOne("one text"),
		RunE: func(_ *cobra.Command, args []string) error {
			return tokenize(a, f, args, asJSON)
		},
	}
	f.addModel(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object per line")
	return cmd
}

func tokenize(a *app, f modelFlags, texts []string, asJSON bool) error {
	t, err := f.openTokenizer(a)
	if err != nil {
		return err
	}
	if t.PicturesOnly() {
		return wordless(t.Name())
	}
	enc := newEncoder(a.stdout)
	for _, s := range texts {
		ids, cut, err := t.EncodeText(s, fusion.CutEnd)
		if err != nil {
			return err
		}
		if asJSON {
			err = enc.Encode(tokens{s, ids, cut, t.Name()})
		} else {
			_, err = fmt.Fprintf(a.stdout, "%v\n", ids)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
