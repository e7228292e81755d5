"""Serves the model on this machine.

python -m flight_delay.serve --model model.json --port 8000

GET /health answers 200 when the model is loaded. POST /predict takes rows as CSV and answers id and
score as CSV, with an empty score for a row that the model refuses.
"""

import argparse
import csv
import io
import signal
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from flight_delay.features import rows_of
from flight_delay.model import Model
from flight_delay.predict import predict

LARGEST_BODY = 16 * 1024 * 1024


def answer(model: Model, body: str) -> str:
    """The scores of the rows of a CSV text, as CSV; ValueError when a column is missing."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("id", "score"))
    writer.writerows(predict(model, rows_of(io.StringIO(body, newline=""), "the request")))
    return out.getvalue()


class Handler(BaseHTTPRequestHandler):
    model: Model

    def do_GET(self) -> None:
        if self.path == "/health":
            self.reply(HTTPStatus.OK, "text/plain", "ok")
        else:
            self.reply(HTTPStatus.NOT_FOUND, "text/plain", "there is /health and /predict")

    def do_POST(self) -> None:
        if self.path != "/predict":
            self.reply(HTTPStatus.NOT_FOUND, "text/plain", "there is /health and /predict")
            return
        if self.headers.get_content_type() != "text/csv":
            self.reply(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "text/plain", "send text/csv")
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            self.reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "text/plain", "send at most 16 MiB")
            return
        try:
            text = self.rfile.read(int(length)).decode()
            self.reply(HTTPStatus.OK, "text/csv", answer(self.model, text))
        except ValueError as error:
            self.reply(HTTPStatus.BAD_REQUEST, "text/plain", str(error))

    def reply(self, status: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Rows are nobody's business: nothing of a request is logged."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve predictions of late flights.")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        Handler.model = Model.load(options.model)
    except (OSError, ValueError) as error:
        sys.exit(f"serve: {error}")
    with ThreadingHTTPServer(("127.0.0.1", options.port), Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
