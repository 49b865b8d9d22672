#!/usr/bin/env python3
"""Make modnet_int8.onnx: MODNet with its convolutions in 8 bit.

    python quantise_modnet.py raw/modnet.onnx new/modnet_int8.onnx --pictures DIR

Static QDQ quantisation of Conv only: signed weights with one scale per output channel,
unsigned activations with one scale per tensor, taken from the smallest and largest value
seen on the calibration pictures (the first 12 of DIR by name, each as it is, no
augmentation). Everything else stays float32, above all the instance normalisations, which
lose the matte's soft edge in 8 bit. Other pictures give other scales and so other bytes.
"""

import argparse
import tempfile
from pathlib import Path

import onnx
from onnx import version_converter
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from portrait import modnet_input, pictures, read_rgb

OPSET = 13  # the first with one scale per channel; the published file has 11
CALIBRATION_PICTURES = 12


class Portraits(CalibrationDataReader):
    """Feeds one picture after the other to the calibration."""

    def __init__(self, paths: list[Path]):
        self._paths = iter(paths)

    def get_next(self) -> dict | None:
        path = next(self._paths, None)
        return None if path is None else {"input": modnet_input(read_rgb(path))}


def quantise(source: Path, target: Path, paths: list[Path]) -> None:
    """Write the quantised network of source to target, calibrated on the pictures at paths."""
    with tempfile.TemporaryDirectory() as folder:
        raised, shaped = Path(folder, "raised.onnx"), Path(folder, "shaped.onnx")
        onnx.save(version_converter.convert_version(onnx.load(source), OPSET), raised)
        # Symbolic shape inference fails on this graph; plain inference is all that QDQ needs. Without
        # optimisation the nodes stay as published, and the runtime fuses them when it loads the file.
        quant_pre_process(raised, shaped, skip_optimization=True, skip_symbolic_shape=True)
        quantize_static(
            shaped,
            target,
            Portraits(paths),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--pictures", type=Path, required=True, help="folder of portraits to calibrate on")
    args = parser.parse_args()
    args.target.parent.mkdir(parents=True, exist_ok=True)
    paths = pictures(args.pictures, CALIBRATION_PICTURES)
    quantise(args.source, args.target, paths)
    print(f"{args.target}: {args.target.stat().st_size} bytes, calibrated on {len(paths)} pictures")


if __name__ == "__main__":
    main()
