//go:build ortlib

package models

// The module holds ONNX Runtime's shared library for Linux. Nothing here is called: the blank
// import keeps the module in go.mod, and Library finds the file in the module cache.
import _ "github.com/k2-fsa/sherpa-onnx-go-linux"
