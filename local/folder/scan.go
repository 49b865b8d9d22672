package folder

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"idphoto/pipeline/fault"
	"idphoto/pipeline/picture"
)

// source is a picture of the folder.
type source struct {
	path string
	rel  string // in the folder
	key  string // rel as JSON can hold it
	size int64
}

// found is what is in a folder.
type found struct {
	pictures []*source
	others   []string // no pictures, and none by their names
	folders  int      // not looked into
}

// extensions of files that are told about when they are no pictures.
var extensions = []string{".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".heic", ".heif", ".tif", ".tiff", ".bmp", ".gif"}

// scan lists the pictures of job.Dir by name. Hidden files, and the folder of photos when it lies
// inside, are left out.
func scan(job Job) (found, error) {
	var f found
	root, err := filepath.EvalSymlinks(job.Dir)
	if err != nil {
		return f, err
	}
	out, err := filepath.Abs(job.Out)
	if err != nil {
		return f, err
	}
	if real, err := filepath.EvalSymlinks(out); err == nil {
		out = real
	}
	if root, err = filepath.Abs(root); err != nil {
		return f, err
	}
	if root == out {
		return f, errors.New("the photos must go to another folder than the pictures are in: choose another --out")
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case path == root:
			return err
		case strings.HasPrefix(d.Name(), "."), path == out, d.Name() == "__MACOSX":
			return skip(d)
		case err != nil: // a folder that cannot be read
			f.folders++
			return nil
		case d.IsDir() && !job.Recursive:
			f.folders++
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		return f.add(root, path)
	})
	return f, err
}

func skip(d fs.DirEntry) error {
	if d != nil && d.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// add takes a file. One that cannot be read counts as a picture when it is called one, so that it
// is told about.
func (f *found) add(root, path string) error {
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return err
	}
	named := slices.Contains(extensions, strings.ToLower(filepath.Ext(path)))
	info, err := os.Stat(path) // of what a link leads to
	switch {
	case err == nil && !info.Mode().IsRegular():
		return nil
	case !named && (err != nil || !isPicture(path)):
		f.others = append(f.others, strings.ToValidUTF8(rel, "�"))
		return nil
	}
	p := &source{path: path, rel: rel, key: rel}
	if !utf8.ValidString(rel) {
		p.key = "hex:" + hex.EncodeToString([]byte(rel))
	}
	if err == nil {
		p.size = info.Size()
	}
	f.pictures = append(f.pictures, p)
	return nil
}

// isPicture looks at a file's first bytes.
func isPicture(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	head := make([]byte, 4096)
	n, err := io.ReadFull(file, head)
	if n == 0 || err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false
	}
	_, err = picture.Inspect(head[:n], nil)
	e, ok := errors.AsType[*fault.Error](err)
	return err == nil || ok && e.Code != fault.UnsupportedType
}

// sum is the SHA-256 of the file, in hex.
func (p *source) sum() (string, error) {
	file, err := os.Open(p.path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", fmt.Errorf("reading %s: %w", p.rel, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// photo is the name that the picture's photo should have.
func (p *source) photo(extension string) string {
	return strings.TrimSuffix(p.rel, filepath.Ext(p.rel)) + extension
}

// shown is the name for people.
func (p *source) shown() string { return strings.ToValidUTF8(filepath.ToSlash(p.rel), "�") }

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
