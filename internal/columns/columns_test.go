package columns

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sort"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
)

func TestTexts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 1, block, block + 1, 1000} {
		var want []string
		for i := range n {
			want = append(want, fmt.Sprintf("/%d/%s/%d", i/40, bytes.Repeat([]byte("x"), r.IntN(300)), r.IntN(50)))
		}
		sort.Strings(want)
		var b TextBuilder
		for _, s := range want {
			b.Add([]byte(s))
		}
		texts := b.Texts()
		if texts.Len() != n {
			t.Fatalf("%d texts, want %d", texts.Len(), n)
		}
		for i, s := range want {
			if got := texts.At(i); got != s {
				t.Fatalf("text %d is %q, want %q", i, got, s)
			}
			if at := texts.Search(func(x []byte) bool { return string(x) >= s }); want[at] != s || at > 0 && want[at-1] == s {
				t.Fatalf("%q found at %d", s, at)
			}
		}
		if at := texts.Search(func([]byte) bool { return false }); at != n {
			t.Errorf("nothing found at %d of %d", at, n)
		}
		from := n / 3
		var got []string
		texts.Each(from, n, func(i int, s []byte) bool { got = append(got, string(s)); return true })
		if !slices.Equal(got, want[from:]) {
			t.Errorf("from %d: %d texts", from, len(got))
		}
	}
}

func TestNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for _, most := range []uint64{0, 200, 60_000, 1 << 20, 1<<64 - 1} {
		for _, n := range []int{0, 1, 63, 64, 65, 1000} {
			keys := make([]uint64, n)
			for i := range keys {
				keys[i] = r.Uint64() % max(most, 1)
				if r.IntN(9) == 0 {
					keys[i] = most
				}
			}
			b := NewNumbers(keys)
			if bytes := len(b.data); bytes > n*widthOf(most) {
				t.Errorf("%d numbers up to %d take %d bytes", n, most, bytes)
			}
			least, end := r.Uint64()%max(most, 1), r.Uint64()%max(most, 1)
			least, end = min(least, end), max(least, end)
			words := make([]uint64, (n+63)/64)
			b.InRange(least, end, words)
			for i, k := range keys {
				if b.At(i) != k {
					t.Fatalf("number %d is %d, want %d", i, b.At(i), k)
				}
				if in := words[i/64]>>(i%64)&1 == 1; in != (least <= k && k <= end) {
					t.Fatalf("%d in %d-%d: %v", k, least, end, in)
				}
			}
		}
	}
}

// randomPostings returns postings of every size and the places of each value.
func randomPostings(r *rand.Rand, n int) (*Postings, [][]uint32) {
	lists := make([][]uint32, 20)
	var value, place []uint32
	for range 3 * n {
		v, at := uint32(r.IntN(20)*r.IntN(20)/20), uint32(r.IntN(n))
		lists[v] = append(lists[v], at)
		value, place = append(value, v), append(place, at)
	}
	for v := range lists {
		slices.Sort(lists[v])
		lists[v] = slices.Compact(lists[v])
	}
	return NewPostings(20, n, value, place), lists
}

func TestPostings(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for _, n := range []int{1, 100, 5000} {
		p, lists := randomPostings(r, n)
		half := roaring.New()
		half.AddRange(0, uint64(n/2))
		for v, want := range lists {
			var got []uint32
			p.Each(v, func(place uint32) { got = append(got, place) })
			in, _ := slices.BinarySearch(want, uint32(n/2))
			if !slices.Equal(got, want) || p.Count(v) != len(want) || p.CountIn(v, half) != in {
				t.Fatalf("value %d: %d places, counts %d and %d; want %d and %d", v, len(got), p.Count(v), p.CountIn(v, half), len(want), in)
			}
		}
		for range 20 {
			from, to := r.IntN(21), r.IntN(21)
			want := roaring.New()
			for v := from; v < to; v++ {
				want.AddMany(lists[v])
			}
			if !p.Between(from, to).Equals(want) || !p.Of(func(v int) bool { return v >= from && v < to }).Equals(want) {
				t.Fatalf("values %d to %d are wrong", from, to)
			}
		}
	}
}

func TestHolders(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, share := range []int{1, 2, 30} {
		set := roaring.New()
		for i := range uint32(3000) {
			if r.IntN(share) == 0 {
				set.Add(i)
			}
		}
		h := NewHolders(3000, set)
		want := roaring.New()
		words := make([]uint64, (h.Len()+63)/64)
		h.Each(func(i int, place uint32) {
			if at, ok := h.Index(place); !ok || at != i {
				t.Fatalf("place %d has entry %d, want %d", place, at, i)
			}
			if r.IntN(3) == 0 {
				words[i/64] |= 1 << (i % 64)
				want.Add(place)
			}
		})
		if !h.Bitmap().Equals(set) || !h.Places(words).Equals(want) {
			t.Errorf("one of %d: places are wrong", share)
		}
	}
}

// written is one of each that an Encoder takes.
func written(r *rand.Rand) (*Encoder, func(d *Decoder) bool) {
	var b TextBuilder
	for i := range 100 {
		b.Add([]byte(fmt.Sprint("text ", i*r.IntN(9))))
	}
	texts, numbers := b.Texts(), NewNumbers([]uint64{1, 300, 2})
	postings, _ := randomPostings(r, 2000)
	h := NewHolders(10, roaring.BitmapOf(1, 5, 9))
	var e Encoder
	e.Texts(texts)
	e.Numbers(numbers)
	e.Postings(postings)
	e.Holders(h)
	e.String("end")
	e.Float(-0.5)
	return &e, func(d *Decoder) bool {
		t, n, p, hs, s, f := d.Texts(), d.Numbers(), d.Postings(20, 2000), d.Holders(10, 3), d.String(), d.Float()
		if d.End() != nil {
			return false
		}
		t.Each(0, t.Len(), func(int, []byte) bool { return true })
		if n.Len() < 1<<16 { // equal numbers take no bytes, whoever says how many there are
			n.InRange(1, 5, make([]uint64, (n.Len()+63)/64))
		}
		same := p.All().Equals(postings.All()) && slices.Equal(p.start, postings.start) && slices.Equal(p.items, postings.items)
		return same && reflect.DeepEqual(t, texts) && bytes.Equal(n.data, numbers.data) && hs.Set.Equals(h.Set) && s == "end" && f == -0.5
	}
}

func TestCodec(t *testing.T) {
	e, same := written(rand.New(rand.NewPCG(5, 5)))
	if !same(NewDecoder(e.Data)) {
		t.Fatal("what was read is not what was written")
	}
	for cut := range len(e.Data) {
		if same(NewDecoder(e.Data[:cut])) {
			t.Fatalf("%d of %d bytes were read without a mistake", cut, len(e.Data))
		}
	}
}

func TestSeal(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for _, n := range []int{0, 1, cut, 3*cut + 5} {
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		head, tail := Seal(data)
		file := slices.Concat(head, data, tail)
		if got, err := Unseal(file); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes: %v", n, err)
		}
		for range 200 {
			bad := slices.Clone(file)
			switch r.IntN(3) {
			case 0:
				bad = bad[:r.IntN(len(bad))]
			case 1:
				bad = append(bad, byte(r.Uint32()))
			default:
				bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
			}
			if _, err := Unseal(bad); !errors.Is(err, ErrDamaged) {
				t.Fatalf("damage was not seen: %v", err)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	e, same := written(rand.New(rand.NewPCG(7, 7)))
	f.Add(e.Data)
	f.Fuzz(func(t *testing.T, data []byte) { same(NewDecoder(data)) })
}

func FuzzUnseal(f *testing.F) {
	head, tail := Seal([]byte("data"))
	f.Add(slices.Concat(head, []byte("data"), tail))
	f.Fuzz(func(t *testing.T, file []byte) {
		data, err := Unseal(file)
		if err != nil {
			return
		}
		head, tail := Seal(data)
		if !bytes.Equal(slices.Concat(head, data, tail), file) {
			t.Error("another file than was written")
		}
	})
}
