package imagebind

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// How motion is read: 2000 readings of six sensors, eight at a time.
const (
	channels = 6
	readings = 2000
	step     = 8
)

// Motion is what an accelerometer and a gyroscope measured in five seconds: x, y and z
// of each, in the units that the device gives. Another number of readings than 2000 is
// stretched to that, on straight lines between them.
func Motion(rows [][channels]float32) (Signal, error) {
	if len(rows) < 2 {
		return Signal{}, fmt.Errorf("imagebind: %d readings of motion, want at least 2", len(rows))
	}
	out := make([]float32, 0, readings*channels)
	for at := 0; at < readings; at += step {
		for c := range channels {
			for k := range step {
				out = append(out, reading(rows, c, float64(at+k)*float64(len(rows)-1)/(readings-1)))
			}
		}
	}
	return Signal{IMU, [][]float32{out}}, nil
}

// reading is one channel at a time between two readings.
func reading(rows [][channels]float32, c int, at float64) float32 {
	lo := min(int(at), len(rows)-2)
	a, b := float64(rows[lo][c]), float64(rows[lo+1][c])
	return float32(a + (b-a)*(at-float64(lo)))
}

// mostReadings bounds a file: some minutes of the fastest sensors.
const mostReadings = 1 << 20

// ReadMotion reads readings as CSV: a line each, six numbers with commas, perhaps with
// the columns' names in the first line.
func ReadMotion(file []byte) ([][channels]float32, error) {
	var rows [][channels]float32
	lines := bufio.NewScanner(bytes.NewReader(file))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		row, err := readLine(line)
		if err != nil && n == 1 && !strings.ContainsAny(line[:1], "+-.0123456789") {
			continue // names
		}
		if err != nil {
			return nil, fmt.Errorf("imagebind: line %d of the motion: %w", n, err)
		}
		if rows = append(rows, row); len(rows) > mostReadings {
			return nil, fmt.Errorf("imagebind: over %d readings of motion; cut out five seconds", mostReadings)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("imagebind: the motion is no CSV of six numbers a line: %w", err)
	}
	return rows, nil
}

func readLine(line string) (row [channels]float32, err error) {
	cells := strings.Split(line, ",")
	if len(cells) != channels {
		return row, fmt.Errorf("%d columns, want 6: accelerometer x, y, z and gyroscope x, y, z", len(cells))
	}
	for i, cell := range cells {
		v, err := strconv.ParseFloat(strings.TrimSpace(cell), 32)
		if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
			return row, fmt.Errorf("%.40q is not a number", cell)
		}
		row[i] = float32(v)
	}
	return row, nil
}
