package index

import "testing"

// What is not exactly what a witness writes says nothing.
func FuzzWitness(f *testing.F) {
	f.Add(testimony{Seq: 36, Manifest: "MANIFEST-000011", Size: 612, Sum: 0x1f2e3d4c}.String())
	f.Add(testimony{}.String())
	f.Add("0c63dc57 {\"seq\":25}\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		var said testimony
		said.parse(text)
		if said != (testimony{}) && said.String() != text {
			t.Errorf("%q was read as %v", text, said)
		}
	})
}

// An entry of the log that is damaged is an error.
func FuzzLog(f *testing.F) {
	f.Add(logKey(3), []byte(`{"t":1764000000000,"i":[{"a":"put","i":"YQ==","o":7}]}`))
	f.Add([]byte("log/"), []byte(`{}`))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		c, err := decodeLog(key, value)
		if err == nil && len(key) != len(prefixLog)+8 {
			t.Errorf("%q is %+v", key, c)
		}
	})
}
