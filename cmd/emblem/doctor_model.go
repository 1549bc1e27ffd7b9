package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"

	"github.com/emblem-search/emblem/internal/certificate"
	"github.com/emblem-search/emblem/internal/models"
)

// certify prints a model's certificate, and is exit 1 if something is wrong.
func (a *app) certify(ctx context.Context, f modelFlags, deep, asJSON bool) error {
	f.unchecked = true
	m, err := f.open(ctx, a)
	if err != nil {
		return err
	}
	defer m.Close()
	c, err := m.Certificate(ctx, deep)
	if err != nil {
		return failf("certificate", "%w", err)
	}
	if asJSON {
		err = newEncoder(a.stdout).Encode(c)
	} else {
		err = writeCertificate(a.stdout, c)
	}
	if err == nil && !c.OK {
		err = failf("drift", "%s is not what it should be: %s", c.Model, strings.Join(faults(c), "; "))
	}
	return err
}

// warnOfDrift tells what opening a model has found odd.
func warnOfDrift(log *slog.Logger, m *models.Model) {
	for _, d := range m.Drift() {
		log.Warn("the model may not be what its folder says; see emblem doctor", "model", m.Name(), "check", d.Check, "found", d.Detail)
	}
}

// faults are all that is wrong.
func faults(c *certificate.Certificate) (all []string) {
	for _, p := range c.Parts {
		if !p.OK {
			all = append(all, p.String())
		}
	}
	for _, f := range c.Findings {
		if !f.OK {
			all = append(all, f.Check+": "+f.Detail)
		}
	}
	return all
}

func writeCertificate(w io.Writer, c *certificate.Certificate) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "model\t%s (%s), %s\n", visible(c.Model), visible(c.Family), c.DType)
	fmt.Fprintf(t, "fingerprint\t%s\n", c.Fingerprint)
	m := c.Machine
	fmt.Fprintf(t, "machine\t%s, %d cores, %s, %s\n", visible(m.Processor), m.Cores, m.System, m.Device)
	for _, dtype := range certificate.DTypes {
		fmt.Fprintf(t, "%s\t%s\n", dtype, m.Kernels[dtype])
	}
	for i, s := range c.Rules.Steps {
		fmt.Fprintf(t, "step %d\t%s\n", i+1, s)
	}
	writeRules(t, c.Rules)
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(t, "\nPART\tDTYPE\tWORST\tALLOWED\tMEASURE\tCHECKED\tGOLDEN\t\n")
	for _, p := range c.Parts {
		dtype := p.DType
		if dtype == "" {
			dtype = "all"
		}
		fmt.Fprintf(t, "%s\t%s\t%.2g\t%.2g\t%s\t%d\t%s\t%s\n", p.Part, dtype, p.Worst, p.Tolerance, p.Measure, p.Checked, p.Golden, mark(p.OK))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(t, "\nTHE FOLDER\t\t\n")
	for _, f := range c.Findings {
		fmt.Fprintf(t, "%s\t%s\t%s\n", f.Check, mark(f.OK), visible(f.Detail))
	}
	return t.Flush()
}

// writeRules says how pictures and texts are prepared, beside the steps.
func writeRules(w io.Writer, r certificate.Rules) {
	if p := r.Pictures; p != nil {
		fmt.Fprintf(w, "pictures\tfilter %s, antialias %t, activation %s, pooling %s\n", p.Filter, p.Antialias, p.Activation, p.Pooling)
	}
	if t := r.Texts; t != nil {
		fmt.Fprintf(w, "texts\tat most %d tokens, padding %s, activation %s, pooling %s\n", r.Tokens, t.Padding, t.Activation, t.Pooling)
	}
}

func mark(ok bool) string {
	if ok {
		return "ok"
	}
	return "WRONG"
}
