package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/emblem-search/emblem/index"
	"github.com/emblem-search/emblem/internal/library"
)

// fieldExamples shows how each of the usual fields is asked for.
var fieldExamples = []struct{ name, example string }{
	{"path", "path:/pictures/2024/**"}, {"name", "name:IMG_*.jpg"}, {"folder", "folder:holiday"}, {"kind", "kind:jpeg"},
	{"taken", "taken>=2023-05"}, {"year", "year in(2022,2023)"}, {"month", "month<=3"},
	{"camera", "camera:X100*"}, {"lens", "lens:50mm"}, {"width", "width>=4000"}, {"height", "height<1000"},
	{"gps", "near(59.9,10.7,5km)"}, {"tag", "tag:beach"}, {"caption", "caption:\"red kite\""}, {"source", "source:file"}, {"added", "added:2024"},
}

// fieldHelp is a line of --filter help.
type fieldHelp struct {
	Field    string   `json:"field"`
	Pictures int      `json:"pictures"`
	Example  string   `json:"example"`
	Values   []string `json:"values"` // the most frequent first
}

// fieldsOf lists the usual fields in their order, then the library's own.
func fieldsOf(fields []index.Field) []fieldHelp {
	var out []fieldHelp
	order := map[string]int{}
	for i, f := range fieldExamples {
		order[f.name] = i - len(fieldExamples)
		out = append(out, fieldHelp{Field: f.name, Example: f.example, Values: []string{}})
	}
	for _, f := range fields {
		if at := order[f.Name]; at < 0 {
			h := &out[at+len(fieldExamples)]
			h.Pictures, h.Values = f.Documents, append(h.Values, f.Examples...)
		} else {
			out = append(out, fieldHelp{f.Name, f.Documents, f.Name + ":" + f.Examples[0], f.Examples})
		}
	}
	slices.SortStableFunc(out, func(a, b fieldHelp) int { return cmp.Compare(order[a.Field], order[b.Field]) })
	return out
}

// filterHelp prints what filters can ask for.
func (o searchOptions) filterHelp(s *session, lib *library.Library) error {
	fields, err := lib.Fields(3)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if o.Format == "json" {
		lines := newEncoder(&out)
		for _, f := range fieldsOf(fields) {
			lines.Encode(f)
		}
	} else {
		table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "FIELD\tPICTURES\tEXAMPLE\tVALUES")
		for _, f := range fieldsOf(fields) {
			fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", f.Field, f.Pictures, f.Example, strings.Join(f.Values, "  "))
		}
		table.Flush()
		fmt.Fprint(&out, `
Join conditions with and, or, not and ( ); a bare word is a tag.
  :              words of the field, in any case; with * and ? a pattern
  = != < <= > >= exact; in order of numbers, dates or letters
  FIELD in(A,B)  one of several      FIELD:*  the picture has the field
  near(LATITUDE,LONGITUDE,DISTANCE)  within 500m, 5km or 3mi
Put values with spaces in "…". Dates are 2023, 2023-05 or 2023-05-17.
`)
	}
	_, err = s.stdout.Write(out.Bytes())
	return err
}
