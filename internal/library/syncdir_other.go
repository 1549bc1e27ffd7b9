//go:build !unix

package library

// syncDir does nothing: directories cannot be synced here.
func syncDir(string) error { return nil }
