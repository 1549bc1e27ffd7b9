package library

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
)

func (q Query) String() string {
	var out []string
	for _, t := range q.Terms {
		if t.Image != "" {
			out = append(out, fmt.Sprintf("%g[image %s]", t.Weight, t.Image))
		} else {
			out = append(out, fmt.Sprintf("%g[%s]", t.Weight, t.Text))
		}
	}
	return strings.Join(out, " ")
}

func TestParseQuery(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"sunset over water", "1[sunset over water]"},
		{"beach - people", "1[beach] -1[people]"},
		{"beach + dog - people", "1[beach] 1[dog] -1[people]"},
		{"2:golden retriever + 0.5:snow", "2[golden retriever] 0.5[snow]"},
		{"a - 3:b", "1[a] -3[b]"},
		{"./a.jpg", "1[image ./a.jpg]"},
		{"2:./my cat.jpg - snow", "2[image ./my cat.jpg] -1[snow]"},
		{"/abs/a.jpg + red", "1[image /abs/a.jpg] 1[red]"},
		{`image:"my pool.jpg" - water`, "1[image my pool.jpg] -1[water]"},
		{`2:image:"a - b + c.jpg" + d`, "2[image a - b + c.jpg] 1[d]"},
		{"image:a.jpg", "1[image a.jpg]"},
		{"- people", "1[- people]"},
		{"+ people", "1[+ people]"},
		{"beach -people", "1[beach -people]"},
		{"black-and-white", "1[black-and-white]"},
		{"C++ - C", "1[C++] -1[C]"},
		{"beach -", "1[beach -]"},
		{"a - - b", "1[a] -1[- b]"},
		{"a +  + b", "1[a] 1[+ b]"},
		{"  a  +  b  ", "1[a] 1[b]"},
		{"time 12:30", "1[time 12:30]"},
		{"/", "1[/]"},
		{`say "a`, `1[say "a]`},
	} {
		q, err := ParseQuery(c.in)
		if err != nil || q.String() != c.want {
			t.Errorf("%q: %v, %v; want %s", c.in, q, err, c.want)
		}
	}
	for _, in := range []string{"", "   ", "0:a", "2:", "a + 1001:b", "image:", `image:"a`, `image:""`, strings.Repeat("a + ", 70) + "a", strings.Repeat("x", maxQuery+1)} {
		var e *Error
		if q, err := ParseQuery(in); !errors.As(err, &e) || e.Kind != KindQuery {
			t.Errorf("%.40q: %v, %v; want an error of KindQuery", in, q, err)
		}
	}
}

func FuzzParseQuery(f *testing.F) {
	for _, s := range []string{"beach - people", `2:image:"a - b.jpg" + c`, "a - - b", "0.5:./x.jpg + +", "image:\"", "\xff - \x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := ParseQuery(s)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("%q: an error without a kind: %v", s, err)
			}
			return
		}
		if len(q.Terms) == 0 || len(q.Terms) > maxTerms || q.Terms[0].Weight <= 0 {
			t.Errorf("%q: terms %v", s, q.Terms)
		}
		for _, term := range q.Terms {
			if (term.Text == "") == (term.Image == "") {
				t.Errorf("%q: term %+v must be words or a picture", s, term)
			}
			if w := math.Abs(term.Weight); !(w > 0 && w <= maxWeight) {
				t.Errorf("%q: weight %v", s, term.Weight)
			}
		}
	})
}
