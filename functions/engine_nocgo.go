//go:build !cgo

package main

import "errors"

func openEngine(*program) (*engine, error) {
	return nil, errors.New("this binary was built without cgo and cannot make photos: build it with CGO_ENABLED=1")
}
