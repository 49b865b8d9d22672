package main

import (
	"idphoto/models"
	"idphoto/pipeline"
)

// engineFlags choose how photos are computed, alike in every command.
type engineFlags struct {
	Provider    string `default:"cpu" enum:"cpu,cuda,auto" env:"EXECUTION_PROVIDER" help:"Execution provider: cpu, cuda (refuses to start without it) or auto."`
	Threads     int    `default:"0" env:"MODEL_THREADS" help:"Threads of one network run; 0: the default."`
	Matte       string `default:"" env:"MATTE_MODEL" help:"Matting network: modnet_int8.onnx or modnet.onnx; empty: the default."`
	MattePixels int    `default:"0" env:"MATTE_PIXELS" help:"Area of the matting network's input in pixels; 0: the default."`
}

func (e engineFlags) options() *pipeline.Options {
	return &pipeline.Options{
		Models:      models.Options{Provider: models.Provider(e.Provider), Threads: e.Threads},
		Matte:       e.Matte,
		MattePixels: e.MattePixels,
	}
}
