package index

import (
	"cmp"
	"fmt"
	"math"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The fields that mean more than the metadata of the same name.
const (
	fieldPath, fieldName, fieldFolder = "path", "name", "folder"
	fieldTaken, fieldAdded            = "taken", "added"
	fieldYear, fieldMonth             = "year", "month"
	fieldTag, fieldGPS                = "tag", "gps"
	fieldWidth, fieldHeight           = "width", "height"

	keyTags, keyLatitude, keyLongitude, keyZone = "tags", "latitude", "longitude", "zone"
)

// ownFields are always offered to a filter.
var ownFields = []string{fieldPath, fieldName, fieldFolder, fieldTaken, fieldAdded, fieldYear, fieldMonth, fieldTag, fieldGPS}

// canonicalField writes the names of the fields above in lower case.
func canonicalField(s string) string {
	lower := strings.ToLower(s)
	if slices.Contains(ownFields, lower) || lower == fieldWidth || lower == fieldHeight {
		return lower
	}
	return s
}

func isDate(field string) bool { return field == fieldTaken || field == fieldAdded }

func isFile(field string) bool {
	return field == fieldPath || field == fieldName || field == fieldFolder
}

func isNumber(field string) bool {
	return slices.Contains([]string{fieldYear, fieldMonth, fieldWidth, fieldHeight}, field)
}

// kind is what a value is; values of different kinds are in this order.
type kind uint8

const (
	boolean kind = iota
	number
	date // seconds of the wall clock since 1970
	place
	text
)

// value is one value of a field.
type value struct {
	kind kind
	num  float64 // of boolean, number and date; the latitude of a place
	rest int64   // what a whole number lost when it became num
	long float64
	text string
}

// wholeValue is a number without loss.
func wholeValue(i int64) value {
	v := value{kind: number, num: float64(i)}
	if v.num >= 1<<63 {
		v.rest = i - math.MaxInt64 - 1
	} else {
		v.rest = i - int64(v.num)
	}
	return v
}

// whole is the inverse of wholeValue, for numbers that have one.
func (v value) whole() (int64, bool) {
	switch {
	case v.num != math.Trunc(v.num) || v.num < -1<<63 || v.num > 1<<63 || v.num == 1<<63 && v.rest >= 0:
		return 0, false
	case v.num == 1<<63:
		return v.rest + math.MaxInt64 + 1, true
	}
	return int64(v.num) + v.rest, true
}

func compareValues(a, b value) int {
	switch {
	case a.kind != b.kind:
		return cmp.Compare(a.kind, b.kind)
	case a.kind == text:
		return cmp.Compare(a.text, b.text)
	}
	return cmp.Or(cmp.Compare(a.num, b.num), cmp.Compare(a.rest, b.rest), cmp.Compare(a.long, b.long))
}

// fact is what a filter sees of a document.
type fact struct {
	ord      uint32
	id       string
	metadata map[string]any
	gone     bool // it was deleted or replaced
}

// values returns what a document has in a field.
func (d fact) values(field string) []value {
	own := d.own(field)
	switch {
	case field == fieldTag:
		return append(own, d.own(keyTags)...)
	case field == fieldGPS:
		return d.places(own)
	case isDate(field):
		return d.dates(field, own)
	case len(own) > 0:
		return own
	case isFile(field):
		return []value{{kind: text, text: d.file(field)}}
	case field == fieldYear || field == fieldMonth:
		return d.part(field)
	}
	return nil
}

// own returns the metadata of this name.
func (d fact) own(key string) []value { return valuesOf(d.metadata[key]) }

func valuesOf(of any) []value {
	switch v := of.(type) {
	case string:
		return []value{{kind: text, text: v}}
	case []string:
		out := make([]value, len(v))
		for i, s := range v {
			out[i] = value{kind: text, text: s}
		}
		return out
	case bool:
		if v {
			return []value{{kind: boolean, num: 1}}
		}
		return []value{{kind: boolean}}
	}
	if x, ok := numberOf(of); ok {
		return []value{x}
	}
	return nil
}

func (d fact) number(key string) (value, bool) { return numberOf(d.metadata[key]) }

func numberOf(of any) (value, bool) {
	switch v := of.(type) {
	case int64:
		return wholeValue(v), true
	case int:
		return wholeValue(int64(v)), true
	case float64:
		return value{kind: number, num: v + 0}, true
	case float32:
		return value{kind: number, num: float64(v) + 0}, true
	}
	return value{}, false
}

func (d fact) file(field string) string {
	p := filepath.ToSlash(d.id)
	switch field {
	case fieldName:
		return path.Base(p)
	case fieldFolder:
		return path.Dir(p)
	}
	return p
}

// dates reads Unix seconds, or text in one of the forms of a date, as the wall
// clock's.
func (d fact) dates(field string, own []value) []value {
	var out []value
	for _, v := range own {
		switch v.kind {
		case number:
			zone, ok := d.number(keyZone)
			if field != fieldTaken || !ok {
				_, seconds := time.Unix(int64(v.num), 0).Zone()
				zone.num = float64(seconds)
			}
			out = append(out, value{kind: date, num: v.num + zone.num})
		case text:
			if from, _, ok := parseDate(v.text); ok {
				out = append(out, value{kind: date, num: from})
			}
		}
	}
	return out
}

// part is the year or month that a document's time lies in.
func (d fact) part(field string) []value {
	taken := d.values(fieldTaken)
	if len(taken) == 0 {
		return nil
	}
	t := time.Unix(int64(taken[0].num), 0).UTC()
	if field == fieldYear {
		return []value{{kind: number, num: float64(t.Year())}}
	}
	return []value{{kind: number, num: float64(t.Month())}}
}

// places reads latitude and longitude, or "LATITUDE,LONGITUDE" under gps.
func (d fact) places(own []value) []value {
	var lat, long float64
	ok, okLong := false, false
	if len(own) == 1 && own[0].kind == text {
		a, b, _ := strings.Cut(own[0].text, ",")
		lat, ok = parseNumber(strings.TrimSpace(a))
		long, okLong = parseNumber(strings.TrimSpace(b))
	} else {
		var north, east value
		north, ok = d.number(keyLatitude)
		east, okLong = d.number(keyLongitude)
		lat, long = north.num, east.num
	}
	if !ok || !okLong {
		return nil
	}
	return []value{{kind: place, num: lat, long: long}}
}

// earthKm is the mean radius.
const earthKm = 6371.0088

// contains measures along the great circle.
func (c circle) contains(v value) bool {
	rad := math.Pi / 180
	dLat, dLong := (v.num-c.lat)*rad, (v.long-c.long)*rad
	h := math.Pow(math.Sin(dLat/2), 2) + math.Cos(v.num*rad)*math.Cos(c.lat*rad)*math.Pow(math.Sin(dLong/2), 2)
	return 2*earthKm*math.Asin(math.Sqrt(min(1, h))) <= c.km
}

// literal is a value as a filter has it, read in every way that it can be.
type literal struct {
	text     string // as it is written
	plain    string // as it is compared with texts
	any      bool   // *
	num      value
	isNum    bool
	from, to float64 // of a date, to excluded
	isDate   bool
	words    wording
	pattern  *regexp.Regexp // nil without * and ?
	glob     *glob          // the same for ASCII, or nil
}

func newLiteral(field, op, s string) literal {
	l := literal{text: s, plain: s, any: s == "*"}
	l.num, l.isNum = parseValue(s)
	l.from, l.to, l.isDate = parseDate(s)
	if isFile(field) {
		l.plain = filepath.ToSlash(s)
	}
	if strings.ContainsAny(s, "*?") && len(s) <= maxPattern {
		exact := op == opEqual || op == opUnequal
		l.pattern = compilePattern(l.plain, isFile(field), exact)
		l.glob = newGlob(l.plain, isFile(field), exact)
	}
	l.words = wordsOf(l.plain)
	return l
}

// maxPattern bounds what matching costs, in bytes.
const maxPattern = 256

// check says what is wrong with a value for a field, or "".
func (l literal) check(field, op string) string {
	switch {
	case l.any && !isOrder(op):
		return ""
	case strings.ContainsAny(l.text, "*?") && len(l.text) > maxPattern:
		return fmt.Sprintf("a value with * or ? has at most %d bytes, not %d", maxPattern, len(l.text))
	case field == fieldGPS:
		return "gps takes only gps:* (the document has a place); for a place write near(59.9,10.7,5km)"
	case isNumber(field) && !l.isNum:
		return field + " is compared with a number, not " + strconv.Quote(l.text)
	case isDate(field) && !l.isDate:
		return field + " is compared with a date such as 2023, 2023-05 or 2023-05-17, not " + strconv.Quote(l.text)
	}
	return ""
}

func isOrder(op string) bool { return op == "<" || op == "<=" || op == ">" || op == ">=" }

func equality(op string) bool {
	return op == opHas || op == opEqual || op == opUnequal || op == opIn
}

// holds compares one value; != is answered as =.
func (l literal) holds(op string, v value) bool {
	switch {
	case l.any && equality(op):
		return true
	case v.kind == boolean:
		return equality(op) && strings.EqualFold(l.text, strconv.FormatBool(v.num != 0))
	case v.kind == number:
		return l.isNum && ordered(op, compareValues(v, l.num), 0, 0)
	case v.kind == date:
		return l.isDate && ordered(op, v.num, l.from, math.Nextafter(l.to, math.Inf(-1)))
	case v.kind == text:
		return l.holdsText(op, v.text)
	}
	return false
}

// ordered compares x with what begins at from and ends at to.
func ordered[T cmp.Ordered](op string, x, from, to T) bool {
	switch op {
	case "<":
		return x < from
	case "<=":
		return x <= to
	case ">":
		return x > to
	case ">=":
		return x >= from
	}
	return from <= x && x <= to
}

func (l literal) holdsText(op, s string) bool {
	switch {
	case op == opHas || op == opIn:
		if l.pattern != nil {
			return l.pattern.MatchString(s)
		}
		return l.words.within(wordsOf(s))
	case l.pattern != nil && (op == opEqual || op == opUnequal):
		return l.pattern.MatchString(s)
	}
	return ordered(op, s, l.plain, l.plain)
}

var decimal = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$`)

func parseNumber(s string) (float64, bool) {
	if !decimal.MatchString(s) {
		return 0, false
	}
	x, err := strconv.ParseFloat(s, 64)
	return x + 0, err == nil
}

// parseValue reads a number, a whole one without loss.
func parseValue(s string) (value, bool) {
	x, ok := parseNumber(s)
	head, fraction, _ := strings.Cut(s, ".")
	if i, err := strconv.ParseInt(head, 10, 64); ok && err == nil && strings.Trim(fraction, "0") == "" {
		return wholeValue(i), true
	}
	return value{kind: number, num: x}, ok
}

// parseDistance returns kilometres.
func parseDistance(s string) (float64, bool) {
	for _, unit := range []struct {
		name string
		km   float64
	}{{"km", 1}, {"mi", 1.609344}, {"m", 0.001}} {
		if n, ok := strings.CutSuffix(strings.ToLower(s), unit.name); ok {
			x, ok := parseNumber(n)
			return x * unit.km, ok
		}
	}
	return 0, false
}

// dateForms are the forms of a date with the time that each stands for.
var dateForms = []struct {
	layout string
	end    func(time.Time) time.Time
}{
	{"2006", func(t time.Time) time.Time { return t.AddDate(1, 0, 0) }},
	{"2006-01", func(t time.Time) time.Time { return t.AddDate(0, 1, 0) }},
	{"2006-01-02", func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }},
	{"2006-01-02T15:04", func(t time.Time) time.Time { return t.Add(time.Minute) }},
	{"2006-01-02T15:04:05", func(t time.Time) time.Time { return t.Add(time.Second) }},
	{"2006-01-02T15:04:05Z07:00", func(t time.Time) time.Time { return t.Add(time.Second) }},
}

// parseDate returns where a date begins and the first moment after it, in
// seconds of the wall clock.
func parseDate(s string) (from, to float64, ok bool) {
	for _, f := range dateForms {
		t, err := time.Parse(f.layout, strings.Replace(s, " ", "T", 1))
		if err != nil {
			continue
		}
		_, zone := t.Zone()
		wall := func(t time.Time) float64 { return float64(t.Unix() + int64(zone)) }
		return wall(t), wall(f.end(t)), true
	}
	return 0, 0, false
}
