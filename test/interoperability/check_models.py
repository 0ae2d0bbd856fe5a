"""Runs onnx.checker on every .onnx file of a folder and prints what it refuses as JSON: {file: message}.

With --full types and shapes are inferred and checked too.
"""

import json
import pathlib
import sys

import onnx

refused = {}
paths = sorted(pathlib.Path(sys.argv[1]).rglob("*.onnx"))
for path in paths:
    try:
        onnx.checker.check_model(str(path), full_check="--full" in sys.argv)
    except Exception as error:  # any failure of the checker is a finding about that file
        refused[str(path.relative_to(sys.argv[1]))] = str(error)
print(json.dumps({"checked": len(paths), "refused": refused}))
