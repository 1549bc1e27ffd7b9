package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// The test binary is emblem too, with a model of colours, when this variable is
// set. Its value is the number of batches that the model embeds; then it waits
// for the file that the second names. The value real is the models that people have.
const (
	asEmblem = "EMBLEM_TEST_BATCHES"
	gateFile = "EMBLEM_TEST_GATE"
)

func TestMain(m *testing.M) {
	if n, ok := os.LookupEnv(asEmblem); ok {
		ctx, stop := interruptible(context.Background())
		a := newApp(os.Stdin, os.Stdout, os.Stderr)
		if n != "real" {
			batches, err := strconv.Atoi(n)
			if err != nil {
				panic(err)
			}
			a.wiring = colourWiring(&gate{left: int32(batches), file: os.Getenv(gateFile)})
		}
		code := a.execute(ctx, os.Args[1:])
		stop()
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// gate lets some batches through and the others when a file is there. A nil
// gate is open.
type gate struct {
	left int32
	file string
}

func (g *gate) pass(ctx context.Context) error {
	if g == nil || atomic.AddInt32(&g.left, -1) >= 0 {
		return nil
	}
	for {
		if _, err := os.Stat(g.file); err == nil {
			return nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// colourWiring opens a model of colours under every name but "none".
func colourWiring(g *gate) wiring {
	return wiring{
		kernels: func() string { return "test" },
		openModel: func(_ context.Context, c modelChoice) (embedder, error) {
			if c.Ref == "none" {
				return nil, refusef("model_not_found", "no model %q", c.Ref)
			}
			return colours{filepath.Base(c.Ref), g}, nil
		},
	}
}

// colours knows the mean colour of pictures and the names of three.
type colours struct {
	name string
	gate *gate
}

func (c colours) Name() string               { return c.name }
func (c colours) Fingerprint() string        { return "colours " + c.name }
func (c colours) Dim() int                   { return 3 }
func (c colours) ImageSide() int             { return 8 }
func (c colours) LogitScale() float32        { return 10 }
func (c colours) LogitBias() (float32, bool) { return -5, true }
func (c colours) Close() error               { return nil }

func (c colours) EmbedImages(ctx context.Context, images []image.Image) ([][]float32, error) {
	if err := c.gate.pass(ctx); err != nil {
		return nil, err
	}
	var out [][]float32
	for _, im := range images {
		r, g, b, _ := im.At(0, 0).RGBA()
		out = append(out, direction(float64(r), float64(g), float64(b)))
	}
	return out, nil
}

func (c colours) EmbedTexts(_ context.Context, texts []string) ([][]float32, error) {
	var out [][]float32
	for _, t := range texts {
		v := [3]float64{0.001, 0.001, 0.001}
		for i, name := range []string{"red", "green", "blue"} {
			if strings.Contains(t, name) {
				v[i] = 1
			}
		}
		out = append(out, direction(v[0], v[1], v[2]))
	}
	return out, nil
}

func direction(r, g, b float64) []float32 {
	n := math.Sqrt(r*r+g*g+b*b) + 1e-9
	return []float32{float32(r / n), float32(g / n), float32(b / n)}
}

// desk is a user's directory, environment and pictures.
type desk struct {
	t    *testing.T
	dir  string
	data string
	env  map[string]string
}

func newDesk(t *testing.T) *desk {
	dir := t.TempDir()
	d := &desk{t: t, dir: dir, data: filepath.Join(dir, "data")}
	d.env = map[string]string{"XDG_CONFIG_HOME": filepath.Join(dir, "config"), "XDG_CACHE_HOME": filepath.Join(dir, "cache"), "XDG_DATA_HOME": dir, "EMBLEM_DATA": d.data}
	return d
}

func (d *desk) path(name string) string { return filepath.Join(d.dir, name) }

// paint writes n pictures of shades of a colour.
func (d *desk) paint(folder, name string, c color.RGBA, n int) {
	d.t.Helper()
	for i := range n {
		im := image.NewRGBA(image.Rect(0, 0, 4, 4))
		for p := range 16 {
			im.Set(p%4, p/4, color.RGBA{max(c.R, uint8(i%256)), max(c.G, uint8(i/16)), c.B, 255})
		}
		var out bytes.Buffer
		if err := png.Encode(&out, im); err != nil {
			d.t.Fatal(err)
		}
		d.write(fmt.Sprintf("%s/%s%03d.png", folder, name, i), out.String()+fmt.Sprint(i))
	}
}

func (d *desk) write(name, content string) {
	d.t.Helper()
	path := d.path(name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		d.t.Fatal(err)
	}
}

// result is what a command did.
type result struct {
	code           int
	stdout, stderr string
}

// run runs a command in this process.
func (d *desk) run(args ...string) result {
	d.t.Helper()
	var out, errs bytes.Buffer
	a := newApp(strings.NewReader(""), &out, &errs)
	a.wiring = colourWiring(nil)
	a.env = func(name string) (string, bool) { v, ok := d.env[name]; return v, ok }
	a.environ = d.environ
	code := a.execute(context.Background(), args)
	return result{code, out.String(), errs.String()}
}

func (d *desk) environ() []string {
	var all []string
	for name, value := range d.env {
		all = append(all, name+"="+value)
	}
	return all
}

func (d *desk) must(args ...string) result {
	d.t.Helper()
	r := d.run(args...)
	if r.code != 0 {
		d.t.Fatalf("emblem %s: exit %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r
}

// process is a command in a process of its own.
type process struct {
	*exec.Cmd
	out, errs bytes.Buffer
}

// command is emblem in a process of its own, whose model embeds so many batches
// before openGate.
func (d *desk) command(batches int, args ...string) *exec.Cmd {
	d.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		d.t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), asEmblem+"="+strconv.Itoa(batches), gateFile+"="+d.path("gate"))
	for k, v := range d.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	return cmd
}

// start starts a command.
func (d *desk) start(batches int, args ...string) *process {
	d.t.Helper()
	p := &process{Cmd: d.command(batches, args...)}
	p.Stdout, p.Stderr = &p.out, &p.errs
	if err := p.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { p.Process.Kill(); p.Wait() })
	return p
}

// own starts one and waits until it owns the data directory: whoever asks before
// would be the owner and work for it.
func (d *desk) own(batches int, args ...string) *process {
	d.t.Helper()
	p := d.start(batches, args...)
	for want := fmt.Sprintln(p.Process.Pid); ; time.Sleep(time.Millisecond) {
		if pid, err := os.ReadFile(filepath.Join(d.data, "lock")); err == nil && string(pid) == want {
			return p
		}
	}
}

func (d *desk) openGate() { d.write("gate", "") }

func (p *process) result() result {
	p.Wait()
	return result{p.ProcessState.ExitCode(), p.out.String(), p.errs.String()}
}

var (
	red   = color.RGBA{255, 0, 0, 255}
	green = color.RGBA{0, 255, 0, 255}
	blue  = color.RGBA{0, 0, 255, 255}
)
