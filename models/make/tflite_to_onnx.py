#!/usr/bin/env python3
"""Convert MediaPipe's TensorFlow Lite networks to ONNX.

    python tflite_to_onnx.py --raw raw --out new

tf2onnx does the conversion. It knows neither the custom operator at the end of the selfie
segmentation nor its attributes, and leaves the node as it found it; replace_transpose_conv
puts standard operators in its place.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before tensorflow is imported

import argparse
from pathlib import Path

import numpy as np
import onnx
import tf2onnx
from onnx import helper, numpy_helper

CUSTOM_OP = "TFL_Convolution2DTransposeBias"
OPSETS = {"face_landmark": 13, "iris_landmark": 13, "selfie_segmentation": 14}  # 14 has HardSwish
NHWC_TO_NCHW, NCHW_TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]


def weights_of(graph: onnx.GraphProto, name: str) -> np.ndarray:
    """Return the constant tensor called name; raise StopIteration when there is none."""
    return numpy_helper.to_array(next(w for w in graph.initializer if w.name == name))


def standard_nodes(graph: onnx.GraphProto, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """Return nodes that compute what the custom node does: a 2x2 transposed convolution of stride 2, plus bias.

    Both work on NHWC, ConvTranspose on NCHW. The weights go from (out, h, w, in) to (in, out, h, w).
    """
    data, kernel, bias = node.input
    weights = weights_of(graph, kernel).transpose(3, 0, 1, 2)
    if weights.shape[2:] != (2, 2):
        raise ValueError(f"{node.name}: kernel {weights.shape[2:]}, expected 2x2")
    prefix = node.name or "transpose_conv"
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(weights), f"{prefix}/weights"))
    return [
        helper.make_node("Transpose", [data], [f"{prefix}/nchw"], f"{prefix}/to_nchw", perm=NHWC_TO_NCHW),
        helper.make_node(
            "ConvTranspose",
            [f"{prefix}/nchw", f"{prefix}/weights", bias],
            [f"{prefix}/wide"],
            f"{prefix}/conv",
            kernel_shape=[2, 2],
            strides=[2, 2],
            pads=[0, 0, 0, 0],
        ),
        helper.make_node("Transpose", [f"{prefix}/wide"], list(node.output), f"{prefix}/to_nhwc", perm=NCHW_TO_NHWC),
    ]


def replace_transpose_conv(model: onnx.ModelProto) -> int:
    """Replace every custom transposed convolution in model; return how many there were."""
    graph, nodes, replaced = model.graph, [], 0
    for node in graph.node:
        if node.op_type == CUSTOM_OP:
            nodes += standard_nodes(graph, node)
            replaced += 1
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    read = {name for node in graph.node for name in node.input}
    kept = [w for w in graph.initializer if w.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    return replaced


def convert(source: Path, opset: int) -> onnx.ModelProto:
    """Convert one .tflite file; the result passes ONNX's full check."""
    model, _ = tf2onnx.convert.from_tflite(str(source), opset=opset)
    if replaced := replace_transpose_conv(model):
        print(f"{source.name}: {replaced} custom transposed convolution replaced")
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--raw", type=Path, required=True, help="folder with the .tflite files")
    parser.add_argument("--out", type=Path, required=True, help="folder for the .onnx files; made when missing")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for name, opset in OPSETS.items():
        target = args.out / f"{name}.onnx"
        onnx.save(convert(args.raw / f"{name}.tflite", opset), target)
        print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
