"""python3 serve.py MODEL PORT: GET /health, POST /predict (CSV)."""

import csv
import io
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

import model


class Handler(BaseHTTPRequestHandler):
    weights = []

    def do_GET(self):
        self.reply("ok")

    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        lines = ["id,score"]
        for row in csv.DictReader(io.StringIO(text, newline="")):
            answer = model.score(self.weights, row)
            lines.append(f"{row['id']},{'' if answer is None else answer}")
        self.reply("\n".join(lines) + "\n")

    def reply(self, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    Handler.weights = model.load(sys.argv[1])["weights"]
    HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
