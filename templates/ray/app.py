"""Serves the models below `repository` over the Open Inference Protocol v2: serve run config.yaml"""

import json
import pathlib

import onnxruntime
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from protocol import ProtocolError, describe, read_request, write_reply

HEADER_LENGTH = "Inference-Header-Content-Length"


@serve.deployment
class Endpoint:
    def __init__(self, repository, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # The files are optimised already, as far as leaves the numbers what they are on the device.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self.sessions = {
            folder.name: onnxruntime.InferenceSession(folder / "1" / "model.onnx", options)
            for folder in pathlib.Path(repository).iterdir()
        }

    async def __call__(self, request: Request):
        parts = request.url.path.strip("/").split("/")
        if parts == ["v2"]:
            return answer({"name": "ray-serve", "version": "1", "extensions": ["binary_tensor_data"]})
        if parts[:2] == ["v2", "health"] and parts[2:] in (["live"], ["ready"]):
            return answer({})
        if parts[:2] != ["v2", "models"] or len(parts) < 3:
            return answer({"error": f"there is nothing at {request.url.path}"}, 404)
        name, rest = parts[2], parts[3:]
        if rest[:2] == ["versions", "1"]:
            rest = rest[2:]
        session = self.sessions.get(name)
        if session is None:
            return answer({"error": f"there is no model {name}"}, 404)
        if rest == ["ready"]:
            return answer({})
        if rest == ["infer"] and request.method == "POST":
            return infer(name, session, await request.body(), request.headers.get(HEADER_LENGTH))
        if not rest:
            return answer(describe(name, session.get_inputs(), session.get_outputs()))
        return answer({"error": f"there is nothing at {request.url.path}"}, 404)


def infer(name, session, body, header_length):
    try:
        header, feeds, wanted = read_request(body, None if header_length is None else int(header_length))
        names = wanted or [output.name for output in session.get_outputs()]
        values = session.run(names, feeds)
    except (ProtocolError, ValueError, onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument) as error:
        return answer({"error": str(error)}, 400)
    reply, reply_header_length = write_reply(name, header, names, values)
    if reply_header_length is None:
        return Response(reply, media_type="application/json")
    headers = {HEADER_LENGTH: str(reply_header_length)}
    return Response(reply, media_type="application/octet-stream", headers=headers)


def answer(content, status=200):
    return Response(json.dumps(content), status, media_type="application/json")


def build(arguments):
    """As config.yaml names it."""
    return Endpoint.bind(arguments["repository"], arguments["threads"])
