"""Make the stubs anew from the proto: `python -m tests.resources.salesforce.pubsub.regenerate`."""

import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

CHECKOUT = Path(__file__).resolve().parents[4]
GENERATED = CHECKOUT / "resources/salesforce/pubsub/generated"
PROTO = "pubsub_api.proto"
STUBS = ("pubsub_api_pb2.py", "pubsub_api_pb2.pyi", "pubsub_api_pb2_grpc.py")
# protoc writes imports for modules at the top; the name of the proto must stay as it is, so that
# other programs' copies of it and ours are one to protobuf, which knows each message once.
BARE_IMPORT = "import pubsub_api_pb2 as"
OUR_IMPORT = "from resources.salesforce.pubsub.generated import pubsub_api_pb2 as"


def generate(into: Path) -> None:
    """Write the stubs into a folder."""
    shutil.copy(GENERATED / PROTO, into)
    well_known = str(files("grpc_tools") / "_proto")
    outputs = [f"--{kind}_out={into}" for kind in ("python", "pyi", "grpc_python")]
    status = protoc.main(["protoc", f"-I{into}", f"-I{well_known}", *outputs, PROTO])
    if status:
        sys.exit(f"protoc ended with {status}")
    service = into / STUBS[-1]
    service.write_text(service.read_text().replace(f"\n{BARE_IMPORT}", f"\n{OUR_IMPORT}"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        generate(Path(folder))
        for stub in STUBS:
            shutil.copy(Path(folder) / stub, GENERATED / stub)
