package intake

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"idphoto/pipeline/fault"
	"idphoto/pipeline/picture"
)

var limits = picture.Limits{MaxBytes: picture.DefaultMaxBytes, MaxPixels: picture.DefaultMaxPixels}

// jpegs looks like a picture at its beginning, so that nothing but its size can be objected to.
type jpegs struct{}

func (jpegs) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = "\xff\xd8\xff\xe0"[i%4]
	}
	return len(b), nil
}

// TestPiecesMakeAWhole reads pictures around the sizes at which buffers end, without a length.
func TestPiecesMakeAWhole(t *testing.T) {
	for _, size := range []int{0, 1, firstLook - 1, firstLook, firstLook + 1, firstLook + pieceSize, firstLook + pieceSize + 1, 5 << 20} {
		want := make([]byte, size)
		jpegs{}.Read(want)
		for i := range want[min(4, size):] {
			want[i+4] ^= byte(i >> 7)
		}
		for _, expected := range []int64{-1, int64(size) + 300} {
			got, err := readAll(iotest.HalfReader(bytes.NewReader(want)), expected, limits)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, expected %d: got %d, %v", size, expected, len(got), err)
			}
		}
	}
}

func TestWhatIsWrongIsToldApart(t *testing.T) {
	gif, err := base64.StdEncoding.DecodeString("R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=")
	if err != nil {
		t.Fatal(err)
	}
	away := errors.New("connection lost")
	for name, tc := range map[string]struct {
		from   io.Reader
		limits picture.Limits
		code   string
		err    error
	}{
		"endless text":       {io.MultiReader(bytes.NewReader(make([]byte, firstLook)), iotest.ErrReader(away)), limits, fault.UnsupportedType, nil},
		"above the limit":    {jpegs{}, picture.Limits{MaxBytes: 1 << 20, MaxPixels: 1 << 20}, fault.TooLarge, nil},
		"nothing":            {bytes.NewReader(nil), limits, fault.Empty, nil},
		"one pixel":          {bytes.NewReader(gif), limits, fault.TooSmall, nil},
		"a reader that ends": {iotest.ErrReader(away), limits, "", away},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Read(tc.from, -1, tc.limits)
			e, _ := errors.AsType[*fault.Error](err)
			if tc.code != "" && (e == nil || e.Code != tc.code) || tc.err != nil && (e != nil || !errors.Is(err, tc.err)) {
				t.Errorf("Read = %v", err)
			}
		})
	}
}
