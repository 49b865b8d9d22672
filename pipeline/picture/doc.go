// Package picture reads and writes picture files: it inspects and decodes what strangers send,
// hands out upright sRGB pixels of any part at any whole reduction, and encodes the results.
package picture
