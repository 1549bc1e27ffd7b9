package picture

import (
	"slices"
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

// xmpJPEG puts what a cataloguing program writes into a JPEG.
func xmpJPEG(t *testing.T, file, properties string) []byte {
	t.Helper()
	data := readPicture(t, file)
	body := "http://ns.adobe.com/xap/1.0/\x00" + `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
		`<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:exifEX="http://cipa.jp/exif/1.0/">` + properties + `</rdf:Description></rdf:RDF></x:xmpmeta>`
	segment := append([]byte{0xff, 0xe1, byte((len(body) + 2) >> 8), byte(len(body) + 2)}, body...)
	return slices.Concat(data[:2], segment, data[2:])
}

func TestReadMetadataOfACatalogue(t *testing.T) {
	m, err := ReadMetadata(xmpJPEG(t, "gray.jpg", `<exifEX:LensModel>RF 50mm F1.2</exifEX:LensModel>`+
		`<dc:subject><rdf:Bag><rdf:li>sea</rdf:li><rdf:li>my dog</rdf:li><rdf:li>sea</rdf:li></rdf:Bag></dc:subject>`+
		`<dc:description><rdf:Alt><rdf:li xml:lang="x-default">At the sea</rdf:li></rdf:Alt></dc:description>`))
	if err != nil || m.Lens != "RF 50mm F1.2" || !slices.Equal(m.Keywords, []string{"sea", "my dog"}) || m.Caption != "At the sea" {
		t.Errorf("%+v, %v", m, err)
	}
	one, err := ReadMetadata(xmpJPEG(t, "gray.jpg", `<dc:subject><rdf:Bag><rdf:li>sea</rdf:li></rdf:Bag></dc:subject>`))
	if err != nil || !slices.Equal(one.Keywords, []string{"sea"}) || one.Lens != "" || one.Caption != "" {
		t.Errorf("%+v, %v", one, err)
	}
}
