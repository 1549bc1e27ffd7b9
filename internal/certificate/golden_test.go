package certificate

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestGoldens: every golden is right in every dtype, on whatever this machine has.
func TestGoldens(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range all {
		if family, _, _ := strings.Cut(g.Name, "."); family != g.Family {
			t.Errorf("%s is of the family %s", g.Name, g.Family)
		}
		for _, dtype := range append([]string{"int4-32", "int4-128"}, DTypes...) {
			start := time.Now()
			r, err := g.Run(context.Background(), "cpu", dtype)
			if err != nil {
				t.Errorf("%s in %s: %v", g.Name, dtype, err)
				continue
			}
			t.Logf("%s (%s) in %s: %v", g.Name, g.Family, dtype, time.Since(start))
			for _, p := range r.Parts {
				t.Logf("  %v (%d)", p, p.Checked)
				if !p.OK {
					t.Errorf("%s in %s: %v", g.Name, dtype, p)
				}
			}
		}
	}
}
