package words

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
)

// TestFoldDuringMerge lets go a whole segment, and one document of another, after a merge
// of them has begun.
func TestFoldDuringMerge(t *testing.T) {
	s := filled(t)
	st := s.hold()
	defer s.release(st)
	list := st.segments[:2]
	lost := roaring.BitmapOf(list[0].ords...)
	lost.Add(list[1].ords[7])
	want := s.Ordinals()
	want.AndNot(lost)
	if err := s.Fold(s.Seq()+1, lost, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.join(list); err != nil {
		t.Fatal(err)
	}
	if got := s.Ordinals(); !got.Equals(want) {
		t.Errorf("%d documents after the merge, want %d", got.GetCardinality(), want.GetCardinality())
	}
	if err := s.Verify(); err != nil {
		t.Error(err)
	}
}

// TestReplacedFilesAreNotDamage checks a state whose files a merge has replaced since.
func TestReplacedFilesAreNotDamage(t *testing.T) {
	s := filled(t)
	st := s.hold()
	defer s.release(st)
	if err := s.merge(st.segments); err != nil {
		t.Fatal(err)
	}
	checked := 0
	err := s.each(st, func(g *segment) error { checked++; return g.verify(s.opts.Dir) })
	if err != nil || checked != 3 {
		t.Errorf("%d files checked: %v", checked, err)
	}
	if err := s.merge(st.segments); err != nil {
		t.Errorf("a merge of replaced files: %v", err)
	}
	if err := os.Remove(filepath.Join(s.opts.Dir, s.now.segments[0].File)); err != nil {
		t.Fatal(err)
	}
	if s.Check() == nil || s.Verify() == nil {
		t.Error("a file that is missing is not noticed")
	}
}

// TestMergeOfNothing joins segments that a fold has emptied meanwhile.
func TestMergeOfNothing(t *testing.T) {
	s := filled(t)
	st := s.hold()
	defer s.release(st)
	if err := s.Fold(s.Seq()+1, s.Ordinals(), nil); err != nil {
		t.Fatal(err)
	}
	if err := s.join(st.segments); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(s.opts.Dir)
	if got := s.Stats(); got.Docs != 0 || got.Segments != 0 || err != nil || len(files) != 0 {
		t.Errorf("%+v and %d files, %v", got, len(files), err)
	}
}
