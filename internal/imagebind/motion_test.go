package imagebind

import "testing"

// FuzzReadMotion: no file makes the reader panic, and what it reads can be stretched.
func FuzzReadMotion(f *testing.F) {
	f.Add([]byte("ax,ay,az,gx,gy,gz\n1,2,3,4,5,6\n-1e3, .5,0,0,0,7\n"))
	f.Add([]byte("1,2,3,4,5,NaN"))
	f.Fuzz(func(t *testing.T, file []byte) {
		rows, err := ReadMotion(file)
		if err != nil || len(rows) < 2 {
			return
		}
		if s, err := Motion(rows); err != nil || len(s.Clips[0]) != readings*channels {
			t.Errorf("%d readings: %v", len(rows), err)
		}
	})
}
