"""Compiles an ONNX model for a Rockchip neural processor with RKNN-Toolkit2.

compile.py --model model.onnx --platform rk3588 --output model.rknn [--dataset dataset.txt]

With a dataset (one line per sample: the .npy file of each input) the toolkit quantises to 8-bit integers, without one the
model computes in half precision. The samples are given as the model takes them: no mean or scale is applied.
"""

import argparse
import sys

from rknn.api import RKNN

parser = argparse.ArgumentParser()
for name in ("model", "platform", "output"):
    parser.add_argument("--" + name, required=True)
parser.add_argument("--dataset")
arguments = parser.parse_args()

rknn = RKNN()


def require(step, status):
    if status != 0:
        print(f"{step} failed with status {status}", file=sys.stderr)
        rknn.release()
        sys.exit(1)


require("config", rknn.config(target_platform=arguments.platform) or 0)
require("load_onnx", rknn.load_onnx(model=arguments.model))
if arguments.dataset:
    require("build", rknn.build(do_quantization=True, dataset=arguments.dataset))
else:
    require("build", rknn.build(do_quantization=False))
require("export_rknn", rknn.export_rknn(arguments.output))
rknn.release()
