"""MLflow's UI in JupyterLab's launcher: `binder/postBuild` puts this file where the server reads it."""

import tempfile
from pathlib import Path

from tornado.web import HTTPError


def mlflow_ui(port: int) -> list[str]:
    """The command that shows the store of the newest quickstart, started at the first click."""
    stores = sorted(Path(tempfile.gettempdir()).glob("convsim-*/mlflow.db"), key=lambda path: path.stat().st_mtime)
    if not stores:
        raise HTTPError(404, reason="There is no MLflow store yet: run the quickstart first, then open this page again")
    store = f"sqlite:///{stores[-1]}"
    return ["mlflow", "ui", "--backend-store-uri", store, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]


c.ServerProxy.servers = {  # noqa: F821 - Jupyter's own name for its settings
    "mlflow": {
        "command": mlflow_ui,
        "timeout": 90,
        # No background jobs: they take four more processes, and nothing here needs them.
        "environment": {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        # MLflow answers only to local names; who may come in at all is checked by Jupyter, in front of it.
        "request_headers_override": {"Host": "localhost:{port}", "Origin": "http://localhost:{port}"},
        "launcher_entry": {"title": "MLflow", "category": "Other"},
    }
}
