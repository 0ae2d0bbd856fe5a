"""Runs models of one float32 input x in ONNX Runtime and writes their first outputs.

Usage: run_models.py FOLDER
For every NAME.onnx in FOLDER reads NAME.x (float32, as many as the input has) and writes NAME.y (float32), or for several
samples one after the other.
"""

import pathlib
import sys

import numpy
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.log_severity_level = 3
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    samples = numpy.fromfile(path.with_suffix(".x"), dtype=numpy.float32).reshape([-1, *given.shape])
    results = [session.run(None, {given.name: sample})[0] for sample in samples]
    numpy.concatenate([result.ravel() for result in results]).tofile(path.with_suffix(".y"))
