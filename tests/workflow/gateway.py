"""A real MLflow tracking server on loopback, with endpoints of its AI Gateway over a model server of ours."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@contextlib.contextmanager
def tracking_server(folder: Path) -> Iterator[str]:
    """The server's URL. It takes model servers on loopback, which is off by default."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder}/server.db", "--artifacts-destination", str(folder / "files")),
    ]
    env = {
        **os.environ,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_GATEWAY_API_BASE_ALLOWED_SCHEMES": "http,https",
        "MLFLOW_GATEWAY_API_BASE_ALLOW_PRIVATE_IPS": "true",
    }
    env.pop("MLFLOW_TRACKING_URI", None)
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=env, cwd=folder, start_new_session=True)
        try:
            _wait_for(f"http://127.0.0.1:{port}/health", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # the server and its worker: nothing of them is needed any more
            process.wait(20)


def gateway_endpoint(server: str, name: str, *, model_server: str) -> None:
    """Make an endpoint `name` that asks the model server at that URL."""
    api_key, base = {"api_key": "sk-1"}, {"api_base": model_server}
    secret = _made(
        server,
        "secrets",
        "secret",
        secret_name=f"{name}-key",
        secret_value=api_key,
        provider="openai",
        auth_config=base,
    )
    model = _made(
        server,
        "model-definitions",
        "model_definition",
        name=f"{name}-model",
        secret_id=secret["secret_id"],
        provider="openai",
        model_name="scripted",
    )
    linked = {"model_definition_id": model["model_definition_id"], "linkage_type": "PRIMARY", "weight": 1.0}
    _made(server, "endpoints", "endpoint", name=name, model_configs=[linked], usage_tracking=False)


def _made(server: str, kind: str, answer: str, **body: Any) -> Any:
    url = f"{server}/api/3.0/mlflow/gateway/{kind}/create"
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310
        return json.loads(reply.read())[answer]


def _wait_for(url: str, process: "subprocess.Popen[bytes]", seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - our own server
        except OSError:
            time.sleep(0.3)
        else:
            return
    pytest.fail(f"the MLflow server did not start in {seconds} s")
