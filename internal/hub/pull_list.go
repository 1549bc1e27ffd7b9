package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"
)

// listing is a revision as the hub describes it.
type listing struct {
	Commit  string
	Licence string
	Family  string // model_type of its config.json, "" if the hub does not say
	Files   []remoteFile
}

// remoteFile is a file of a repository.
type remoteFile struct {
	Name string `json:"name"` // with slashes; checked by safeName
	Size int64  `json:"size"` // -1 while unknown
	Etag string `json:"etag"` // sha256 or git blob sha1, in hex: its blob's name; "" while unknown
}

// hash says what Etag is, for people.
func (f remoteFile) hash() string {
	if len(f.Etag) == 64 {
		return "sha256 " + f.Etag
	}
	return "git blob sha1 " + f.Etag
}

// maxListing bounds an answer of the hub's API.
const maxListing = 32 << 20

// list asks for a revision.
func (p *puller) list(ctx context.Context, revision string) (listing, error) {
	u := p.client.api(p.ref.Repo, "revision", revision)
	u.RawQuery = "blobs=true"
	var l listing
	err := p.client.json(ctx, request{method: http.MethodGet, url: u}, func(text []byte) (err error) {
		l, err = parseListing(text)
		return err
	})
	if err != nil {
		return listing{}, explain(err, p.ref, revision, p.client)
	}
	if commitID.MatchString(revision) && l.Commit != revision {
		return listing{}, &PullError{Code: "server", Err: fmt.Errorf("%s answers with commit %s where %s was asked for", p.client.base.Host, l.Commit, revision)}
	}
	return l, nil
}

// json asks and hands over the answer's bytes.
func (c *client) json(ctx context.Context, r request, use func([]byte) error) error {
	var text []byte
	err := c.retry(ctx, func() (bool, error) {
		resp, err := c.do(ctx, r)
		if err != nil {
			return false, err
		}
		defer resp.Body.Close()
		text, err = io.ReadAll(io.LimitReader(resp.Body, maxListing+1))
		if len(text) > maxListing {
			err = permanent{fmt.Errorf("%s sends more than %d MiB about the repository", r.url.Host, maxListing>>20)}
		}
		return false, err
	})
	if err != nil {
		return err
	}
	return use(text)
}

// parseListing reads the answer to api/models/ORG/NAME/revision/REVISION.
func parseListing(text []byte) (listing, error) {
	var answer struct {
		SHA      string
		CardData struct{ License any }
		Config   struct {
			ModelType string `json:"model_type"`
		}
		Siblings []sibling
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return listing{}, &PullError{Code: "server", Err: fmt.Errorf("the hub's answer about the repository is not what it should be: %w", err)}
	}
	if !commitID.MatchString(answer.SHA) {
		return listing{}, &PullError{Code: "server", Err: errors.New("the hub's answer about the repository names no commit")}
	}
	l := listing{Commit: answer.SHA, Family: answer.Config.ModelType}
	l.Licence, _ = answer.CardData.License.(string) // a list in a few, which says less than the README
	l.Licence = printable(l.Licence)
	seen := map[string]bool{}
	for _, s := range answer.Siblings {
		if err := safeName(s.Rfilename); err != nil {
			return listing{}, err
		}
		if seen[s.Rfilename] {
			continue
		}
		seen[s.Rfilename] = true
		l.Files = append(l.Files, s.file())
	}
	return l, nil
}

// sibling is a file as a listing has it.
type sibling struct {
	Rfilename string
	Size      *int64
	BlobID    string
	LFS       *struct {
		SHA256 string
		Size   *int64
	}
}

// file takes size and hash if they are there and make sense; else the file's own
// headers will be asked for.
func (s sibling) file() remoteFile {
	f := remoteFile{s.Rfilename, -1, ""}
	switch {
	case s.LFS != nil && s.LFS.Size != nil:
		f.Size, f.Etag = *s.LFS.Size, s.LFS.SHA256
	case s.LFS == nil && s.Size != nil && !isWeights(s.Rfilename): // whose git hash may be that of a pointer
		f.Size, f.Etag = *s.Size, s.BlobID
	}
	if !commitID.MatchString(f.Etag) || f.Size < 0 || f.Size > maxFile {
		return remoteFile{s.Rfilename, -1, ""}
	}
	return f
}

// maxFile is more than any model's file has.
const maxFile = 1 << 42

// safeName refuses names that would lead out of the snapshot's folder on any
// system. What is chosen is also written through os.Root.
func safeName(name string) error {
	bad := name == "" || name == "." || len(name) > 1024 || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) ||
		path.IsAbs(name) || path.Clean(name) != name || !filepath.IsLocal(filepath.FromSlash(name)) ||
		len(name) > 1 && name[1] == ':' || slices.Contains(strings.FieldsFunc(name, isSeparator), "..")
	if bad {
		return &PullError{Code: "unsafe_name", Err: fmt.Errorf("the repository has a file named %q, which would lead out of its folder; nothing was fetched", printable(name))}
	}
	return nil
}

func isSeparator(r rune) bool { return r == '/' || r == '\\' }

// measure asks for the headers of files whose size and hash the listing lacks.
func (p *puller) measure(ctx context.Context, commit string, files []remoteFile) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(p.opt.Parallel)
	for i := range files {
		if f := &files[i]; f.Etag == "" {
			g.Go(func() error { return p.head(ctx, commit, f) })
		}
	}
	return g.Wait()
}

// head fills a file's size and hash from the headers of its address. The hub's
// own answer has them; the CDN's, to which it redirects, does not.
func (p *puller) head(ctx context.Context, commit string, f *remoteFile) error {
	u := p.client.resolve(p.ref.Repo, commit, f.Name)
	linked := func(r *http.Response) bool { return r.Header.Get("X-Linked-Etag") != "" }
	err := p.client.retry(ctx, func() (bool, error) {
		resp, err := p.client.do(ctx, request{method: http.MethodHead, url: u, enough: linked})
		if err != nil {
			return false, err
		}
		resp.Body.Close()
		if got := resp.Header.Get("X-Repo-Commit"); got != "" && got != commit {
			return false, permanent{fmt.Errorf("%s answers with commit %q where %s was asked for", u.Host, printable(got), commit)}
		}
		f.Etag, f.Size, err = headers(resp)
		return false, err
	})
	if err != nil {
		return p.byHand(commit, *f, err)
	}
	return nil
}

// headers reads the hash and the size from an answer's headers.
func headers(resp *http.Response) (etag string, size int64, err error) {
	first := func(keys ...string) string {
		for _, k := range keys {
			if v := resp.Header.Get(k); v != "" {
				return v
			}
		}
		return ""
	}
	etag = strings.Trim(strings.TrimPrefix(first("X-Linked-Etag", "Etag"), "W/"), `"`)
	if !commitID.MatchString(etag) {
		return "", -1, permanent{fmt.Errorf("%s gives no hash for it (Etag is %q), so what it sends could not be checked", resp.Request.URL.Host, printable(etag))}
	}
	size, err = strconv.ParseInt(first("X-Linked-Size", "Content-Length"), 10, 64)
	if err != nil || size < 0 || size > maxFile {
		return "", -1, permanent{fmt.Errorf("%s does not say how long it is", resp.Request.URL.Host)}
	}
	return etag, size, nil
}

// find returns the first revision that has safetensors: as asked for, else the
// hub's conversion, else the pull request of its converter.
func (p *puller) find(ctx context.Context) (string, listing, error) {
	var list listing
	var revision string
	var err error
	for _, revision = range revisions(p.ref.Revision, p.ref.Alias) {
		if list, err = p.list(ctx, revision); codeOf(err) != "revision_not_found" {
			break
		}
	}
	if err != nil || hasSafetensors(list) {
		return revision, list, err
	}
	other, found, err := p.findConverted(ctx, revision)
	switch {
	case err != nil:
		return "", listing{}, err
	case other == "":
		return "", listing{}, noSafetensors(p.ref, revision, list)
	case commitID.MatchString(revision): // a pinned revision is not exchanged
		return "", listing{}, &PullError{Code: "no_safetensors", Err: fmt.Errorf("%s has no safetensors; %s has: emblem pull %s@%s", p.ref, other, p.ref.Repo, other)}
	}
	name := p.ref.Repo + "@" + other
	if p.ref.Revision == "" && other == converted {
		name = p.ref.Repo // Find looks there by itself
	}
	p.opt.Note(fmt.Sprintf("%s has no safetensors at %s; taking %s instead, to be named as --model %s", p.ref.Repo, revision, other, name))
	return other, found, nil
}

// findConverted looks for a conversion; "" means there is none.
func (p *puller) findConverted(ctx context.Context, not string) (string, listing, error) {
	requests, err := p.conversions(ctx)
	if err != nil {
		return "", listing{}, err
	}
	for _, rev := range append([]string{converted}, requests...) {
		if rev == not {
			continue
		}
		l, err := p.list(ctx, rev)
		if word := codeOf(err); err != nil && word != "revision_not_found" && word != "repo_not_found" {
			return "", listing{}, err
		}
		if err == nil && hasSafetensors(l) && hasConfig(l) {
			return rev, l, nil
		}
	}
	return "", listing{}, nil
}

// converters are the accounts of the hub's conversion service.
var converters = regexp.MustCompile(`(?i)^SFconvertbot$`)

// conversions are the newest open pull requests of the converter. A hub without
// discussions has none.
func (p *puller) conversions(ctx context.Context) ([]string, error) {
	u := p.client.api(p.ref.Repo, "discussions")
	u.RawQuery = "type=pull_request&status=open&author=SFconvertbot"
	var out []string
	err := p.client.json(ctx, request{method: http.MethodGet, url: u}, func(text []byte) error {
		out = parseConversions(text)
		return nil
	})
	var status *statusError
	if err != nil && !errors.As(err, &status) {
		return nil, &PullError{Code: codeOf(err), Err: err}
	}
	return out, nil
}

// parseConversions reads a page of discussions, newest first.
func parseConversions(text []byte) []string {
	var page struct {
		Discussions []struct {
			Num           int
			IsPullRequest bool
			Status        string
			Author        struct{ Name string }
		}
	}
	if json.Unmarshal(text, &page) != nil {
		return nil
	}
	var out []string
	for _, d := range page.Discussions {
		if d.IsPullRequest && d.Status == "open" && d.Num > 0 && converters.MatchString(d.Author.Name) && len(out) < 3 {
			out = append(out, fmt.Sprintf("refs/pr/%d", d.Num))
		}
	}
	return out
}
