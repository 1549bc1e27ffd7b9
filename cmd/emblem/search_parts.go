package main

import (
	"strconv"
	"strings"

	"github.com/emblem-search/emblem/internal/library"
	"github.com/emblem-search/emblem/vit"
)

// readParts reads --region and what --late goes with. A likely hit is one of whole
// pictures; asked is whether somebody wants such hits only.
func (o *searchOptions) readParts(region string, asked bool) error {
	if o.Late {
		switch {
		case asked && o.MinProbability > 0:
			return usagef("--late gives hits no probability; leave --min-probability out")
		case o.By == library.ByWords || o.Fold:
			return usagef("--late compares what parts of pictures show; leave --by words and --fold out")
		}
		o.MinProbability = 0
	}
	if region == "" {
		return nil
	}
	box, err := parseRegion(region)
	if err != nil {
		return err
	}
	n := 0
	for i, t := range o.Query.Terms {
		if t.Image != "" {
			o.Query.Terms[i].Region = &box
			n++
		}
	}
	if n != 1 {
		return usagef("--region is a part of one picture; the query has %d", n)
	}
	return nil
}

// parseRegion reads X,Y,WIDTH,HEIGHT.
func parseRegion(s string) (vit.Window, error) {
	var v [4]float64
	list := strings.Split(s, ",")
	for i, part := range list {
		x, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || len(list) != 4 || !(x >= 0 && x <= 1) || i > 1 && x == 0 {
			return vit.Window{}, usagef("--region %q is not X,Y,WIDTH,HEIGHT in fractions of the picture, such as 0.1,0.2,0.5,0.4", s)
		}
		v[i] = x
	}
	if v[0]+v[2] > 1.0001 || v[1]+v[3] > 1.0001 {
		return vit.Window{}, usagef("--region %q reaches out of the picture", s)
	}
	return vit.Window{Left: v[0], Top: v[1], Right: min(v[0]+v[2], 1), Bottom: min(v[1]+v[3], 1)}, nil
}

// parts is how many parts of each picture a search needs to be indexed.
func (o searchOptions) parts() int {
	if !o.Late {
		return 0
	}
	return defaultParts
}
