package main

// wiring is the only place that names concrete models and kernels.
type wiring struct {
	// kernels names the compute kernels chosen for this machine.
	kernels func() string
	// aliases are short names for models, from the configuration file.
	aliases map[string]string
}

func defaultWiring() wiring {
	return wiring{kernels: func() string { return "generic" }}
}
