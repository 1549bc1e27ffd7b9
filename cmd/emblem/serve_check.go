package main

import (
	"net"
	"net/netip"

	"github.com/emblem-search/emblem/server"
)

// checkServe finds all that is wrong with the options of a server. If it is about
// to run, the files that they name count too.
func (a *app) checkServe(o *serveOptions, run bool) problems {
	wrong := o.check()
	if !run {
		return wrong
	}
	if len(wrong) == 0 { // else it would be a key for an address that is none
		_, err := a.keys(*o)
		wrong.add(err)
	}
	if o.TLSCert != "" && o.TLSKey != "" {
		_, err := tlsConfig(o.TLSCert, o.TLSKey)
		wrong.add(err)
	}
	_, err := realFolders(o.Roots)
	wrong.add(err)
	_, err = a.tracesTo(o.Traces)
	wrong.add(err)
	return wrong
}

// check judges the options by themselves.
func (o *serveOptions) check() problems {
	var wrong problems
	if _, _, err := net.SplitHostPort(o.Addr); err != nil {
		wrong.add(usagef("--addr %q is not of the form HOST:PORT, such as %s", o.Addr, defaultAddr))
	}
	if (o.TLSCert == "") != (o.TLSKey == "") {
		wrong.add(usagef("--tls-cert and --tls-key belong together; give both"))
	}
	o.nets = nil
	for _, s := range o.TrustNet {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			wrong.add(usagef("--trust-net %q is not a network such as 10.0.0.0/8", s))
			continue
		}
		o.nets = append(o.nets, p.Masked())
	}
	if err := (&server.Options{FetchAllow: o.Fetch, ImmichUpstream: o.Immich}).Check(); err != nil {
		wrong.add(usagef("%w", err))
	}
	if o.Watch && len(o.Roots) == 0 {
		wrong.add(usagef("--watch is for folders of --root; give one, or index with: emblem index --watch FOLDER"))
	}
	if _, err := parseReduce(o.Reduce); err != nil {
		wrong.add(err)
	}
	wrong.add(oneOf("dtype", o.DType, "auto", "f32", "f16", "bf16", "int8", "int4", "int4-32", "int4-64", "int4-128", "float32", "float16", "bfloat16"))
	return wrong
}
