package decoder

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestReuse: a prompt that begins as an earlier one does is computed from where they
// part, with the same result; a source that differs shares nothing.
func TestReuse(t *testing.T) {
	d := open(t, "testdata/llama-gqa", Options{DType: "f32"})
	fresh := open(t, "testdata/llama-gqa", Options{DType: "f32"})
	long := make([]int32, 60)
	for i := range long {
		long[i] = int32(3 + i*5)
	}
	other := append(slices.Clone(long[:40]), 7, 8, 9)
	for _, c := range []struct {
		prompt []int32
		cached int
	}{{long, 0}, {long, 48}, {other, 32}, {long[:16], 0}, {long[:17], 16}, {long[1:], 0}} {
		q := Request{MaxTokens: 8, LogProbs: true}
		want := fresh.tokens(t, c.prompt, q)
		var got []Token
		u, err := d.Generate(context.Background(), c.prompt, q, func(k Token) error { got = append(got, k); return nil })
		if err != nil {
			t.Fatal(err)
		}
		if u.Cached != c.cached || len(got) != len(want) {
			t.Errorf("%d tokens: %d were there already, want %d", len(c.prompt), u.Cached, c.cached)
		}
		if again := d.tokens(t, c.prompt, q); !slices.Equal(again, want) {
			t.Errorf("%d tokens give %v, want %v", len(c.prompt), again, want)
		}
	}
	b := open(t, "testdata/bart", Options{DType: "f32"})
	q := Request{MaxTokens: 40, LogProbs: true}
	one := b.tokens(t, []int32{0, 50, 60, 2}, q)
	if two := b.tokens(t, []int32{0, 51, 60, 2}, q); slices.Equal(one, two) {
		t.Error("two sources give the same")
	}
	if again := b.tokens(t, []int32{0, 50, 60, 2}, q); !slices.Equal(again, one) {
		t.Error("a source gives something else the second time")
	}
}

// TestLeave: whoever leaves, by an error or by the context, gets no more tokens and
// leaves no pages behind.
func TestLeave(t *testing.T) {
	d := open(t, "testdata/gpt2", Options{DType: "f32", CacheTokens: 256})
	enough := errors.New("enough")
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			n := 0
			u, err := d.Generate(ctx, []int32{1, 2, int32(i)}, Request{MaxTokens: 50}, func(Token) error {
				n++
				switch {
				case n == 5 && i%2 == 0:
					return enough
				case n == 5:
					cancel()
				}
				return nil
			})
			if u.Generated != n || i%2 == 0 && (n != 5 || !errors.Is(err, enough)) || i%2 == 1 && !errors.Is(err, context.Canceled) {
				t.Errorf("%d: %d tokens, %+v, %v", i, n, u, err)
			}
		})
	}
	all.Wait()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		d.turns.mu.Lock()
		active := d.turns.active
		d.turns.mu.Unlock()
		if !active {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("turns go on for nobody")
		}
	}
	if idle := d.pages.idle(); idle != len(d.pages.all) {
		t.Errorf("%d of %d pages are free", idle, len(d.pages.all))
	}
}

// TestClose: the end of a decoder ends what it generates, with an error.
func TestClose(t *testing.T) {
	d, err := Load(context.Background(), "testdata/gpt2", Options{DType: "f32"})
	if err != nil {
		t.Fatal(err)
	}
	begun := make(chan bool, 1)
	ended := make(chan error)
	go func() {
		_, err := d.Generate(context.Background(), []int32{1}, Request{MaxTokens: 60}, func(Token) error {
			select {
			case begun <- true:
				d.Close()
			default:
			}
			return nil
		})
		ended <- err
	}()
	<-begun
	if err := <-ended; err != nil && !errors.Is(err, errClosed) {
		t.Error(err)
	}
	if _, err := d.Generate(context.Background(), []int32{1}, Request{}, nil); !errors.Is(err, errClosed) {
		t.Errorf("a closed decoder says %v", err)
	}
	d.Close()
}

// TestHolder: text that may be the beginning of a stop string is kept back, and
// nothing else.
func TestHolder(t *testing.T) {
	for _, c := range []struct {
		stops, parts []string
		want         string
		stopped      bool
	}{
		{nil, []string{"a", "b"}, "a|b|", false},
		{[]string{"END"}, []string{"a E", "N", "x", "EN"}, "a ||ENx|EN|", false},
		{[]string{"END"}, []string{"a E", "N", "Dx", "y"}, "a |||", true},
		{[]string{"bc", "abcd"}, []string{"xab", "c"}, "x|a|", true},
		{[]string{"aab"}, []string{"aa", "a", "b"}, "|a||", true},
		{[]string{""}, []string{"a"}, "a|", false},
		{[]string{"日本"}, []string{"x日", "本"}, "x||", true},
	} {
		h, got, stopped := holder{stops: c.stops}, "", false
		for i, p := range c.parts {
			var text string
			text, stopped = h.push(p, i == len(c.parts)-1)
			if got += text + "|"; stopped {
				break
			}
		}
		if got != c.want || stopped != c.stopped {
			t.Errorf("%q in %q: %q, %v; want %q", c.stops, c.parts, got, stopped, c.want)
		}
	}
}
