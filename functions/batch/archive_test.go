package batch

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// packed is a ZIP archive of these files, in this order.
func packed(t *testing.T, entries ...func(*zip.Writer) error) file {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, add := range entries {
		if err := add(w); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file{"archive", "class.zip", out.Bytes()}
}

// entry adds a file. Its name is written as it is.
func entry(h zip.FileHeader, data []byte) func(*zip.Writer) error {
	return func(w *zip.Writer) error {
		h.Method = zip.Deflate
		part, err := w.CreateHeader(&h)
		if err == nil {
			_, err = part.Write(data)
		}
		return err
	}
}

func named(name string, data []byte) func(*zip.Writer) error {
	return entry(zip.FileHeader{Name: name}, data)
}

func gbk(t *testing.T, s string) string {
	t.Helper()
	out, err := simplifiedchinese.GBK.NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAnArchiveGivesItsPicturesAndTheirNames(t *testing.T) {
	s := start(t, nil)
	old := gbk(t, `三班\李四.jpg`)
	extra := append(binary.LittleEndian.AppendUint32([]byte{0x75, 0x70, 5 + 10, 0, 1}, crc32.ChecksumIEEE([]byte("????.jpg"))), "王五.jpg"...)
	archive := packed(t,
		named("三班/", nil), named("三班/张三.jpg", noise(90, 91)), entry(zip.FileHeader{Name: old, NonUTF8: true}, noise(90, 92)),
		entry(zip.FileHeader{Name: "????.jpg", NonUTF8: true, Extra: extra}, noise(90, 93)),
		named("__MACOSX/三班/._张三.jpg", []byte("x")), named(".DS_Store", []byte("x")), named("三班/Thumbs.db", []byte("x")),
		named("../../etc/passwd", noise(90, 94)), named("list.xlsx", []byte("a table")), named("tiny.png", noise(8, 8)))
	a := s.send(t, batchOf(file{"name", "", []byte("三班")}, portrait("single.png"), archive))
	if a.status != 202 || a.body["total"] != 5.0 || a.body["refused"] != 2.0 {
		t.Fatalf("answer is %d %s", a.status, a.raw)
	}
	var names []string
	for _, item := range s.show(t, a.id()).Items {
		names = append(names, item.Name)
		if item.TaskID != "" {
			s.end(t, item.TaskID, done, jpeg)
		}
	}
	if got := strings.Join(names, " | "); got != "single.png | 三班/张三.jpg | 三班/李四.jpg | 王五.jpg | ../../etc/passwd | list.xlsx | tiny.png" {
		t.Errorf("names are %s", got)
	}
	files := unzip(t, s.ask(t, "GET", a.id()+"/results.zip").raw)
	for _, name := range []string{"single.jpg", "张三.jpg", "李四.jpg", "王五.jpg", "passwd.jpg", "failures.csv"} {
		if files[name] == "" {
			t.Errorf("%s is missing in %q", name, files)
		}
	}
}

func TestBadArchives(t *testing.T) {
	s := start(t, &Options{MaxFiles: 5, MaxBytes: 300 << 10, MaxImageBytes: 200 << 10})
	bomb := append([]byte("\xff\xd8\xff\xe0"), make([]byte, 190<<10)...)
	crowd := make([]func(*zip.Writer) error, 100_000)
	for i := range crowd {
		crowd[i] = func(w *zip.Writer) error { _, err := w.CreateRaw(&zip.FileHeader{Name: "x"}); return err }
	}
	damaged := packed(t, entry(zip.FileHeader{Name: "a.png"}, noise(90, 90)), named("b.png", noise(90, 91)))
	at := bytes.Index(damaged.data, []byte("a.png")) + 2000
	for i := range 64 {
		damaged.data[at+i] ^= 0x5a
	}
	for name, tc := range map[string]struct {
		archive file
		status  int
		code    string
	}{
		"password":              {packed(t, entry(zip.FileHeader{Name: "a.jpg", Flags: 1}, noise(90, 90))), 422, "archive_encrypted"},
		"cut short":             {file{"archive", "a.zip", packed(t, named("a.png", noise(90, 90))).data[:5000]}, 422, "archive_unreadable"},
		"RAR":                   {file{"archive", "a.rar", []byte("Rar!\x1a\x07\x00 ...")}, 422, "archive_unreadable"},
		"nothing in it":         {packed(t), 422, "no_pictures"},
		"bomb":                  {packed(t, named("a.jpg", bomb), named("b.jpg", bomb), named("c.jpg", bomb)), 413, "batch_too_large"},
		"too many files":        {packed(t, named("a", nil), named("b", nil), named("c", nil), named("d", nil), named("e", nil), named("f", nil)), 413, "too_many_files"},
		"an endless contents":   {packed(t, crowd...), 413, "batch_too_large"},
		"a damaged one beside":  {damaged, 202, ""},
		"too large for a photo": {packed(t, named("a.jpg", append(bomb, make([]byte, 50<<10)...)), named("b.png", noise(90, 90))), 202, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.send(t, batchOf(tc.archive))
			if a.status != tc.status || tc.code != "" && a.code() != tc.code {
				t.Errorf("answer is %d %s, want %d %s", a.status, a.raw, tc.status, tc.code)
			}
			if a.status == 202 {
				if a.body["total"] != 1.0 || a.body["refused"] != 1.0 {
					t.Errorf("answer is %s", a.raw)
				}
				s.ask(t, "DELETE", a.id())
			}
		})
	}
	if files := s.files(t); len(files) != 0 {
		t.Errorf("%v is left", files)
	}
}

// TestALongTableOfContentsIsNotRead: it would take memory before any limit on files counts.
func TestALongTableOfContentsIsNotRead(t *testing.T) {
	s := start(t, &Options{MaxFiles: 5})
	crowd := make([]func(*zip.Writer) error, 120_000)
	for i := range crowd {
		crowd[i] = func(w *zip.Writer) error { _, err := w.CreateRaw(&zip.FileHeader{Name: "folder/"}); return err }
	}
	if a := s.send(t, batchOf(packed(t, crowd...))); a.status != 413 || a.code() != "too_many_files" {
		t.Errorf("answer is %d %.200s", a.status, a.raw)
	}
	s.keptNothing(t)
}

func TestNamesBecomeSafeFileNames(t *testing.T) {
	for name, want := range map[string]string{
		"张三.jpg": "张三", "三班/张三.jpg": "张三", `C:\class\Li.PNG`: "Li", "../../x.jpg": "x", "a\x00b\u202egpj.exe": "abgpj", "con.jpg": "_con",
		"NUL.tar.gz": "_NUL.tar", ".jpg": "photo", "": "photo", "...": "photo", `a<b>:"|?*.jpg`: "a_b______", "no extension": "no extension", " a. .jpg": "a",
		strings.Repeat("长", 200) + ".jpg": strings.Repeat("长", 53),
	} {
		if got := stem(name); got != want {
			t.Errorf("stem(%q) = %q, want %q", name, got, want)
		}
	}
	names := taken{}
	for _, want := range []string{"a.jpg", "a (2).jpg", "a (3).jpg"} {
		if got := names.name("a", ".jpg"); got != want {
			t.Errorf("name is %s, want %s", got, want)
		}
	}
	if got := names.name("A", ".jpg"); got != "A (4).jpg" {
		t.Errorf("name in capitals is %s", got)
	}
}

func TestOldEncodingsBecomeText(t *testing.T) {
	for bytes, want := range map[string]string{
		"plain.jpg": "plain.jpg", "张三": "张三", gbk(t, "张三.jpg"): "张三.jpg", "a\xff\xffb": "a_b",
	} {
		if got := decode(bytes); got != want {
			t.Errorf("decode(%q) = %q, want %q", bytes, got, want)
		}
	}
}

// FuzzNames gives names that strangers may make up: what becomes of them is a file name and no path.
func FuzzNames(f *testing.F) {
	for _, name := range []string{"张三.jpg", "..\\..", "\xff\xfe", "con", "a/b/c.", "\u202e"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := stem(decode(name))
		if got == "" || len(got) > 170 || strings.ContainsAny(got, "/\\\x00") || strings.HasPrefix(got, ".") || got != strings.ToValidUTF8(got, "") {
			t.Errorf("stem(decode(%q)) = %q", name, got)
		}
	})
}
