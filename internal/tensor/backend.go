package tensor

// Backend executes ops on one device. Implementations are judged by
// internal/tensor/tensortest. Methods other than Exec and Sync may be called
// from any goroutine.
type Backend interface {
	// Name is what users see: "cpu (avx512bf16)", "dry".
	Name() string
	// Alloc returns zeroed memory, aligned to 64 bytes.
	Alloc(bytes int) (Buffer, error)
	// Free returns memory. The buffer must not be used again.
	Free(Buffer)
	// Upload copies host rows, dense and little endian, into t.
	Upload(t Tensor, src []byte) error
	// Download copies t's rows, dense, into dst after all earlier ops.
	Download(dst []byte, t Tensor) error
	// Pack lays out a host matrix (out, in) for multiplication.
	Pack(kind Kind, out, in int, rows Rows) (Weight, error)
	// Unpack frees a weight's memory.
	Unpack(Weight)
	// Activations is the dtype that inputs of a Linear with weights of that
	// kind are best stored in; other dtypes work and are converted.
	Activations(Kind) DType
	// Exec runs one checked op. Ops of one lane run in order.
	Exec(Lane, Op) error
	// Sync waits for a lane's ops.
	Sync(Lane) error
}

// Lane is one of a device's two queues. Where they compete, Interactive goes first.
type Lane uint8

// A search's query goes to Interactive, a folder being indexed to Bulk.
const (
	Interactive Lane = iota
	Bulk
	lanes
)

func (l Lane) String() string {
	if l == Interactive {
		return "interactive"
	}
	return "bulk"
}
