package folder

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"idphoto/functions/problem"
)

// Files beside the photos.
const (
	StateFile    = ".idphoto-batch.json"
	FailuresFile = "failures.csv"
	HeldFolder   = "held" // of photos to be looked at
)

// What is known of a picture.
const (
	pending = "pending" // not done yet; its photo's name is taken
	done    = "done"    // its photo is there
	held    = "held"    // its photo is made, and somebody has to look at it before it counts
	refused = "refused" // the rules say no: the same picture is not tried again
	failed  = "failed"  // through no fault of the picture: the next run tries again
)

// codeUnreadable is of a file that this machine cannot read.
const codeUnreadable = "unreadable_file"

var unreadable = map[problem.Language]problem.Text{
	problem.English: {Sentence: "The file cannot be read.", Advice: "Check that it is there and that you may open it."},
	problem.Chinese: {Sentence: "文件无法读取。", Advice: "请检查文件是否存在、是否有权限打开。"},
}

// state remembers a folder of photos.
type state struct {
	Version int                `json:"version"`
	Photos  map[string]*record `json:"photos"` // by the picture's name in its folder
}

// record is one picture.
type record struct {
	SHA256     string      `json:"sha256"`
	Size       string      `json:"size"`
	Background string      `json:"background"`
	Wishes     [][2]string `json:"wishes,omitempty"`
	State      string      `json:"state"`
	Out        string      `json:"out"`               // the photo's name in the folder of photos
	Held       string      `json:"held,omitempty"`    // where it lies to be looked at, when that is done here
	TaskID     string      `json:"task_id,omitempty"` // of a photo that is held where the server's operators look at it
	Code       string      `json:"code,omitempty"`
	Message    string      `json:"message,omitempty"`
	Advice     string      `json:"advice,omitempty"`
}

const stateVersion = 1

// readState reads the state of a folder; a new one when there is none.
func readState(out string) (*state, error) {
	s := &state{Version: stateVersion, Photos: make(map[string]*record)}
	data, err := os.ReadFile(filepath.Join(out, StateFile))
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("%s is damaged (%w): remove it to begin anew", filepath.Join(out, StateFile), err)
	}
	if s.Version != stateVersion {
		return nil, fmt.Errorf("%s is of another version of this program (%d, want %d)", filepath.Join(out, StateFile), s.Version, stateVersion)
	}
	for key, rec := range s.Photos {
		if rec == nil || !filepath.IsLocal(rec.Out) && rec.Out != "" || !filepath.IsLocal(rec.Held) && rec.Held != "" {
			delete(s.Photos, key) // it would write outside of the folder
		}
	}
	return s, nil
}

// has reports whether a photo has this name, in whatever case: some systems take them as the same.
func (s *state) has(name string) bool {
	for _, rec := range s.Photos {
		if strings.EqualFold(rec.Out, name) || strings.EqualFold(rec.Held, name) {
			return true
		}
	}
	return false
}

func (s *state) write(out string) error {
	data, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return err
	}
	return replace(filepath.Join(out, StateFile), append(data, '\n'))
}

// replace writes a file whole or not at all.
func replace(name string, data []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(name), ".idphoto-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(data)
	if err == nil {
		err = file.Chmod(0o644)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), name)
}
