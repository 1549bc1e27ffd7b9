package vector

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"reflect"
	"testing"
)

func stored(t testing.TB, g *Graph) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := g.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// rich is a graph with everything that a file can hold.
func rich(t testing.TB, n, dim int) (*Graph, Matrix) {
	t.Helper()
	r := rand.New(rand.NewPCG(30, 30))
	m := clustered(r, n, dim, 0.3)
	for i := range m.Data[:n/2*dim] {
		m.Data[i] *= 1.5
	}
	for id := range uint32(3) { // a ring of four
		copy(m.Row(uint32(n)-1-id), m.Row(1))
	}
	g := built(t, m, Dot, GraphOptions{Degree: 8, Extra: 4, Breadth: 20})
	var sample [][]float32
	texts := clustered(r, 40, dim, -0.5)
	for i := range uint32(40) {
		sample = append(sample, texts.Row(i))
	}
	if err := g.Learn(sample); err != nil {
		t.Fatal(err)
	}
	g.Delete(3, 77)
	return g, m
}

func TestFile(t *testing.T) {
	g, m := rich(t, 900, 70)
	data := stored(t, g)
	back, err := Open(data, m, 2)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(stored(t, back), data) {
		t.Fatal("what was read writes other bytes")
	}
	if back.deadN != 2 || back.Loose() != 2 || !reflect.DeepEqual(back.curves, g.curves) || back.curves[1] == nil || len(back.twins.rings) != 1 {
		t.Errorf("deleted %d, loose %d, curves %v", back.deadN, back.Loose(), back.curves)
	}
	for i := range uint32(50) {
		for _, p := range []Params{{}, {Exact: true}, {Effort: 30}, {MinRecall: 0.9, Limit: 100}} {
			a, ra, _ := g.Search(m.Row(i), p)
			b, rb, err := back.Search(m.Row(i), p)
			if err != nil || !reflect.DeepEqual(a, b) || ra != rb {
				t.Fatalf("%v %v, want %v %v (%v)", b, rb, a, ra, err)
			}
		}
	}
	empty, err := NewCodes(Options{Dim: 4}, make([]float32, 4), 0)
	if err != nil {
		t.Fatal(err)
	}
	none, _ := NewGraph(empty, m, GraphOptions{})
	if back, err := Open(stored(t, none), m, 1); err != nil || back.Len() != 0 {
		t.Fatal(back, err)
	}
}

// TestDamage flips a bit in every block and cuts the file everywhere near a seam.
func TestDamage(t *testing.T) {
	g, m := rich(t, 900, 70)
	data := stored(t, g)
	for at := 0; at < len(data); at += 997 {
		bad := bytes.Clone(data)
		bad[at] ^= 1 << (at % 8)
		if _, err := Open(bad, m, 1); !errors.Is(err, ErrDamaged) {
			t.Fatalf("bit at %d: %v", at, err)
		}
	}
	for _, n := range []int{0, 1, 8, 100, cut, cut + 4, cut + 5, len(data) - 5, len(data) - 4, len(data) - 1} {
		if _, err := Open(data[:n], m, 1); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
	if _, err := Open(append(bytes.Clone(data), 0), m, 1); !errors.Is(err, ErrDamaged) {
		t.Fatal("a longer file was taken")
	}
}

// sealed gives every block its sum, so that the bytes inside are what is judged.
func sealed(stream []byte) []byte {
	var out []byte
	for len(stream) > 0 {
		n := min(cut, len(stream))
		out = append(out, stream[:n]...)
		out = binary.LittleEndian.AppendUint32(out, crc32.Checksum(stream[:n], castagnoli))
		stream = stream[n:]
	}
	return out
}

// FuzzOpen demands that no bytes, with sums that are right, make Open panic or
// searches of what it takes leave the memory.
func FuzzOpen(f *testing.F) {
	g, m := rich(f, 40, 6)
	data := stored(f, g)
	f.Add(data[:len(data)-4])
	f.Add(data[:60])
	f.Fuzz(func(t *testing.T, stream []byte) {
		g, err := Open(sealed(stream), m, 1)
		if err != nil || g.codes.Dim != m.Dim || g.codes.n > 40 {
			return
		}
		for _, p := range []Params{{}, {Exact: true}, {Effort: 10}, {MinRecall: 0.5, Allow: Bitmap{0xffff}}} {
			if _, _, err := g.Search(m.Row(1), p); err != nil {
				t.Fatal(err)
			}
		}
		g.Compact()
	})
}
