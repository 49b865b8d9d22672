package models

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Environment variables that say where the files are. They win over every other place.
const (
	DirVar     = "IDPHOTO_MODELS"  // folder of the .onnx files
	LibraryVar = "ONNXRUNTIME_LIB" // ONNX Runtime's shared library, version 1.24 or later
)

const libraryModule = "github.com/k2-fsa/sherpa-onnx-go-linux"

// FindDir returns the folder with the networks: DirVar, else "models" beside the program, else
// the project's models folder when the working directory lies inside the project.
func FindDir() (string, error) {
	if dir := os.Getenv(DirVar); dir != "" {
		return dir, nil
	}
	tried := candidates("models")
	for _, dir := range tried {
		if isFile(filepath.Join(dir, CenterFace)) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("no model files in %s: set %s to their folder", strings.Join(tried, ", "), DirVar)
}

// FindLibrary returns the path of ONNX Runtime's shared library: LibraryVar, else a file beside
// the program, else the one in the Go module that go.mod names, which is fetched on first use
// (that is the only time a network is needed).
func FindLibrary() (string, error) {
	if lib := os.Getenv(LibraryVar); lib != "" {
		if !isFile(lib) {
			return "", fmt.Errorf("%s names %s, which is not a file", LibraryVar, lib)
		}
		return lib, nil
	}
	name := "libonnxruntime.so"
	if runtime.GOOS == "darwin" {
		name = "libonnxruntime.dylib"
	}
	if exe, err := os.Executable(); err == nil {
		if lib := filepath.Join(filepath.Dir(exe), name); isFile(lib) {
			return lib, nil
		}
	}
	arch := map[string]string{"amd64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}[runtime.GOARCH]
	if runtime.GOOS != "linux" || arch == "" {
		return "", fmt.Errorf("no ONNX Runtime library comes with the project for %s/%s: set %s", runtime.GOOS, runtime.GOARCH, LibraryVar)
	}
	dir, err := moduleDir(libraryModule)
	if err != nil {
		return "", fmt.Errorf("finding ONNX Runtime's library (set %s to its path instead): %w", LibraryVar, err)
	}
	lib := filepath.Join(dir, "lib", arch, name)
	if !isFile(lib) {
		return "", fmt.Errorf("no %s in module %s", name, libraryModule)
	}
	return lib, nil
}

// moduleDir returns where the module lies in the module cache, fetching it when it is not there.
func moduleDir(module string) (string, error) {
	root, err := projectRoot()
	if err != nil {
		return "", err
	}
	list := func() (string, error) { return goCommand(root, "list", "-m", "-f", "{{.Dir}}", module) }
	if dir, err := list(); err == nil && dir != "" {
		return dir, nil
	}
	if _, err := goCommand(root, "mod", "download", module); err != nil {
		return "", err
	}
	dir, err := list()
	if err == nil && dir == "" {
		err = errors.New("go list names no folder for " + module)
	}
	return dir, err
}

func goCommand(dir string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w %s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}

// candidates lists where a folder of the project may lie.
func candidates(name string) []string {
	var dirs []string
	if exe, err := os.Executable(); err == nil {
		dirs = append(dirs, filepath.Join(filepath.Dir(exe), name))
	}
	if root, err := projectRoot(); err == nil {
		dirs = append(dirs, filepath.Join(root, name))
	}
	return dirs
}

// projectRoot walks up from the working directory to the go.mod of this project.
func projectRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if data, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && bytes.HasPrefix(data, []byte("module idphoto\n")) {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("the working directory is not inside the project")
		}
		dir = up
	}
}

func isFile(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Mode().IsRegular()
}
