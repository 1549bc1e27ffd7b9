package picture

import (
	"testing"
	"time"
)

func TestReadMetadata(t *testing.T) {
	m, err := ReadMetadata(readPicture(t, "camera.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	taken := time.Date(2021, 3, 4, 5, 6, 7, 0, time.FixedZone("", 2*3600))
	if m.W != 24 || m.H != 16 || m.Orientation != 8 || m.Camera != "Canon EOS R6" || !m.Taken.Equal(taken) {
		t.Errorf("%+v", m)
	}
	if !m.Located || m.Latitude != -33.5 || m.Longitude != 151.25 {
		t.Errorf("place %v %v %v", m.Located, m.Latitude, m.Longitude)
	}
}

func TestReadMetadataOfAPlainPicture(t *testing.T) {
	for _, file := range []string{"rgb8.png", "plain.gif", "bmp24.bmp", "gray.jpg"} {
		m, err := ReadMetadata(readPicture(t, file))
		if err != nil || m.W == 0 || m.Orientation != 1 || m.Camera != "" || m.Located || !m.Taken.IsZero() {
			t.Errorf("%s: %+v, %v", file, m, err)
		}
	}
}
