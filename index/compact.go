package index

import (
	"context"
	"fmt"
	"time"
)

// Compact forgets what is older than the retention and rewrites the store's files
// without what was deleted. It gives back disk space and takes, for a while, as much
// again. Searches and writes go on.
func (ix *Index) Compact(ctx context.Context) error {
	leave, err := ix.enter()
	if err != nil {
		return err
	}
	defer leave()
	if err := ix.trim(time.Now()); err != nil {
		return err
	}
	if err := ix.db.Compact(ctx, []byte{0}, []byte{0xff}, true); err != nil {
		return fmt.Errorf("index: compact: %w", err)
	}
	return nil
}
