package check

// upscale is how many pixels of the photo one pixel of the picture has to fill, along a side.
func upscale(w *work) (float64, bool) { return w.Upscale, w.Upscale > 0 }
