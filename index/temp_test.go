package index_test

import "os"

// tempDir is for examples, which have no testing.T.
func tempDir() string {
	dir, err := os.MkdirTemp("", "index-example-")
	if err != nil {
		panic(err)
	}
	return dir
}
