//go:build !linux || !(amd64 || arm64) || nodynamic

package cuda

import "runtime"

// open says why there is no driver in this build.
func open() (*driver, error) {
	if runtime.GOOS != "linux" {
		return nil, &absent{"CUDA runs on Linux only, this is " + runtime.GOOS}
	}
	return nil, &absent{"this build loads no driver: it was made with -tags nodynamic, or for " + runtime.GOARCH + "; build without the tag, on amd64 or arm64"}
}
