#!/usr/bin/env python3
"""run_documented_example.py ARCUATE DOCUMENT FOLDER: runs the Python example of DOCUMENT on a connectome of `arcuate phantom` and checks what it read.

Exit code 77, and why, where h5py is missing."""
import pathlib
import re
import shutil
import subprocess
import sys

try:
    import h5py
    import numpy as np
except ImportError as missing:
    print(f"skipped: {missing} (install python3-h5py)")
    sys.exit(77)

arcuate, document, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)


def run(*words):
    subprocess.run([arcuate, *map(str, words), "--device", "cpu", "--quiet"], check=True)


run("phantom", folder / "data", "--sessions", 1, "--directions", 20, "--voxel-size", 4)
tracks = sorted(folder.glob("data/derivatives/truth/bundle-*.tck"))[0]
parcels = sorted(folder.glob("data/derivatives/**/*dseg.nii.gz"))[0]
run("connectome", tracks, parcels, folder / "c.h5", "--errors")
run("connectome", tracks, parcels, folder / "{metric}.csv", "--errors", "--metric", "count", "--metric", "mean_length")

example = re.search(r"```python\n(.*?)```", document.read_text(), re.S).group(1)
(folder / "example.py").write_text(example)
told = subprocess.run([sys.executable, folder / "example.py", folder / "c.h5"], check=True, capture_output=True, text=True).stdout
print(told)

# Every object and attribute that the document names is there, with that type and shape; and the numbers are those of the tables.
with h5py.File(folder / "c.h5", "r") as file:
    n = len(file["nodes/label"])
    assert file.attrs["format_version"] == 1 and file.attrs["streamlines"].dtype == file.attrs["assigned"].dtype == np.int64
    assert file["nodes/label"].dtype == np.int32 and file["nodes/voxels"].dtype == np.int64 and file["nodes/centre_mm"].shape == (n, 3)
    edges = file["edges"]
    for metric in ("count", "mean_length"):
        for name in (metric, metric + "_sampling_se"):
            table = np.genfromtxt(folder / f"{name}.csv", delimiter=",", skip_header=1, missing_values="n/a", filling_values=np.nan)[:, 1:]
            assert edges[name].shape == (n, n) and edges[name].dtype == np.float64
            assert np.array_equal(edges[name][:], table, equal_nan=True), name
        assert edges[metric + "_sampling_se"].attrs["error_of"] == metric.encode() and edges[metric + "_sampling_se"].attrs["error"] == b"sampling"
        assert "error" not in edges[metric].attrs
    count, total = edges["count"][:], int(file.attrs["streamlines"])
    assert np.allclose(edges["count_sampling_se"][:], np.sqrt(count * (1 - count / total) * total / (total - 1)), rtol=1e-12)
    assert told.startswith(f"{total} streamlines, made by connectome\n") and "\n  count " in told and " (sampling)" in told, told
