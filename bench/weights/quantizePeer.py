"""Quantises the weights of a model, file to file; the counterpart of quantizeOurs.ts.

python quantizePeer.py MODEL.onnx OUT.onnx KIND    prints {"seconds", "peakMegabytes"}

KIND: int8 (quantize_dynamic, int8 weights per channel), int4 (the default MatMulNBits quantiser, blocks of 32, symmetric).
"""

import json
import logging
import resource
import sys
import time

import onnx

model, out, kind = sys.argv[1:]
logging.disable(logging.INFO)
if kind == "int8":
    from onnxruntime.quantization import QuantType, quantize_dynamic

    started = time.perf_counter()
    quantize_dynamic(model, out, per_channel=True, weight_type=QuantType.QInt8)
else:
    from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer

    started = time.perf_counter()
    config = DefaultWeightOnlyQuantConfig(block_size=32, is_symmetric=True, accuracy_level=4)
    quantizer = MatMulNBitsQuantizer(onnx.load(model), algo_config=config)
    quantizer.process()
    quantizer.model.save_model_to_file(out)
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "peakMegabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000}))
