"""Compares what OpenVINO and ONNX Runtime compute, output by output.

openvino_outputs.py MODEL prints {output: decibels between the outputs and their difference} as JSON; the inputs are
normally distributed, the same each time.
"""

import json
import sys

import numpy
import onnxruntime
import openvino

model = sys.argv[1]
options = onnxruntime.SessionOptions()
options.log_severity_level = 3
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
random = numpy.random.default_rng(7)
feeds = {given.name: random.normal(1, 1.5, given.shape).astype(numpy.float32) for given in session.get_inputs()}
expected = session.run(None, feeds)
# Converted first, as the build is.
compiled = openvino.Core().compile_model(
    openvino.convert_model(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
)
given = compiled(feeds)
decibels = {}
for output, reference in zip(session.get_outputs(), expected):
    difference = (given[output.name] - reference).astype(numpy.float64)
    noise = float((difference**2).mean())
    signal = float((reference.astype(numpy.float64) ** 2).mean())
    # Where everything saturates, outputs are nothing but rounding.
    decibels[output.name] = 999 if noise < 1e-8 else 10 * numpy.log10(signal / noise)
print(json.dumps(decibels))
