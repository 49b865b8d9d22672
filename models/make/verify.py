#!/usr/bin/env python3
"""Compare newly made networks with the committed ones, number by number.

    python verify.py --new new --committed .. --pictures DIR [--raw raw]

Each network runs on random noise and on real pictures, once from each file, and the
largest difference of any output value is held against a tolerance. With --raw the two
landmark networks are also held against TensorFlow Lite running the original, which checks
the conversion itself and not only that it came out the same twice. (The original selfie
segmentation needs MediaPipe's custom operator and cannot run there.) modnet_int8 may be
calibrated on other pictures than the committed one: it is held to a mean difference of
the matte. Exit status 1 when anything is off.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before tensorflow is imported

import argparse
import hashlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort

from portrait import modnet_input, pictures, read_rgb


def unit_square(side: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return the input of a MediaPipe network: NHWC, side x side, 0..1."""
    return lambda picture: cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)[None].astype(np.float32) / 255


def centerface_input(picture: np.ndarray) -> np.ndarray:
    """Return CenterFace's input: NCHW 0..255, long side 480, sides multiples of 32."""
    scale = 480 / max(picture.shape[:2])
    size = [max(32, int(side * scale) // 32 * 32) for side in (picture.shape[1], picture.shape[0])]
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32).transpose(2, 0, 1)[None]


@dataclass(frozen=True)
class Check:
    """How one network is fed and how far an output may be off."""

    prepare: Callable[[np.ndarray], np.ndarray]
    tolerance: float  # of every value; for a quantised network, of the mean on a real picture
    quantised: bool = False


CHECKS = {
    "centerface.onnx": Check(centerface_input, 1e-3),  # scores 0..1, the others of the order of 1
    "face_landmark.onnx": Check(unit_square(192), 1e-2),  # pixels of 192
    "iris_landmark.onnx": Check(unit_square(64), 1e-2),  # pixels of 64
    "selfie_segmentation.onnx": Check(unit_square(256), 1e-4),  # probability
    "modnet_int8.onnx": Check(modnet_input, 0.02, quantised=True),  # alpha
}


def samples(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield noise (seeded) and every picture of folder, as RGB."""
    yield "noise", np.random.default_rng(1).integers(0, 256, (640, 512, 3), np.uint8)
    for path in pictures(folder):
        yield path.stem, read_rgb(path)


def session(path: Path) -> ort.InferenceSession:
    return ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def run(network: ort.InferenceSession, data: np.ndarray) -> list[np.ndarray]:
    """Return the outputs in the order of their names, which two conversions may state differently."""
    names = sorted(o.name for o in network.get_outputs())
    return network.run(names, {network.get_inputs()[0].name: data})


def difference(a: list[np.ndarray], b: list[np.ndarray], mean: bool) -> float:
    """Return the largest absolute difference over all outputs, or the largest mean one."""
    return max(float((np.mean if mean else np.max)(np.abs(x - y))) for x, y in zip(a, b, strict=True))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def compare(name: str, args: argparse.Namespace) -> bool:
    """Compare one new network with the committed one, print a line and return whether it passed."""
    check = CHECKS[name]
    old, new = session(args.committed / name), session(args.new / name)
    worst, where = 0.0, "everywhere"
    for label, picture in samples(args.pictures):
        if check.quantised and label == "noise":
            continue  # there is no person in it, so no matte to agree on
        data = check.prepare(picture)
        off = difference(run(old, data), run(new, data), check.quantised)
        if not off <= worst:  # also when off is not a number
            worst, where = off, label
    same = "same bytes" if digest(args.committed / name) == digest(args.new / name) else "other bytes"
    kind = "mean" if check.quantised else "max"
    return report(name, f"{same}, {kind} |difference|", worst, check.tolerance, where)


def compare_tflite(name: str, args: argparse.Namespace) -> bool:
    """Compare the committed network with TensorFlow Lite running the original file."""
    import tensorflow as tf  # slow to load, and only needed here

    original = tf.lite.Interpreter(model_path=str(args.raw / name.replace(".onnx", ".tflite")))
    original.allocate_tensors()
    feed = original.get_input_details()[0]["index"]
    outputs = sorted(original.get_output_details(), key=lambda o: o["name"])
    network, worst, where = session(args.committed / name), 0.0, "everywhere"
    for label, picture in samples(args.pictures):
        data = CHECKS[name].prepare(picture)
        original.set_tensor(feed, data)
        original.invoke()
        off = difference(run(network, data), [original.get_tensor(o["index"]) for o in outputs], mean=False)
        if not off <= worst:
            worst, where = off, label
    return report(name, "against TensorFlow Lite, max |difference|", worst, CHECKS[name].tolerance, where)


def report(name: str, what: str, worst: float, tolerance: float, where: str) -> bool:
    passed = worst <= tolerance
    print(f"{'ok  ' if passed else 'FAIL'} {name}: {what} {worst:.2g} ({where}), allowed {tolerance:g}")
    return passed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--new", type=Path, required=True, help="folder of newly made networks")
    parser.add_argument("--committed", type=Path, required=True, help="the project's models/")
    parser.add_argument("--pictures", type=Path, required=True, help="folder of portraits")
    parser.add_argument("--raw", type=Path, help="folder of the original .tflite files")
    args = parser.parse_args()
    names = [name for name in CHECKS if (args.new / name).exists()]
    if not names:
        parser.error(f"{args.new} holds none of {', '.join(CHECKS)}")
    passed = [compare(name, args) for name in names]
    if args.raw:
        passed += [compare_tflite(name, args) for name in ("face_landmark.onnx", "iris_landmark.onnx")]
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    main()
