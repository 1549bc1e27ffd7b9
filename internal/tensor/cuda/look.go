package cuda

import (
	"errors"
	"fmt"
	"sync"
)

// absent is why there is no driver at all, which is no fault of the machine.
type absent struct{ why string }

func (e *absent) Error() string { return "cuda: " + e.why }

// Survey is what there is to run on.
type Survey struct {
	Driver string // CUDA's version that the driver has: "12.8"; "" without one
	Cards  []Card
	Err    error // why there is no card to use, or nil
	Broken bool  // there is a driver, and Err is its fault
}

// Card is a card as its driver describes it.
type Card struct {
	Ordinal    int    `json:"ordinal"`
	Name       string `json:"name"`       // NVIDIA H200
	Capability [2]int `json:"capability"` // 9, 0
	Memory     int    `json:"memory"`     // bytes
	Processors int    `json:"processors"` // streaming multiprocessors
	Clock      int    `json:"clock_khz"`

	device int32
	shared int // bytes that a block may have
}

func (c Card) String() string {
	return fmt.Sprintf("cuda:%d %s, %d GB, compute capability %d.%d", c.Ordinal, c.Name, c.Memory>>30, c.Capability[0], c.Capability[1])
}

// library loads the driver once.
var library = sync.OnceValues(func() (*driver, error) {
	d, err := open()
	if err == nil {
		err = d.check("cuInit", d.Init(0))
	}
	return d, err
})

// Look asks the driver for its cards, without taking one.
func Look() Survey {
	d, err := library()
	if err != nil {
		var none *absent
		return Survey{Err: fault(err), Broken: !errors.As(err, &none)}
	}
	return look(d)
}

func look(d *driver) Survey {
	var version, n int32
	if err := d.check("cuDriverGetVersion", d.DriverVersion(&version)); err != nil {
		return Survey{Err: fault(err), Broken: true}
	}
	s := Survey{Driver: fmt.Sprintf("%d.%d", version/1000, version%1000/10)}
	if err := d.check("cuDeviceGetCount", d.DeviceCount(&n)); err != nil {
		s.Err, s.Broken = fault(err), true
		return s
	}
	for i := range n {
		c, err := d.card(i)
		if err != nil {
			s.Err, s.Broken = fault(fmt.Errorf("card %d: %w", i, err)), true
			return s
		}
		s.Cards = append(s.Cards, c)
	}
	if n == 0 {
		s.Err = errors.New("cuda: the driver finds no card")
	}
	return s
}

// card reads what the driver says of one.
func (d *driver) card(ordinal int32) (Card, error) {
	c := Card{Ordinal: int(ordinal)}
	if err := d.check("cuDeviceGet", d.Device(&c.device, ordinal)); err != nil {
		return c, err
	}
	var name [128]byte
	if err := d.check("cuDeviceGetName", d.DeviceName(&name[0], int32(len(name)), c.device)); err != nil {
		return c, err
	}
	var bytes uint64
	if err := d.check("cuDeviceTotalMem", d.DeviceMemory(&bytes, c.device)); err != nil {
		return c, err
	}
	name[len(name)-1] = 0
	c.Name, c.Memory = text(&name[0]), int(bytes)
	for _, a := range []struct {
		attribute int32
		to        *int
	}{{attributeMajor, &c.Capability[0]}, {attributeMinor, &c.Capability[1]}, {attributeProcessors, &c.Processors},
		{attributeClock, &c.Clock}, {attributeShared, &c.shared}} {
		var v int32
		if err := d.check("cuDeviceGetAttribute", d.Attribute(&v, a.attribute, c.device)); err != nil {
			return c, err
		}
		*a.to = int(v)
	}
	return c, nil
}

// fault names the package in errors that leave it.
func fault(err error) error {
	var none *absent
	if err == nil || errors.As(err, &none) {
		return err
	}
	return fmt.Errorf("cuda: %w", err)
}
