package batch

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// maxName bounds a name in the manifest, in bytes.
const maxName = 400

// decode makes text of a file name's bytes: UTF-8 where they are that, else GB18030 (which covers
// GBK), because Chinese Windows packs archives so without saying it. What neither explains is
// replaced.
func decode(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	if text, err := simplifiedchinese.GB18030.NewDecoder().String(name); err == nil && !strings.ContainsRune(text, utf8.RuneError) {
		return text
	}
	return strings.ToValidUTF8(name, "_")
}

// entryName is the name of an archive's file as text. A name in an Info-ZIP Unicode field, which
// some packers add to one in an old encoding, is the better one.
func entryName(f *zip.File) string {
	if name, ok := unicodeName(f.Name, f.Extra); ok {
		return name
	}
	return decode(f.Name)
}

// unicodeName finds the Unicode path field (0x7075): a version, the CRC-32 of the name it stands
// for, the name in UTF-8.
func unicodeName(raw string, extra []byte) (string, bool) {
	for len(extra) >= 4 {
		tag, size := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		extra = extra[4:]
		if size > len(extra) {
			return "", false
		}
		field := extra[:size]
		extra = extra[size:]
		if tag == 0x7075 && size > 5 && field[0] == 1 &&
			binary.LittleEndian.Uint32(field[1:]) == crc32.ChecksumIEEE([]byte(raw)) && utf8.Valid(field[5:]) {
			return string(field[5:]), true
		}
	}
	return "", false
}

// shown is a name as the manifest keeps it: folders stay, as text with slashes; what would not be
// seen, or would turn the text around, goes.
func shown(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r == '\\':
			return '/'
		case hidden(r):
			return -1
		}
		return r
	}, name)
	return cut(strings.Trim(name, "/ "), maxName)
}

// hidden are control characters and marks that change the direction of text.
func hidden(r rune) bool { return unicode.Is(unicode.C, r) && r != utf8.RuneError }

// cut shortens s to at most limit bytes, between characters. The end of a name tells more than
// its middle, but the beginning tells whose it is.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// base is the last part of a name.
func base(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// stem is what a photo is called after its source, without extension: a file name that every
// usual system takes, in any folder.
func stem(name string) string {
	name = base(shown(name))
	name = strings.TrimSuffix(name, path.Ext(name))
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`<>:"/\|?*`, r) {
			return '_'
		}
		return r
	}, name)
	name = strings.Trim(cut(name, 160), ". ")
	first, _, _ := strings.Cut(name, ".")
	if slices.Contains(devices, strings.ToUpper(strings.TrimSpace(first))) {
		name = "_" + name
	}
	if name == "" {
		return "photo"
	}
	return name
}

// devices are names that Windows keeps for itself, whatever their extension.
var devices = func() []string {
	names := []string{"CON", "PRN", "AUX", "NUL"}
	for i := 1; i <= 9; i++ {
		names = append(names, fmt.Sprintf("COM%d", i), fmt.Sprintf("LPT%d", i))
	}
	return names
}()

// taken numbers names that come twice, as file managers do: a.jpg, a (2).jpg. Upper and lower case
// count as the same, because some systems take them so.
type taken map[string]bool

func (t taken) name(stem, extension string) string {
	name := stem + extension
	for n := 2; t[strings.ToLower(name)]; n++ {
		name = fmt.Sprintf("%s (%d)%s", stem, n, extension)
	}
	t[strings.ToLower(name)] = true
	return name
}

// ignored reports whether an archive's file is none of the sender's: a folder, what systems add.
func ignored(name string) bool {
	if strings.HasSuffix(name, "/") || strings.HasSuffix(name, `\`) {
		return true
	}
	for part := range strings.SplitSeq(strings.ReplaceAll(name, `\`, "/"), "/") {
		if strings.HasPrefix(part, ".") && part != "." && part != ".." || part == "__MACOSX" {
			return true
		}
	}
	switch strings.ToLower(base(strings.ReplaceAll(name, `\`, "/"))) {
	case "thumbs.db", "desktop.ini", "":
		return true
	}
	return false
}
