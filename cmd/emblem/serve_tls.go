package main

import (
	"crypto/tls"
	"os"
	"sync"
	"time"
)

// keyPair is a pair of files that may be replaced while the server runs, as
// those who renew certificates do.
type keyPair struct {
	cert, key string

	mu     sync.Mutex
	looked time.Time
	stamp  [2]time.Time
	pair   *tls.Certificate
}

// keyPairAge is how long a certificate is used before its files are looked at
// again.
const keyPairAge = 5 * time.Second

// tlsConfig says how the server encrypts; nil without a certificate.
func tlsConfig(cert, key string) (*tls.Config, error) {
	if cert == "" {
		return nil, nil
	}
	c := &keyPair{cert: cert, key: key}
	if _, err := c.get(nil); err != nil {
		return nil, refusef("config", "the certificate cannot be used: %v", err)
	}
	return &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}, nil
}

// get returns the certificate as it is now. Files that cannot be read, such as
// ones that are just being replaced, leave the old one in use.
func (c *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pair != nil && time.Since(c.looked) < keyPairAge {
		return c.pair, nil
	}
	c.looked = time.Now()
	stamp := [2]time.Time{modified(c.cert), modified(c.key)}
	if c.pair != nil && stamp == c.stamp {
		return c.pair, nil
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		if c.pair != nil {
			return c.pair, nil
		}
		return nil, err
	}
	c.pair, c.stamp = &pair, stamp
	return c.pair, nil
}

func modified(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
