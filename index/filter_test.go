package index

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var photo = fact{id: "/pics/2024/Summer trip/IMG_0001.jpg", metadata: map[string]any{
	"camera": "FUJIFILM X100V", "lens": "XF 23mm F2", "width": int64(6000), "height": 4000,
	"taken": time.Date(2023, 5, 17, 23, 30, 0, 0, time.UTC).Unix() - 9*3600, "zone": int64(9 * 3600), // 23:30 in Tokyo
	"tag": []string{"Beach", "two words", "und"}, "caption": "A red kite, flying Ünder clouds",
	"latitude": 59.91, "longitude": 10.75, "rating": int64(4), "public": true, "price": 2.5, "empty": []string{},
}}

func TestFilterMatch(t *testing.T) {
	for text, want := range map[string]bool{
		"beach": true, "BEACH": true, "bea": false, `"two words"`: true, "tag:two": true, "tag:words": true,
		"tag=beach": false, "tag=Beach": true, "tag!=Beach": false, "tag!=sea": true, `tag:"words two"`: false,
		"tag in(sea,beach)": true, "tag:in(sea, lake)": false,
		"camera:X100V": true, "camera:x100": false, "camera:x100*": true, `camera:"fujifilm x100v"`: true, "camera=X100V": false,
		`camera="FUJIFILM X100V"`: true, "camera=FUJI*": true, "camera=fuji*": false, "camera<G": true, "camera>=G": false,
		"caption:kite": true, "caption:ünder": true, "caption:U\u0308NDER": true, "caption:under": false, `caption:"red kite flying"`: true,
		"name:img": true, "name:*.jpg": true, "name:*.JPG": true, "name=*.JPG": false, "name:IMG_????.jpg": true, "name:IMG_?.jpg": false,
		"folder:2024": true, "folder:/pics/2024": true, `folder:"summer trip"`: true, "folder:/pics/*": false, "folder:/pics/**": true, "folder:2024/*": true,
		"folder:/pics/2024/**": true, `folder:"/pics/2024/summer trip/**"`: true, "path:/pics/**/*.jpg": true, "path:*.jpg": true, "path:2024/*.jpg": false, "path:2024/**": true,
		"year=2023": true, "year:2023": true, "year!=2023": false, "year>2023": false, "year>=2023": true, "year in(2022,2023)": true, "month:5": true, "month<5": false,
		"taken:2023": true, "taken:2023-05": true, "taken:2023-05-17": true, "taken:2023-05-18": false, "taken>2023": false, "taken>=2023": true, "taken<=2023-05": true,
		"taken<2023-05-17": false, "taken>2023-05-16": true, "taken<=2023-05-17T23:29": false, "taken<=2023-05-17T23:30": true, "taken!=2022": true,
		"width>=6000 and height<5000": true, "width:6000.0": true, "width!=1": true,
		"near(59.9,10.7,5km)": true, "near(59.9,10.7,1km)": false, "near(59.9,10.7,5000m)": true, "near(59.9, 10.7, 2mi)": true, "gps:*": true, "not gps:*": false,
		"rating=4": true, "rating>3": true, "rating:four": false, "public:true": true, "public:no": false, "public=TRUE": true, "price<2.6": true, "price=2.50": true,
		"lens:*": true, "source:*": false, "not source:x": true, "source!=x": false, "source<x": false, "empty:*": false,
		"beach and year:1999": false, "beach and not year:1999": true, "sea or beach and width>1": true, "(sea or beach) and width<1": false,
		"sea or beach and width<1": false, "not (sea or beach)": false, "not not beach": true, "NOT sea AND beach": true, "und": true, `"and"`: false,
		"TAKEN:2023 and Year:2023": true, "rating in(1,4)": true,
	} {
		f, err := ParseFilter(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := f.Match(photo.id, photo.metadata); got != want {
			t.Errorf("%s: %v; want %v", text, got, want)
		}
	}
}

func TestFilterFields(t *testing.T) {
	local := time.Date(2020, 1, 1, 0, 0, 0, 0, time.Local).Unix()
	for text, metadata := range map[string]map[string]any{
		"taken:2020-01-01 and added=2020": {"taken": local, "added": local},
		"taken:2021-03 and month:3":       {"taken": "2021-03-04"},
		"year:1980 and not taken:*":       {"year": int64(1980)},
		"near(1,2,1km)":                   {"gps": "1, 2"},
		"x":                               {"tags": []string{"x"}},
		"name:own and folder:.":           {"name": "own"},
		"taken<1970 and year:1969":        {"taken": int64(-1000), "zone": int64(0)},
	} {
		f, err := ParseFilter(text)
		if err != nil || !f.Match("id", metadata) {
			t.Errorf("%s does not pass %v (%v)", text, metadata, err)
		}
	}
	if !(*Filter)(nil).Match("x", nil) || (*Filter)(nil).String() != "" {
		t.Error("no filter lets everything pass")
	}
}

func TestFilterErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                              `column 1: expected a condition, such as tag:beach or year>=2020, not the end`,
		"year>=":                        `column 7: expected a value after ">="`,
		"ä and y>= ":                    `column 11: expected a value after ">="`,
		"beach sea":                     `column 7: expected "and", "or" or the end before "sea"`,
		"a and":                         `column 6: expected a condition`,
		"a and or b":                    `column 7: expected a condition before "or"`,
		"(a or b":                       `column 8: expected ")" for the "(" at column 1`,
		"a)":                            `column 2: expected "and", "or" or the end before ")"`,
		"year>x":                        `column 6: year is compared with a number, not "x"`,
		"taken:may":                     `column 7: taken is compared with a date such as 2023, 2023-05 or 2023-05-17, not "may"`,
		"gps:59":                        `column 5: gps takes only gps:*`,
		`tag:"x`:                        `column 5: the quote is never closed`,
		"tag in(":                       `column 8: expected a value after "in("`,
		"tag in(a b)":                   `column 10: expected "," or ")" in the list, not "b"`,
		"near(91,0,1km)":                `column 6: "91" is no latitude`,
		"near(1,2,3)":                   `column 10: "3" is no distance with its unit (m, km, mi)`,
		"near(1,2)":                     `column 9: expected ",", not ")"`,
		"near(1,2,-1km)":                `column 10: "-1km" is no distance`,
		"a and \xff":                    `column 7: this is not UTF-8`,
		`""`:                            `column 1: the tag is empty`,
		">3":                            `column 1: expected a condition`,
		"x:" + strings.Repeat("*", 300): `column 3: a value with * or ? has at most 256 bytes, not 300`,
		"taken:2023-02-30":              `column 7: taken is compared`,
		strings.Repeat("(", 200):        `column 101: parentheses and "not" are more than 100 deep`,
		strings.Repeat("a", 1<<15):      `column 1: the filter has 32768 bytes, at most 16384`,
	} {
		_, err := ParseFilter(text)
		var own *FilterError
		if !errors.As(err, &own) || !strings.HasPrefix(err.Error(), "filter: "+want) || own.Text != text {
			t.Errorf("%.40q: %v; want %s", text, err, want)
		}
	}
}

func TestFilterCanonical(t *testing.T) {
	for text, want := range map[string]string{
		" beach  AND(year >= 2020)or NOT near( 59.90,10.7 , 500m )": "tag:beach and year>=2020 or not near(59.9,10.7,0.5km)",
		"(a or b) and c":             "(tag:a or tag:b) and tag:c",
		"not (a and b) and not c":    "not (tag:a and tag:b) and not tag:c",
		"a and (b and (c))":          "tag:a and tag:b and tag:c",
		`x : "two words"`:            `x:"two words"`,
		`x = "a\"b\\c" or y:c:\dir`:  `x="a\"b\\c" or y:c:\dir`,
		`x:in(a, "b,c")`:             `x in(a,"b,c")`,
		`tag:"and" or "my key":1`:    `tag:and or "my key":1`,
		`"not":x or tag:in or in:in`: `"not":x or tag:in or in:in`,
		`x<"=y"`:                     `x<"=y"`,
	} {
		f, err := ParseFilter(text)
		if err != nil || f.String() != want {
			t.Errorf("%s: %v, %v; want %s", text, f, err, want)
		}
	}
	if f, err := ParseFilter("a and not Year:2020 or near(1,2,3km) and tag:b"); err != nil || !slices.Equal(f.Fields(), []string{"tag", "year", "gps"}) {
		t.Errorf("fields %v, %v", f.Fields(), err)
	}
	type request struct {
		Filter *Filter `json:"filter,omitempty"`
	}
	var r request
	if err := json.Unmarshal([]byte(`{"filter":"a and year:2020"}`), &r); err != nil || r.Filter.String() != "tag:a and year:2020" {
		t.Errorf("from JSON: %v, %v", r.Filter, err)
	}
	if out, err := json.Marshal(r); err != nil || string(out) != `{"filter":"tag:a and year:2020"}` {
		t.Errorf("to JSON: %s, %v", out, err)
	}
	if err := json.Unmarshal([]byte(`{"filter":"a and"}`), &r); err == nil || !strings.Contains(err.Error(), "column 6") {
		t.Errorf("bad JSON: %v", err)
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, s := range []string{
		"tag:beach and year>=2020 and near(59.9,10.7,5km) and not camera:X100", `a or "b c" and (not x in(1,"2,3"))`,
		"name:**/*.jp?g or path=/a/**", "taken<=2023-05-17T10:00", `"and":"\"\\"`, "near(-0,1e2,1mi)", "x<=y!=z", "\u0130:ß*",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parsed, err := ParseFilter(s)
		if err != nil {
			var own *FilterError
			if !errors.As(err, &own) || own.Column < 1 {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		canonical := parsed.String()
		again, err := ParseFilter(canonical)
		if err != nil || again.String() != canonical {
			if len(canonical) > maxFilter {
				return // quotes and tag: made it longer
			}
			t.Fatalf("%q: its canonical form %q reads as %v, %v", s, canonical, again, err)
		}
		if !reflect.DeepEqual(again.root, parsed.root) && parsed.Match(photo.id, photo.metadata) != again.Match(photo.id, photo.metadata) {
			t.Fatalf("%q and its canonical form %q differ", s, canonical)
		}
	})
}
