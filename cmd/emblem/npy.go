package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// npyWriter writes a matrix of float32 in NumPy's format, row by row. The file
// appears under its name when it is complete.
type npyWriter struct {
	path string
	file *os.File
	out  *bufio.Writer
	cols int
	rows int
	buf  []byte
}

const npyHeader = 128 // bytes, so that the rows are aligned and the count can be filled in at the end

func createNPY(path string, cols int) (*npyWriter, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".emblem-*.npy")
	if err != nil {
		return nil, usagef("--out: %v", err)
	}
	w := &npyWriter{path: path, file: f, out: bufio.NewWriterSize(f, 1<<16), cols: cols, buf: make([]byte, 4*cols)}
	_, err = w.out.Write(make([]byte, npyHeader))
	return w, err
}

// row appends a row; none is a row of NaN.
func (w *npyWriter) row(v []float32) error {
	for i := range w.cols {
		x := float32(math.NaN())
		if v != nil {
			x = v[i]
		}
		binary.LittleEndian.PutUint32(w.buf[4*i:], math.Float32bits(x))
	}
	w.rows++
	_, err := w.out.Write(w.buf)
	return err
}

// close writes the header and gives the file its name.
func (w *npyWriter) close() error {
	dict := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", w.rows, w.cols)
	head := "\x93NUMPY\x01\x00" + string(binary.LittleEndian.AppendUint16(nil, npyHeader-10)) + dict
	head += strings.Repeat(" ", npyHeader-1-len(head)) + "\n"
	err := w.out.Flush()
	if err == nil {
		_, err = w.file.WriteAt([]byte(head), 0)
	}
	if err == nil {
		err = w.file.Chmod(0o644)
	}
	if err = errors.Join(err, w.file.Close()); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	if err := os.Rename(w.file.Name(), w.path); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	w.file = nil
	return nil
}

// abort removes what close did not finish.
func (w *npyWriter) abort() {
	if w.file != nil {
		w.file.Close()
		os.Remove(w.file.Name())
	}
}
