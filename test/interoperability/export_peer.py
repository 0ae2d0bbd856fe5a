"""What others make of an exported cloud: NVIDIA's own definition of config.pbtxt reads it; the exported protocol serves."""

import http.server
import importlib.util
import json
import pathlib
import sys


def read_config(path):
    """tritonclient's package wants grpc; its definition of the config does not."""
    from google.protobuf import json_format, text_format

    package = importlib.util.find_spec("tritonclient").submodule_search_locations[0]
    spec = importlib.util.spec_from_file_location("model_config_pb2", f"{package}/grpc/model_config_pb2.py")
    definition = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(definition)
    config = text_format.Parse(pathlib.Path(path).read_text(), definition.ModelConfig())
    print(json_format.MessageToJson(config, preserving_proto_field_name=True))


def serve(folder):
    """Ray's place is taken by Python's own server; protocol.py is what was exported. Prints its port."""
    import onnxruntime

    sys.path.insert(0, folder)
    from protocol import ProtocolError, describe, read_request, write_reply

    sessions = {
        model.name: onnxruntime.InferenceSession(model / "1" / "model.onnx")
        for model in pathlib.Path(folder, "models").iterdir()
    }

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status, body, headers={}):
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            name = self.path.split("/")[3]
            session = sessions[name]
            self.answer(200, json.dumps(describe(name, session.get_inputs(), session.get_outputs())).encode())

        def do_POST(self):
            name = self.path.split("/")[3]
            body = self.rfile.read(int(self.headers["Content-Length"]))
            length = self.headers.get("Inference-Header-Content-Length")
            try:
                header, feeds, wanted = read_request(body, None if length is None else int(length))
            except ProtocolError as error:
                return self.answer(400, json.dumps({"error": str(error)}).encode())
            names = wanted or [output.name for output in sessions[name].get_outputs()]
            reply, reply_length = write_reply(name, header, names, sessions[name].run(names, feeds))
            headers = {} if reply_length is None else {"Inference-Header-Content-Length": str(reply_length)}
            self.answer(200, reply, headers)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


{"config": read_config, "serve": serve}[sys.argv[1]](sys.argv[2])
