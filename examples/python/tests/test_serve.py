"""The server answers as predict does; see src/flight_delay/serve.py."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest
from conftest import ROOT

from flight_delay.features import RAW, read_rows
from flight_delay.model import Model
from flight_delay.predict import predict
from flight_delay.serve import Handler, answer


@pytest.fixture
def address(model: Model) -> Iterator[str]:
    handler = type("Loaded", (Handler,), {"model": model})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def ask(url: str, body: str | None = None, kind: str = "text/csv") -> tuple[int, str]:
    data = None if body is None else body.encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": kind})  # noqa: S310
    try:
        with urllib.request.urlopen(request) as response:  # noqa: S310
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.ml_test("infra-6")
def test_answers_are_those_of_predict(model: Model) -> None:
    rows_file = ROOT / "data/eval.csv"
    expected = [(name, score) for name, score in predict(model, read_rows(rows_file))]
    served = [line.split(",") for line in answer(model, rows_file.read_text()).splitlines()[1:]]
    assert [(name, float(score) if score else None) for name, score in served] == expected


def test_health_and_what_is_not_there(address: str) -> None:
    assert ask(f"{address}/health") == (200, "ok")
    assert ask(f"{address}/")[0] == 404
    assert ask(f"{address}/other", "id\n")[0] == 404


def test_rows_in_answers_out(address: str) -> None:
    header = ",".join(("id", *RAW))
    status, text = ask(f"{address}/predict", f"{header}\na,7,787,-6,3,2,0\nb,,,,,,\n")
    assert status == 200
    assert text.splitlines()[0] == "id,score"
    assert text.splitlines()[2] == "b,"


def test_bodies_that_are_refused(address: str) -> None:
    assert ask(f"{address}/predict", json.dumps([]), "application/json")[0] == 415
    status, text = ask(f"{address}/predict", "id,hour\n1,7\n")
    assert (status, "distance" in text) == (400, True)
