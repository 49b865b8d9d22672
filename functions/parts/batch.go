package parts

import "idphoto/functions/batch"

// Batch returns the function that takes many pictures in at once. It needs blobs and topic.
func (p *Parts) Batch() *batch.Function {
	return batch.New(p.Publisher, p.Ledger, p.Blobs, &batch.Options{
		MaxFiles: p.config.BatchFiles, MaxBytes: p.config.BatchBytes,
		MaxImageBytes: p.config.MaxImageBytes, MaxPixels: p.config.MaxPixels, Memory: p.room,
		Retries: Retries(p.config), PublicURL: p.config.PublicURL, Log: p.log,
	})
}
