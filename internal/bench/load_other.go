//go:build !linux

package bench

import "errors"

func forget([]string) error {
	return errors.New("bench: only Linux can be asked to take a file out of its cache; leave --cold out")
}

func resident(string) int64 { return 0 }
