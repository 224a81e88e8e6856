#!/usr/bin/env python3
"""Our iFOD2 beside MRtrix's tckgen on the same FOD image.

    compare_tracking.py DATA_DIR ARCUATE [--select 100000] [--work DIR]

DATA_DIR holds human_rescan. MRtrix makes response and FOD of ses-01; tckgen runs twice (its own noise floor), arcuate once; all three become
84-node connectomes with tck2connectome. Prints lengths, terminations and correlations; exits 1 where
  - our connectome correlates with either of the peer's less than the peer's two with each other, minus 0.01,
  - mean length differs by more than 2%,
  - arcs per step differ by more than 10%.
"""
import argparse, json, os, re, shutil, subprocess, sys, tempfile
import numpy as np


def sh(*args):
    r = subprocess.run([str(a) for a in args], capture_output=True, text=True, errors="replace")
    if r.returncode:
        sys.exit(f"{' '.join(map(str, args))}\n{r.stderr[-2000:]}")
    return r.stdout + r.stderr.replace("\r", "\n")


def number(pattern, text):
    found = re.findall(pattern, text)
    return float(found[-1]) if found else float("nan")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("data"), p.add_argument("arcuate")
    p.add_argument("--select", type=int, default=100000)
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--work")
    a = p.parse_args()
    if not shutil.which("tckgen"):
        sys.exit("MRtrix3 is not installed (tckgen is not on PATH); install the package mrtrix3")
    work = a.work or tempfile.mkdtemp(prefix="compare_tracking_")
    os.makedirs(work, exist_ok=True)
    w = lambda name: os.path.join(work, name)
    root = os.path.join(a.data, "human_rescan")
    dwi = os.path.join(root, "sub-01/ses-01/dwi/sub-01_ses-01_dwi")
    mask = os.path.join(root, "derivatives/masks/sub-01/ses-01/dwi/sub-01_ses-01_desc-brain_mask.nii.gz")
    parcels = os.path.join(root, "derivatives/parcels/sub-01/ses-01/dwi/sub-01_ses-01_desc-shell84_dseg.nii.gz")
    grad = ["-fslgrad", dwi + ".bvec", dwi + ".bval"]
    if not os.path.exists(w("fod.nii.gz")):
        sh("dwi2response", "tournier", dwi + ".nii.gz", w("response.txt"), *grad, "-mask", mask, "-quiet", "-force")
        sh("dwi2fod", "csd", dwi + ".nii.gz", w("response.txt"), w("fod.nii.gz"), *grad, "-mask", mask, "-quiet", "-force")

    rows = {}
    for name in ("peer A", "peer B"):
        tck = w(name.replace(" ", "_") + ".tck")
        text = sh("tckgen", w("fod.nii.gz"), tck, "-seed_image", mask, "-select", a.select, "-info", "-force", "-nthreads", a.threads)
        rows[name] = dict(tck=tck, seeds=number(r"(\d+) seeds", text), arcs=number(r"samples per step = ([\d.]+)", text),
                          calibrator=number(r"Calibrator sub-threshold: ([\d.]+)", text), exits=number(r"Exited image: ([\d.]+)", text))
    tck = w("ours.tck")
    sh(a.arcuate, "track", w("fod.nii.gz"), tck, "--seed-image", mask, "--select", a.select, "--force", "--device", "cpu", "--threads", a.threads)
    found = json.load(open(w("ours.json")))["Results"]
    halves = sum(found["half_ends"].values()) - found["half_ends"]["not_tracked"]
    # The peer counts calibration arcs and failed candidates, not the accepted one.
    rows["arcuate"] = dict(tck=tck, seeds=found["seeds"], arcs=found["candidates"] / found["steps"] - 1, calibrator=100 * found["half_ends"]["calibrator"] / halves,
                           exits=100 * found["half_ends"]["exit_image"] / halves)
    for r in rows.values():
        r["length"] = float(sh("tckstats", r["tck"], "-output", "mean", "-quiet").split()[0])
        csv = r["tck"].replace(".tck", ".csv")
        sh("tck2connectome", r["tck"], parcels, csv, "-symmetric", "-force", "-quiet")
        r["matrix"] = np.loadtxt(csv, delimiter=",")
    upper = np.triu_indices(len(rows["arcuate"]["matrix"]), 1)
    corr = lambda x, y: np.corrcoef(rows[x]["matrix"][upper], rows[y]["matrix"][upper])[0, 1]

    print(f"{a.select} streamlines each\n")
    print("| | seeds | mean length mm | arcs per step | calibrator % | exited image % |\n|---|---|---|---|---|---|")
    for name, r in rows.items():
        print(f"| {name} | {r['seeds']:.0f} | {r['length']:.2f} | {r['arcs']:.2f} | {r['calibrator']:.1f} | {r['exits']:.1f} |")
    floor, ours = corr("peer A", "peer B"), [corr("arcuate", n) for n in ("peer A", "peer B")]
    print(f"\nconnectome correlation, upper triangle: peer A with B {floor:.5f}; arcuate with A {ours[0]:.5f}, with B {ours[1]:.5f}")
    peer_length = np.mean([rows[n]["length"] for n in ("peer A", "peer B")])
    peer_arcs = np.mean([rows[n]["arcs"] for n in ("peer A", "peer B")])
    checks = {
        "connectome correlation": min(ours) >= floor - 0.01,
        "mean length within 2%": abs(rows["arcuate"]["length"] / peer_length - 1) < 0.02,
        "arcs per step within 10%": abs(rows["arcuate"]["arcs"] / peer_arcs - 1) < 0.1,
    }
    for what, fine in checks.items():
        print(("ok      " if fine else "FAILED  ") + what)
    sys.exit(0 if all(checks.values()) else 1)


if __name__ == "__main__":
    main()
