// Package picture reads and writes picture files: it inspects and decodes what strangers send,
// hands out upright sRGB pixels of any part at any whole reduction, and encodes the results.
//
// Formats are JPEG (baseline and progressive; grey, YCbCr, RGB, CMYK and YCCK), PNG, WebP, GIF
// (the first frame), BMP, TIFF (the first picture) and HEIC. What a file is is judged by its bytes,
// never by a name. Varieties that the decoders lack (animated WebP, arithmetic JPEG, AVIF, 12-bit
// JPEG, CMYK TIFF, run-length BMP) are unsupported_type; broken files are undecodable; files that
// end before their end are truncated. Whatever is refused is refused with a *fault.Error.
//
// # Refusing early
//
// Inspect walks a file's structure to its end and knows its size before any pixel is decoded, so
// that a header claiming 65000 x 65000, or a few hundred kilobytes that unpack to 144 million
// pixels, cost nothing. In HEIC it reads the parameter sets of the coded pictures too, since the
// decoder reserves memory by those and not by what the boxes say.
//
// # Colour and orientation
//
// Pixels stay as the decoder made them: planes of YCbCr, a palette, CMYK. Reduce averages them
// in that form, turns the small result upright, and converts it from the embedded profile to sRGB.
// Any RGB profile of a matrix and three curves is honoured (Display P3 and Adobe RGB are of
// that kind); others are taken as sRGB, which Info.Profile says. Opacity is laid over white; 16
// bits are rounded to 8. WebP, and HEIC where its header says so, store video range, which Go's own
// colour conversion takes for full range; this package does not use it.
//
// # Memory
//
// Decode holds one copy of the pixels, never two, and keeps no part of the file. For each
// pixel it needs at its worst moment (Info.PeakBytes has the sum for one file):
//
//	JPEG    1.5 bytes (4:2:0), 3 (4:4:4) or 1 (grey); progressive five times as much, since
//	        image/jpeg keeps all coefficients; RGB and CMYK files 4 more
//	PNG     1 (grey, palette), 4 (colour) or twice that (16 bits); interlaced half as much again
//	WebP    1.5 (lossy), 6.5 (lossy with opacity), 5 (lossless)
//	GIF     1
//	BMP     1 (palette) or 4
//	TIFF    1, 4 or 8, and one strip or tile, four times when it is compressed
//	HEIC    about 24, in a memory of the decoder's own that is garbage afterwards; 1.5 remain.
//	        One HEIC is decoded at a time; the first one waits about half a second for the
//	        decoder to be compiled, and some 40 MB stay with it
//
// The HEIC decoder is a sandboxed program without system libraries, unless the system has a
// libheif.so that it finds at start, which it then prefers; the build tag nodynamic forbids that.
package picture
