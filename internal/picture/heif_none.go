//go:build !heif

package picture

var errNoHEIF = fail(Unsupported, "this build reads neither HEIC nor AVIF; use a released emblem, or build it with -tags heif,nodynamic")

func heicHeader([]byte, Options) (Header, error)       { return Header{}, errNoHEIF }
func heicDecode([]byte, Header, Options) (*RGB, error) { return nil, errNoHEIF }
func avifHeader([]byte, Options) (Header, error)       { return Header{}, errNoHEIF }
func avifDecode([]byte, Header, Options) (*RGB, error) { return nil, errNoHEIF }
