package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// local is a client that reaches this machine only: the address is looked at again
// when a connection is made, so that no name and no redirection leads elsewhere.
func local(raw string, clients int) (base string, client *http.Client, err error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return "", nil, fmt.Errorf("-url %q is not of the form http://127.0.0.1:3625", raw)
	}
	if ip, err := netip.ParseAddr(u.Hostname()); u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
		return "", nil, fmt.Errorf("-url %q is not on this machine; load is for 127.0.0.1, ::1 and localhost", raw)
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		if to, err := netip.ParseAddrPort(address); err != nil || !to.Addr().Unmap().IsLoopback() {
			return errors.New("load: " + address + " is not on this machine")
		}
		return nil
	}}
	t := &http.Transport{DialContext: dialer.DialContext, MaxIdleConns: clients, MaxIdleConnsPerHost: clients, MaxConnsPerHost: clients, DisableCompression: true}
	return "http://" + u.Host, &http.Client{
		Transport: t, Timeout: 2 * time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}
