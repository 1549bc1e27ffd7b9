package attack

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
)

// forms sends multipart bodies that are broken or made to be expensive.
func forms(ctx context.Context, t *Target) []Finding {
	const kind = "multipart/form-data; boundary=x"
	part := "--x\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n"
	entries := fmt.Sprintf(part, "entries", `{"clip":{"textual":{"modelName":"x"}}}`)
	many, manyKind := manyParts(100000)
	out := []Finding{t.form(ctx, manyKind, many).refused("100,000 parts", true, 400, 413)}
	for _, f := range []struct{ name, kind, body string }{
		{"no boundary", "multipart/form-data", entries},
		{"an empty boundary", "multipart/form-data; boundary=\"\"", entries},
		{"a boundary of a kilobyte", "multipart/form-data; boundary=" + strings.Repeat("x", 1024), entries},
		{"another boundary", "multipart/form-data; boundary=y", entries},
		{"another kind", "multipart/mixed; boundary=x", entries},
		{"no end", kind, entries + "--x\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\nabc"},
		{"a part with a head of a megabyte", kind, entries + "--x\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\nabc\r\n--x--\r\n"},
		{"a part with 20,000 lines in its head", kind, entries + "--x\r\n" + strings.Repeat("X: y\r\n", 20000) + "\r\nabc\r\n--x--\r\n"},
		{"a part in base64 that is none", kind, entries + "--x\r\nContent-Disposition: form-data; name=\"image\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=zz=\r\n--x--\r\n"},
		{"a file from elsewhere", kind, entries + "--x\r\nContent-Disposition: form-data; name=\"image\"; filename=\"../../../../etc/passwd\"\r\n\r\nno picture\r\n--x--\r\n"},
		{"entries nested 100,000 deep", kind, fmt.Sprintf(part, "entries", strings.Repeat(`{"a":`, 100000)) + fmt.Sprintf(part, "text", "a") + "--x--\r\n"},
		{"tasks that nobody does", kind, fmt.Sprintf(part, "entries", `{"shell":{"run":{"modelName":"x"}}}`) + fmt.Sprintf(part, "text", "a") + "--x--\r\n"},
		{"40 megabytes", kind, fmt.Sprintf(part, "image", strings.Repeat("a", 40<<20)) + "--x--\r\n"},
	} {
		out = append(out, t.form(ctx, f.kind, strings.NewReader(f.body)).refused(f.name, f.name == "40 megabytes", 400, 404, 413, 415, 422, 501))
	}
	return out
}

func (t *Target) form(ctx context.Context, kind string, body io.Reader) answer {
	r, err := http.NewRequestWithContext(ctx, "POST", t.URL+"/predict", body)
	if err != nil {
		return answer{err: err}
	}
	r.Header.Set("Content-Type", kind)
	return t.send(r)
}

func manyParts(n int) (body io.Reader, kind string) {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for i := range n {
		if p, err := m.CreateFormField(fmt.Sprint(i)); err == nil {
			io.WriteString(p, "x")
		}
	}
	m.Close()
	return &b, m.FormDataContentType()
}
