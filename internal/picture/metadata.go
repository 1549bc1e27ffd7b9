package picture

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bep/imagemeta"
)

// Metadata is what a camera wrote into a file. What is not known is zero.
type Metadata struct {
	W, H                int       // pixels as stored
	Orientation         int       // EXIF's, 1 to 8
	Taken               time.Time // in the camera's zone if it wrote one, else in the local one
	Camera              string    // maker and model
	Lens                string
	Keywords            []string
	Caption             string
	Located             bool    // whether Latitude and Longitude are known
	Latitude, Longitude float64 // degrees, north and east positive
}

// metadataTags are the only ones that are kept.
var metadataTags = map[string]bool{
	"Make": true, "Model": true, "DateTime": true, "DateTimeOriginal": true, "DateTimeDigitized": true,
	"CreateDate": true, "ModifyDate": true, "DateCreated": true, "TimeCreated": true,
	"OffsetTimeOriginal": true, "LensModel": true, "Lens": true,
	"Keywords": true, "Subject": true, "Caption-Abstract": true, "Description": true, "ImageDescription": true,
	"GPSLatitude": true, "GPSLatitudeRef": true, "GPSLongitude": true, "GPSLongitudeRef": true,
}

// ReadMetadata reads what the camera wrote. A kind of file that carries
// nothing gives its size alone.
func ReadMetadata(data []byte) (Metadata, error) {
	o := Options{Local: true, Limits: LocalLimits(0)}
	h, err := ReadHeader(data, o)
	if err != nil {
		return Metadata{}, err
	}
	m := Metadata{W: h.W, H: h.H, Orientation: h.Orientation}
	kind, ok := metadataFormat(h.Format, data)
	if !ok {
		return m, nil
	}
	return guard(h.Format, func() (Metadata, error) { return m.read(kind, data) })
}

func (m Metadata) read(kind imagemeta.ImageFormat, data []byte) (Metadata, error) {
	var tags imagemeta.Tags
	_, err := imagemeta.Decode(imagemeta.Options{
		R:               bytes.NewReader(data),
		ImageFormat:     kind,
		Sources:         imagemeta.EXIF | imagemeta.XMP | imagemeta.IPTC,
		ShouldHandleTag: func(t imagemeta.TagInfo) bool { return metadataTags[t.Tag] },
		HandleTag:       func(t imagemeta.TagInfo) error { tags.Add(t); return nil },
	})
	if err != nil {
		return m, &Error{Kind: Corrupt, Message: "the metadata is damaged", Err: err}
	}
	exif := tags.EXIF()
	m.Camera = cameraName(text(exif["Make"]), text(exif["Model"]))
	xmp, iptc := tags.XMP(), tags.IPTC()
	m.Lens = first(exif["LensModel"], xmp["LensModel"], xmp["Lens"])
	m.Caption = first(xmp["Description"], iptc["Caption-Abstract"], exif["ImageDescription"])
	m.Keywords = keywords(xmp["Subject"], iptc["Keywords"])
	if taken, err := tags.GetDateTime(); err == nil {
		m.Taken = inZone(taken, text(exif["OffsetTimeOriginal"]))
	}
	if lat, long, err := tags.GetLatLong(); err == nil && (lat != 0 || long != 0) {
		m.Located, m.Latitude, m.Longitude = true, lat, long
	}
	return m, nil
}

// inZone reads the same clock in the zone that a camera writes beside its time,
// which imagemeta does not look at.
func inZone(t time.Time, offset string) time.Time {
	zone, err := time.Parse("-07:00", offset)
	if err != nil || t.IsZero() {
		return t
	}
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone.Location())
}

// first returns the first text of tags.
func first(tags ...imagemeta.TagInfo) string {
	for _, t := range tags {
		if s := text(t); s != "" {
			return s
		}
	}
	return ""
}

// keywords returns the texts of tags that hold one or several, each once.
func keywords(tags ...imagemeta.TagInfo) []string {
	var all []string
	for _, t := range tags {
		list, several := t.Value.([]string)
		if !several {
			list = []string{text(t)}
		}
		for _, s := range list {
			if s = strings.Trim(s, " \x00"); s != "" && !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return all
}

func text(t imagemeta.TagInfo) string {
	if t.Value == nil {
		return ""
	}
	return strings.Trim(fmt.Sprint(t.Value), " \x00")
}

// cameraName leaves out the maker where the model begins with it.
func cameraName(maker, model string) string {
	if maker == "" || strings.HasPrefix(strings.ToLower(model), strings.ToLower(maker)) {
		return model
	}
	return strings.TrimSpace(maker + " " + model)
}

func metadataFormat(format string, data []byte) (kind imagemeta.ImageFormat, ok bool) {
	kind, ok = map[string]imagemeta.ImageFormat{
		"jpeg": imagemeta.JPEG, "png": imagemeta.PNG, "webp": imagemeta.WebP, "tiff": imagemeta.TIFF,
		"heic": imagemeta.HEIF, "avif": imagemeta.AVIF, "raw": imagemeta.DNG,
	}[format]
	if format != "raw" {
		return kind, ok
	}
	d, _ := parseDirectory(data)
	maker := strings.ToUpper(string(d.text(tagMake)))
	switch _, dng := d.entry(tagDNGVersion); {
	case dng:
		return imagemeta.DNG, true
	case string(data[8:10]) == "CR":
		return imagemeta.CR2, true
	case strings.HasPrefix(maker, "NIKON"):
		return imagemeta.NEF, true
	case strings.HasPrefix(maker, "PENTAX"):
		return imagemeta.PEF, true
	}
	return imagemeta.ARW, true
}
