package attack

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/color"
	"net/http"
	"sync"
	"time"
)

// bombTime is how long a server may take over one picture.
const bombTime = 5 * time.Second

// pictures sends all bombs, each alone.
func pictures(ctx context.Context, t *Target) []Finding {
	var out []Finding
	for _, b := range bombs() {
		f := t.post(ctx, "/v1/embeddings", pictureBody(b.file)).refused(b.name, false, b.fate.statuses()...)
		if took := time.Duration(f.Millis) * time.Millisecond; f.OK && took > bombTime {
			f.OK, f.Detail = false, fmt.Sprintf("it took %s", took)
		}
		out = append(out, f)
	}
	return out
}

// company sends good pictures from many clients with bad ones among them: the good
// ones get the vectors that they get alone.
func company(ctx context.Context, t *Target) []Finding {
	const clients = 32
	bad := bombs()
	good := make([][]byte, clients)
	alone := make([]json.RawMessage, clients)
	for i := range clients {
		good[i] = plain(24+i, 24, color.RGBA{byte(8 * i), 100, 200, 255})
	}
	together := make([]json.RawMessage, clients)
	errs := make([]error, clients)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() { together[i], errs[i] = t.vectorOf(ctx, good[i]) })
		if b := bad[i%len(bad)]; b.fate != take {
			wg.Go(func() { t.post(ctx, "/v1/embeddings", pictureBody(b.file)) })
		}
	}
	wg.Wait()
	f := Finding{Case: fmt.Sprintf("%d good pictures among bad ones", clients), OK: true, Detail: "each has the vector that it has alone"}
	for i := range clients {
		var err error
		if alone[i], err = t.vectorOf(ctx, good[i]); err == nil {
			err = errs[i]
		}
		if err != nil || !bytes.Equal(alone[i], together[i]) {
			f.OK, f.Detail = false, fmt.Sprintf("picture %d: %v", i, err)
		}
	}
	return append([]Finding{f}, mixed(ctx, t)...)
}

// mixed sends good pictures and one that is none in the same request: the error says
// which it is.
func mixed(ctx context.Context, t *Target) []Finding {
	good := fmt.Sprintf(`{"image":%q}`, dataURL(plain(24, 24, color.White)))
	bad := fmt.Sprintf(`{"image":%q}`, dataURL([]byte("this is no picture")))
	a := t.post(ctx, "/v1/embeddings", `{"input":[`+good+","+good+","+bad+","+good+`]}`)
	f := a.refused("one bad picture among good ones of a request", false, 400, 413, 422)
	if f.OK && !bytes.Contains(a.body, []byte("input[2]")) {
		f.OK, f.Detail = false, fmt.Sprintf("the error does not say which one: %.120s", a.body)
	}
	return []Finding{f}
}

func (t *Target) vectorOf(ctx context.Context, file []byte) (json.RawMessage, error) {
	a := t.post(ctx, "/v1/embeddings", pictureBody(file))
	if a.err != nil {
		return nil, a.err
	}
	var body struct {
		Data []struct{ Embedding json.RawMessage }
	}
	if a.status != http.StatusOK || json.Unmarshal(a.body, &body) != nil || len(body.Data) != 1 {
		return nil, fmt.Errorf("status %d: %.120s", a.status, a.body)
	}
	return body.Data[0].Embedding, nil
}

func pictureBody(file []byte) string { return fmt.Sprintf(`{"input":[{"image":%q}]}`, dataURL(file)) }

func dataURL(file []byte) string {
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(file)
}
