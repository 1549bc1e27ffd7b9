package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"time"
)

const (
	upstreamPatience = 2 * time.Minute // its first request loads models
	upstreamAnswer   = 16 << 20        // bytes
)

// immichUpstream is Immich's own machine learning, for the tasks that are not served
// here.
type immichUpstream struct {
	predict string
	client  *http.Client
}

func newImmichUpstream(address string) (*immichUpstream, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("--immich-upstream %q is not of the form http://HOST:PORT", address)
	}
	return &immichUpstream{u.JoinPath("predict").String(), &http.Client{
		Timeout:       upstreamPatience,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// forward sends a request's fields on and returns the answer's part for the task.
// Nothing else of the request goes along, such as its key.
func (u *immichUpstream) forward(ctx context.Context, task string, fields []field) (map[string]json.RawMessage, error) {
	body, kind, err := immichForm(fields)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.predict, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", kind)
	answer, err := u.client.Do(r)
	if err != nil {
		return nil, upstreamError(ctx, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, upstreamRefused(answer.StatusCode)
	}
	raw, err := io.ReadAll(io.LimitReader(answer.Body, upstreamAnswer+1))
	if err != nil {
		return nil, upstreamError(ctx, err)
	}
	return immichPart(task, raw)
}

// immichForm is a request of Immich's: what is to be done, and to what.
func immichForm(fields []field) (body *bytes.Buffer, kind string, err error) {
	body = new(bytes.Buffer)
	form := multipart.NewWriter(body)
	for _, f := range fields {
		var part io.Writer
		switch f.name {
		case "image":
			part, err = form.CreateFormFile(f.name, "blob")
		case "entries", "text":
			part, err = form.CreateFormField(f.name)
		default:
			continue
		}
		if err != nil {
			return nil, "", err
		}
		part.Write(f.data)
	}
	return body, form.FormDataContentType(), form.Close()
}

// immichPart keeps of an answer what was asked for.
func immichPart(task string, raw []byte) (map[string]json.RawMessage, error) {
	var all map[string]json.RawMessage
	if len(raw) > upstreamAnswer || json.Unmarshal(raw, &all) != nil || all[task] == nil {
		return nil, refuse(http.StatusBadGateway, "upstream_failed", "", "Immich's machine learning (--immich-upstream) gave no answer to the task %s that can be read", task)
	}
	out := map[string]json.RawMessage{}
	for _, k := range []string{task, "imageWidth", "imageHeight"} {
		if all[k] != nil {
			out[k] = all[k]
		}
	}
	return out, nil
}

// upstreamRefused is the client's error if it was the client's fault.
func upstreamRefused(status int) error {
	ours := http.StatusBadGateway
	if status >= 400 && status < 500 {
		ours = status
	}
	return refuse(ours, "upstream_failed", "", "Immich's machine learning (--immich-upstream) answered with status %d", status)
}

func upstreamError(ctx context.Context, err error) error {
	var slow interface{ Timeout() bool }
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &slow) && slow.Timeout():
		return refuse(http.StatusGatewayTimeout, "upstream_failed", "", "Immich's machine learning (--immich-upstream) did not answer within %s", upstreamPatience)
	}
	return refuse(http.StatusBadGateway, "upstream_failed", "", "Immich's machine learning (--immich-upstream) cannot be reached, or broke off")
}
