package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/emblem-search/emblem/internal/fetch"
)

const (
	fetchesAtOnce = 8                // of a request
	fetchPatience = 30 * time.Second // for all pictures of a request
)

// fetching are the pictures of one request that are given by address.
type fetching struct {
	server *Server
	ctx    context.Context
	bytes  atomic.Int64 // that came, of all of them
	bodies []*body
}

// fetchPictures fetches the pictures that inputs give by address, for an encoder if c is
// not nil. One that cannot be
// had has its error in errs, at its place; the error returned is everybody's. release
// gives the pictures' memory back.
func (s *Server) fetchPictures(ctx context.Context, c *encoder, inputs []input, errs []error) (release func(), err error) {
	from := map[string][]int{}
	for i, in := range inputs {
		if in.url != "" {
			from[in.url] = append(from[in.url], i)
		}
	}
	if len(from) == 0 {
		return func() {}, nil
	}
	if c != nil {
		if err := c.pictures.Full(); err != nil {
			return nil, err // before anything is fetched in vain
		}
	}
	limited, cancel := context.WithTimeout(ctx, fetchPatience)
	defer cancel()
	f := &fetching{server: s, ctx: limited}
	var group errgroup.Group
	group.SetLimit(fetchesAtOnce)
	for url, places := range from {
		b := &body{server: s, ctx: limited, swell: 1}
		f.bodies = append(f.bodies, b)
		group.Go(func() error {
			data, err := f.one(b, url)
			for _, i := range places {
				inputs[i].picture, errs[i] = data, s.fetchError(inputs[i].param, err)
			}
			return nil
		})
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		f.release()
		return nil, context.Cause(ctx)
	}
	return f.release, nil
}

// one fetches one picture through b, which finds memory for it.
func (f *fetching) one(b *body, url string) ([]byte, error) {
	if f.server.fetcher == nil {
		return nil, refuse(http.StatusBadRequest, "fetch_disabled", "",
			"this server does not fetch pictures from addresses; send the picture itself as data:image/jpeg;base64,…, or start the server with --fetch-allow HOST")
	}
	picture, err := f.server.fetcher.Open(f.ctx, url)
	if err != nil {
		return nil, err
	}
	defer picture.Close()
	b.from = picture
	data, err := io.ReadAll(b)
	if err != nil {
		return nil, err
	}
	if most := f.server.MaxBody; f.bytes.Add(int64(len(data))) > most {
		return nil, refuse(http.StatusRequestEntityTooLarge, "request_too_large", "", "the fetched pictures of the request have over %d bytes together; send fewer at once", most)
	}
	return data, nil
}

func (f *fetching) release() {
	for _, b := range f.bodies {
		b.release()
	}
}

// fetchError turns a fetch's error into one for the client. What is of the inside is
// logged.
func (s *Server) fetchError(param string, err error) error {
	var why *fetch.Error
	var own *Error
	switch {
	case errors.As(err, &why):
		s.Log.Info("a picture was not fetched", "reason", why.Message, "error", why.Err)
		code := "fetch_failed"
		if why.NotAllowed {
			code = "fetch_not_allowed"
		}
		return refuse(http.StatusBadRequest, code, param, "%s", why.Message)
	case errors.As(err, &own):
		e := *own
		e.Param = param
		return &e
	case errors.Is(err, context.DeadlineExceeded):
		return refuse(http.StatusBadRequest, "fetch_failed", param, "the pictures of the request did not come within %s; send fewer at once", fetchPatience)
	}
	return err
}
