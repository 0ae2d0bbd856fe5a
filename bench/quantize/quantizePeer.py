"""Quantises one model with one of onnxruntime.quantization's recipes, once for each line on stdin.

python quantizePeer.py MODEL CALIBRATION.npy RECIPE OUT.onnx [SAMPLES]    prints {"seconds", "peakMegabytes"} a time

RECIPE: default (S8S8 per tensor), per-channel (U8S8), entropy, percentile (both U8S8 per channel), dynamic.
The seconds are those of reading, pre-processing and quantising; importing the libraries is not counted.
"""

import json
import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import version_converter
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

RECIPES = {
    "default": {},
    "per-channel": {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8, "per_channel": True},
    "entropy": {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8, "per_channel": True, "calibrate_method": CalibrationMethod.Entropy},
    "percentile": {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8, "per_channel": True, "calibrate_method": CalibrationMethod.Percentile},
}


class Reader(CalibrationDataReader):
    def __init__(self, name, samples):
        self.rest = iter([{name: samples[index : index + 1]} for index in range(len(samples))])

    def get_next(self):
        return next(self.rest, None)


def prepared(path, folder):
    """What the recipes need that quantize_static does not do itself: opset 13 and a fixed batch."""
    model = onnx.load(path)
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    if opset < 13:
        weights = {tensor.name for tensor in model.graph.initializer}
        inputs = [info for info in model.graph.input if info.name not in weights]
        del model.graph.input[:]
        model.graph.input.extend(inputs)
        model.ir_version = max(model.ir_version, 7)
        model = version_converter.convert_version(model, 13)
    for info in list(model.graph.input) + list(model.graph.output):
        dims = info.type.tensor_type.shape.dim
        if len(dims) > 0 and (dims[0].dim_param or dims[0].dim_value == 0):
            dims[0].dim_value = 1
    target = str(Path(folder) / "prepared.onnx")
    onnx.save(model, target)
    return target, inputs_of(model)[0]


def inputs_of(model):
    weights = {tensor.name for tensor in model.graph.initializer}
    return [info.name for info in model.graph.input if info.name not in weights]


def quantize(model, calibration, recipe, out, repeat_to=None):
    samples = np.load(calibration)
    if repeat_to is not None:
        samples = np.resize(samples, (int(repeat_to), *samples.shape[1:]))
    with tempfile.TemporaryDirectory() as folder:
        path, name = prepared(model, folder)
        simplified = str(Path(folder) / "simplified.onnx")
        try:
            quant_pre_process(path, simplified, skip_symbolic_shape=True)
        except Exception:  # noqa: BLE001: without it the recipe still works, only less well
            simplified = path
        if recipe == "dynamic":
            quantize_dynamic(simplified, out, weight_type=QuantType.QInt8, per_channel=True)
        else:
            quantize_static(simplified, out, Reader(name, samples), **RECIPES[recipe])


def peak_megabytes():
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+) kB", status).group(1)) / 1000


for _ in sys.stdin:
    started = time.perf_counter()
    quantize(*sys.argv[1:])
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "peakMegabytes": peak_megabytes()}), flush=True)
