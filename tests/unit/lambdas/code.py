"""An archive of code in the assets bucket, named by what it holds, for the functions' stubs."""

from __future__ import annotations

import hashlib
import io
import zipfile

from botocore.response import StreamingBody
from botocore.stub import Stubber

CONTENT = "print()"
_FILES = f"{hashlib.sha256(CONTENT.encode()).hexdigest()}  train.py\n"
# The CDK hashes the digest that it is given once more.
DIGEST = hashlib.sha256(hashlib.sha256(_FILES.encode()).hexdigest().encode()).hexdigest()


def expect_code(s3: Stubber, suffix: str, *, name: str = "train.py") -> None:
    """The object is read. With another `name` it holds something else than it is named by."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        packed.writestr(name, CONTENT)
    content = target.getvalue()
    answer = {"Body": StreamingBody(io.BytesIO(content), len(content))}
    s3.add_response("get_object", answer, {"Bucket": "assets", "Key": f"{DIGEST}.{suffix}"})
