package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// carrying adds a key to every request.
type carrying string

func (k carrying) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(k))
	return http.DefaultTransport.RoundTrip(r)
}

func connect(t *testing.T, url, key string) *mcp.ClientSession {
	t.Helper()
	c := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := c.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: url + "/mcp", HTTPClient: &http.Client{Transport: carrying(key)}, DisableStandaloneSSE: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return session
}

// TestMCP uses the tools with the official client, over HTTP.
func TestMCP(t *testing.T) {
	libraries := shelves{"mine": {name: "mine", docs: map[string]Document{}}}
	keys := ring{
		"all": {Name: "all", Scopes: []Scope{ScopeAdmin}},
		"s":   {Name: "s", Scopes: []Scope{ScopeSearch}, Libraries: []string{"other"}},
	}
	s := newTest(t, Options{Libraries: libraries, Keys: keys})
	request(t, s, "POST", "/v1/libraries/mine/documents", `{"documents":[{"id":"r","image":"`+dataURL(red)+`"},{"id":"cat","text":"a cat"}]}`, 200, nil, header("Authorization", "Bearer all"))
	web := httptest.NewServer(s)
	defer web.Close()

	session := connect(t, web.URL, "all")
	if got := toolNames(t, session); got != "ask embed libraries search similar" {
		t.Errorf("tools: %s", got)
	}
	found := call(t, session, "search", map[string]any{"query": "a cat", "limit": 1, "min_probability": 0})
	if len(found.Content) != 2 || !strings.Contains(found.Content[0].(*mcp.TextContent).Text, "1. cat") || len(found.Content[1].(*mcp.ImageContent).Data) == 0 {
		t.Errorf("search: %+v", found.Content)
	}
	similar := call(t, session, "similar", map[string]any{"id": "r", "limit": 1})
	if !strings.Contains(similar.Content[0].(*mcp.TextContent).Text, "1. cat") {
		t.Errorf("similar: %+v", similar.Content)
	}
	if e := call(t, session, "embed", map[string]any{"texts": []string{"a cat"}}); e.IsError || e.StructuredContent == nil {
		t.Errorf("embed: %+v", e)
	}
	asked := call(t, session, "ask", map[string]any{"question": "how many of my pictures show a dog?"})
	if asked.IsError || len(asked.Content) < 2 || !strings.HasPrefix(asked.Content[0].(*mcp.TextContent).Text, "about 2 (between 1 and 3)") {
		t.Errorf("ask: %+v", asked.Content)
	}
	if bad := call(t, session, "ask", map[string]any{"question": "what does the sign say?"}); !bad.IsError || !strings.Contains(bad.Content[0].(*mcp.TextContent).Text, "is there a dog?") {
		t.Errorf("a question that is not covered: %+v", bad.Content)
	}
	if bad := call(t, session, "search", map[string]any{"library": "none", "query": "x"}); !bad.IsError || !strings.Contains(bad.Content[0].(*mcp.TextContent).Text, "there is no library") {
		t.Errorf("another library: %+v", bad)
	}

	limited := connect(t, web.URL, "s")
	if got := toolNames(t, limited); got != "libraries search similar" {
		t.Errorf("tools of a key that may only search: %s", got)
	}
	if bad := call(t, limited, "search", map[string]any{"library": "mine", "query": "a cat"}); !bad.IsError {
		t.Errorf("a library that is not the key's was searched: %+v", bad)
	}
}

func toolNames(t *testing.T, session *mcp.ClientSession) string {
	t.Helper()
	list, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range list.Tools {
		names = append(names, tool.Name)
	}
	return strings.Join(names, " ")
}

func call(t *testing.T, session *mcp.ClientSession, name string, args map[string]any) *mcp.CallToolResult {
	t.Helper()
	r, err := session.CallTool(context.Background(), &mcp.CallToolParams{Name: name, Arguments: args})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
