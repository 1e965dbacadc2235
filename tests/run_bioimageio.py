"""What `bioimageio.core` makes of a package: arguments are the zip, image.npy, and where to write restored.npy."""

import sys

import numpy as np
from bioimageio.core import predict, test_model

package, image, restored = sys.argv[1:]
summary = test_model(package)
for detail in summary.details:
    print(detail.status, detail.name, *(error.msg for error in detail.errors))  # noqa: T201
sample = predict(model=package, inputs=np.load(image))
np.save(restored, sample.members["restored"].data.values)
sys.exit(summary.status != "passed")
