package main

import (
	"os"
	"path/filepath"
	"runtime"

	"github.com/emblem-search/emblem/internal/weights"
)

// configDir is where the configuration file lives, or "".
func (a *app) configDir() string {
	if dir, ok := a.env("XDG_CONFIG_HOME"); ok && filepath.IsAbs(dir) {
		return filepath.Join(dir, "emblem")
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "emblem")
}

// dataDir is the data directory: --data or the platform's.
func (a *app) dataDir() (string, error) {
	if a.data != "" {
		return filepath.Abs(a.data)
	}
	if dir, ok := a.env("XDG_DATA_HOME"); ok && filepath.IsAbs(dir) {
		return filepath.Join(dir, "emblem"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", refusef("config", "no home directory; name a data directory with --data")
	}
	switch runtime.GOOS {
	case "darwin", "ios":
		return filepath.Join(home, "Library", "Application Support", "emblem"), nil
	case "windows":
		if dir, ok := a.env("LocalAppData"); ok && dir != "" {
			return filepath.Join(dir, "emblem"), nil
		}
		return filepath.Join(home, "AppData", "Local", "emblem"), nil
	}
	return filepath.Join(home, ".local", "share", "emblem"), nil
}

// useCache says where to keep what can be made again of models. Without a cache
// directory it is made again each time.
func (a *app) useCache() {
	dir, err := a.cacheDir()
	if a.noCache || err != nil {
		return
	}
	a.wiring.cache = filepath.Join(dir, "models")
	weights.CacheAt(a.wiring.cache).Limit(keptFrom, int64(a.cacheSize))
}

// keptFrom is how many bytes make a model's weights worth keeping: smaller ones are
// packed in a few milliseconds.
const keptFrom = 16 << 20

// cacheDir is the user's cache directory for what can be made again.
func (a *app) cacheDir() (string, error) {
	if dir, ok := a.env("XDG_CACHE_HOME"); ok && filepath.IsAbs(dir) {
		return filepath.Join(dir, "emblem"), nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", refusef("config", "no cache directory; set XDG_CACHE_HOME, or index into a library: emblem index PATH")
	}
	return filepath.Join(dir, "emblem"), nil
}
