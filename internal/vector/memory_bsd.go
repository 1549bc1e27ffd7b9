//go:build unix && !linux

package vector

func large([]byte) {}
