package hub

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Remote is the hub to pull from.
type Remote struct {
	Endpoint string        // "" is https://huggingface.co
	Token    string        // "" for none; it is sent to Endpoint's host only
	Offline  bool          // ask nobody
	Timeout  time.Duration // without a single byte; 0 is 10 s
}

// DefaultEndpoint is where HF_ENDPOINT leads when it is not set.
const DefaultEndpoint = "https://huggingface.co"

// RemoteFromEnv reads the variables of Python's huggingface_hub: HF_ENDPOINT,
// HF_TOKEN or the file at HF_TOKEN_PATH or $HF_HOME/token, HF_HUB_OFFLINE and
// HF_HUB_DOWNLOAD_TIMEOUT (seconds).
func RemoteFromEnv() (Remote, error) {
	r := Remote{Endpoint: os.Getenv("HF_ENDPOINT"), Offline: isTrue(os.Getenv("HF_HUB_OFFLINE")) || isTrue(os.Getenv("TRANSFORMERS_OFFLINE"))}
	if s := os.Getenv("HF_HUB_DOWNLOAD_TIMEOUT"); s != "" {
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || !(n > 0 && n <= 86_400) {
			return Remote{}, fmt.Errorf("hub: HF_HUB_DOWNLOAD_TIMEOUT %q is no number of seconds", s)
		}
		r.Timeout = time.Duration(n * float64(time.Second))
	}
	if _, err := endpoint(r.Endpoint); err != nil {
		return Remote{}, err
	}
	var err error
	r.Token, err = tokenFromEnv()
	return r, err
}

// isTrue is what huggingface_hub takes for true.
func isTrue(s string) bool {
	return slices.Contains([]string{"1", "ON", "YES", "TRUE"}, strings.ToUpper(s))
}

// endpoint checks and reads an address.
func endpoint(s string) (*url.URL, error) {
	if s == "" {
		s = DefaultEndpoint
	}
	u, err := url.Parse(strings.TrimRight(s, "/"))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("hub: HF_ENDPOINT is not an address such as %s", DefaultEndpoint) // it may hold a password
	}
	return u, nil
}

// tokenFromEnv returns "" when there is no token. One that would break a header
// is refused without being shown.
func tokenFromEnv() (string, error) {
	token := os.Getenv("HF_TOKEN")
	where := "HF_TOKEN"
	if token == "" {
		where = tokenPath()
		text, err := os.ReadFile(where)
		if err != nil {
			return "", nil // not logged in, which is the rule
		}
		token = string(text)
	}
	token = strings.TrimSpace(token)
	for _, c := range token {
		if c <= ' ' || c > '~' {
			return "", fmt.Errorf("hub: %s holds no token: it has spaces or characters that no token has", where)
		}
	}
	return token, nil
}

func tokenPath() string {
	if path := os.Getenv("HF_TOKEN_PATH"); path != "" {
		return expand(path)
	}
	if home := hubHome(); home != "" {
		return filepath.Join(home, "token")
	}
	return ""
}
