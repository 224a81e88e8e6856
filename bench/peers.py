#!/usr/bin/env python3
"""Whole commands of Arcuate and MRtrix3, and of DIPY on one core where it is installed, side by side: same input, same cores, same counts, runs alternating.

    bench/peers.py --data DATA/human_rescan --arcuate build/cpu/tools/arcuate --out peers.json
    arcuate phantom BRAIN --preset brain && bench/peers.py --brain BRAIN --arcuate build/cpu/tools/arcuate

Prints a Markdown table and, with --out, writes every run as JSON. README.md beside this file says what each figure means.
"""
import argparse
import array
import datetime
import functools
import gzip
import json
import math
import os
import platform
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import typing
from pathlib import Path


class Failed(Exception):
    """A command that did not end well; the text says which and what it wrote."""


def run(command, cores, log):
    """Runs one command on `cores`. Returns wall seconds, processor seconds and peak resident memory [MiB]."""
    with open(log, "wb") as out:
        start = time.monotonic()
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                 preexec_fn=lambda: os.sched_setaffinity(0, cores))
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        text = Path(log).read_text(errors="replace")
        raise Failed(f"{' '.join(command)}\nended with {child.returncode}:\n{text[-2000:]}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def tck_length(path):
    """Number of streamlines and their summed length [mm], as tckstats counts them."""
    said = subprocess.run(["tckstats", path, "-output", "count", "-output", "mean", "-quiet"], capture_output=True, text=True, check=True).stdout.split()
    return int(said[0]), int(said[0]) * float(said[1])


def voxel_size(path):
    """Geometric mean of the voxel sizes [mm] in a NIfTI-1 header."""
    opener = gzip.open if str(path).endswith(".gz") else open
    with opener(path, "rb") as file:
        header = file.read(348)
    return math.prod(abs(v) for v in struct.unpack_from("<3f", header, 80)) ** (1 / 3)


def other_parcellations(source, folder):
    """The labels of a NIfTI-1 image, in order 1 to n, and four more images of them: neighbours in number merged by two and by four, regions cut in two at their mean
    along the first axis, and these again along the second."""
    opener = gzip.open if source.endswith(".gz") else open
    with opener(source, "rb") as file:
        header, voxels = file.read(352), file.read()
    kind = {2: "B", 4: "h", 8: "i", 512: "H", 768: "I"}[struct.unpack_from("<h", header, 70)[0]]
    stored = array.array(kind, voxels)
    nx, ny = struct.unpack_from("<2h", header, 42)
    order = {label: k for k, label in enumerate(sorted(set(stored) - {0}), 1)} | {0: 0}
    labels = [order[label] for label in stored]

    def cut(labels, place):
        sums, counts = [0] * (max(labels) + 1), [0] * (max(labels) + 1)
        for v, label in enumerate(labels):
            sums[label] += place(v)
            counts[label] += 1
        return [label and 2 * label - (place(v) * counts[label] < sums[label]) for v, label in enumerate(labels)]

    halves = cut(labels, lambda v: v % nx)
    header = bytearray(header)
    struct.pack_into("<2h", header, 70, 512, 16)
    paths = []
    for name, values in (("1", labels), ("2", [(label + 1) // 2 for label in labels]), ("4", [(label + 3) // 4 for label in labels]), ("half", halves),
                         ("quarter", cut(halves, lambda v: v // nx % ny))):
        paths.append(str(folder / f"parcels_{name}.nii"))
        Path(paths[-1]).write_bytes(bytes(header) + array.array("H", values).tobytes())
    return paths


class Inputs:
    """What both programs are given. MRtrix3 makes the response, the FOD, the maps and the tracks of the later steps, untimed, where a case asks for them."""

    def __init__(self, args, folder, cores):
        self.multishell, self.folder, self.cores, self.given_tracks = args.multishell, folder, cores, args.tracks
        self.select = self.first_select = args.select[0]
        self.voxel = {}
        if args.data:
            self.prepare_data(args.data)
        if args.brain:
            self.prepare_brain(args.brain)

    def prepare_data(self, data):
        stem = data / "sub-01/ses-01/dwi/sub-01_ses-01_dwi"
        self.dwi, self.bval, self.bvec = (f"{stem}{end}" for end in (".nii.gz", ".bval", ".bvec"))
        self.mask = str(data / "derivatives/masks/sub-01/ses-01/dwi/sub-01_ses-01_desc-brain_mask.nii.gz")
        self.parcels = str(data / "derivatives/parcels/sub-01/ses-01/dwi/sub-01_ses-01_desc-shell84_dseg.nii.gz")
        for path in (self.dwi, self.bval, self.bvec, self.mask, self.parcels):
            if not os.path.exists(path):
                sys.exit(f"{path} is not there; --data names the folder human_rescan (see README.md)")
        self.voxel["data"] = voxel_size(self.dwi)
        self.grad = ["-fslgrad", self.bvec, self.bval]

    def prepare(self, command):
        run([*command, "-quiet", "-nthreads", str(len(self.cores))], self.cores, self.folder / "prepare.log")

    @functools.cached_property
    def response(self):
        out = str(self.folder / "response.txt")
        self.prepare(["dwi2response", "tournier", self.dwi, out, "-mask", self.mask, "-scratch", str(self.folder), *self.grad])
        return out

    @functools.cached_property
    def fod(self):
        out = str(self.folder / "fod.nii")
        self.prepare(["dwi2fod", "csd", self.dwi, self.response, out, "-mask", self.mask, *self.grad])
        return out

    @functools.cached_property
    def tracks(self):
        if self.given_tracks:
            return str(self.given_tracks)
        out = str(self.folder / "tracks.tck")
        self.prepare(["tckgen", self.fod, out, "-seed_image", self.mask, "-mask", self.mask, "-select", str(10 * self.first_select)])
        return out

    @functools.cached_property
    def maps(self):
        """FA, MD, AD and RD, by name."""
        paths = {name: str(self.folder / f"map_{name}.nii") for name in ("fa", "md", "ad", "rd")}
        tensor = str(self.folder / "map_tensor.nii")
        self.prepare(["dwi2tensor", self.dwi, tensor, "-mask", self.mask, *self.grad])
        self.prepare(["tensor2metric", tensor, "-mask", self.mask, "-fa", paths["fa"], "-adc", paths["md"], "-ad", paths["ad"], "-rd", paths["rd"]])
        return paths

    @functools.cached_property
    def five_parcellations(self):
        return other_parcellations(self.parcels, self.folder)

    @functools.cached_property
    def peaks(self):
        """Of the FOD, three per voxel."""
        out = str(self.folder / "peaks.nii")
        self.prepare(["sh2peaks", self.fod, out, "-num", "3", "-mask", self.mask])
        return out

    def prepare_brain(self, brain):
        """The images unpacked, so that what is timed is tracking rather than gzip."""
        for name in ("fod", "5tt", "white_mask"):
            source, target = brain / f"derivatives/truth/{name}.nii.gz", self.folder / f"brain_{name}.nii"
            if not source.exists():
                sys.exit(f"{source} is not there; make the folder with: arcuate phantom {brain} --preset brain")
            with gzip.open(source, "rb") as packed, open(target, "wb") as plain:
                shutil.copyfileobj(packed, plain, 1 << 24)
        self.brain_fod, self.brain_tissues, self.brain_white = (str(self.folder / f"brain_{name}.nii") for name in ("fod", "5tt", "white_mask"))
        self.voxel["brain"] = voxel_size(self.brain_fod)


def tensor(i, arcuate, out, threads):
    peer = [["dwi2tensor", i.dwi, f"{out}/tensor.nii.gz", "-b0", f"{out}/s0.nii.gz", "-mask", i.mask, *i.grad],
            ["tensor2metric", f"{out}/tensor.nii.gz", "-mask", i.mask, "-fa", f"{out}/fa.nii.gz", "-adc", f"{out}/md.nii.gz",
             "-ad", f"{out}/ad.nii.gz", "-rd", f"{out}/rd.nii.gz", "-vector", f"{out}/v1.nii.gz", "-modulate", "none"]]
    ours = [[arcuate, "tensor", i.dwi, f"{out}/our", "--bval", i.bval, "--bvec", i.bvec, "--mask", i.mask]]
    return peer, ours


def fod(i, arcuate, out, threads):
    peer = [["dwi2fod", "csd", i.dwi, i.response, f"{out}/fod.nii.gz", "-mask", i.mask, *i.grad]]
    ours = [[arcuate, "fod", i.dwi, f"{out}/our.nii.gz", "--bval", i.bval, "--bvec", i.bvec, "--mask", i.mask, "--response", i.response]]
    return peer, ours


def tracker(name, method):
    """A case: one algorithm, its name here and the peer's."""
    def track(i, arcuate, out, threads):
        signal = name.startswith("tensor")
        field = i.dwi if signal else i.peaks if name == "fact" else i.fod
        peer = [["tckgen", field, f"{out}/peer.tck", "-algorithm", method, "-seed_image", i.mask, "-mask", i.mask, "-select", str(i.select), *(i.grad if signal else [])]]
        ours = [[arcuate, "track", field, f"{out}/our.tck", "--algorithm", name, "--seed-image", i.mask, "--mask", i.mask, "--select", str(i.select)]
                + (["--bval", i.bval, "--bvec", i.bvec] if signal else [])]
        return peer, ours
    return track


def brain(tissues):
    """iFOD2 through the phantom brain, seeds in white matter; anatomically constrained where `tissues`."""
    def track(i, arcuate, out, threads):
        peer = ["tckgen", i.brain_fod, f"{out}/peer.tck", "-seed_image", i.brain_white, "-select", str(i.select)]
        ours = [arcuate, "track", i.brain_fod, f"{out}/our.tck", "--seed-image", i.brain_white, "--select", str(i.select)]
        if tissues:
            peer += ["-act", i.brain_tissues, "-backtrack", "-crop_at_gmwmi"]
            ours += ["--act", i.brain_tissues, "--backtrack", "--crop"]
        return [peer], [ours]
    return track


def sift2(i, arcuate, out, threads):
    peer = [["tcksift2", i.tracks, i.fod, f"{out}/peer.txt"]]
    ours = [[arcuate, "weights", i.tracks, i.fod, f"{out}/our.txt"]]
    return peer, ours


def connectome(i, arcuate, out, threads):
    peer = [["tck2connectome", i.tracks, i.parcels, f"{out}/count.csv", "-symmetric"]]
    ours = [[arcuate, "connectome", i.tracks, i.parcels, f"{out}/count.tsv"]]
    return peer, ours


# What ours calls a metric, and the peer's options; a map's name and statistic stand for the file that tcksample makes of it.
METRICS = {"count": [], "mean_length": ["-scale_length", "-stat_edge", "mean"], "inverse_length": ["-scale_invlength"], "inverse_volume": ["-scale_invnodevol"],
           "density": ["-scale_invlength", "-scale_invnodevol"]} | {f"{s}_{m}": (m, s) for m, s in (("fa", "mean"), ("md", "mean"), ("ad", "mean"), ("rd", "mean"), ("fa", "median"))}


def connectomes(i, arcuate, out, threads):
    """Five parcellations and ten metrics: ours in one command, the peer's one for each pair, and one before for each map and statistic."""
    maps, parcels = i.maps, i.five_parcellations
    peer = [["tcksample", i.tracks, maps[m[0]], f"{out}/{name}.txt", "-stat_tck", m[1]] for name, m in METRICS.items() if isinstance(m, tuple)]
    for p, path in enumerate(parcels):
        for name, options in METRICS.items():
            if isinstance(options, tuple):
                options = ["-scale_file", f"{out}/{name}.txt", "-stat_edge", "mean"]
            peer.append(["tck2connectome", i.tracks, path, f"{out}/peer{p}_{name}.csv", *options])
    pairs = [x for p, path in enumerate(parcels) for x in (path, f"{out}/our{p}_{{metric}}.csv")]
    ours = [arcuate, "connectome", i.tracks, *pairs, "--mrtrix"] + [x for name in METRICS for x in ("--metric", name)] + [x for name, path in maps.items() for x in ("--scalar", f"{name}={path}")]
    return peer, [ours]


def multishell(i):
    """The image of bench/make_multishell.py and its gradient table."""
    return i.multishell / "dwi.nii.gz", ["-fslgrad", f"{i.multishell}/dwi.bvec", f"{i.multishell}/dwi.bval"]


def tensor102(i, arcuate, out, threads):
    dwi, grad = multishell(i)
    mask = f"{i.multishell}/mask.nii.gz"
    peer = [["dwi2tensor", str(dwi), f"{out}/tensor.nii.gz", "-b0", f"{out}/s0.nii.gz", "-mask", mask, *grad],
            ["tensor2metric", f"{out}/tensor.nii.gz", "-mask", mask, "-fa", f"{out}/fa.nii.gz", "-adc", f"{out}/md.nii.gz",
             "-ad", f"{out}/ad.nii.gz", "-rd", f"{out}/rd.nii.gz", "-vector", f"{out}/v1.nii.gz", "-modulate", "none"]]
    ours = [[arcuate, "tensor", str(dwi), f"{out}/our", "--mask", mask, "--no-gradient-check"]]
    return peer, ours


def fod50(i, arcuate, out, threads):
    dwi, grad = multishell(i)
    mask, response = f"{i.multishell}/mask.nii.gz", out / "response.txt"
    response.write_text((i.multishell / "wm.txt").read_text().strip().splitlines()[-1] + "\n")
    peer = [["dwi2fod", "csd", str(dwi), str(response), f"{out}/fod.nii.gz", "-mask", mask, *grad]]
    ours = [[arcuate, "fod", str(dwi), f"{out}/our.nii.gz", "--mask", mask, "--response", str(response), "--no-gradient-check"]]
    return peer, ours


def msmt(i, arcuate, out, threads):
    dwi, grad = multishell(i)
    tissues = {name: f"{i.multishell}/{name}.txt" for name in ("wm", "gm", "csf")}
    mask = f"{i.multishell}/mask.nii.gz"
    peer = [["dwi2fod", "msmt_csd", str(dwi)] + [x for name, file in tissues.items() for x in (file, f"{out}/{name}.nii.gz")] + ["-mask", mask, *grad]]
    ours = [[arcuate, "fod", str(dwi), f"{out}/our", "--mask", mask, "--no-gradient-check", "--response"] + [f"{name}={file}" for name, file in tissues.items()]]
    return peer, ours


DIPY = Path(__file__).with_name("dipy_peer.py")


def dipy_fit(task):
    def fit(i, out):
        response = ["--response", i.response] if task == "fod" else []
        return [DIPY, task, i.dwi, f"{out}/dipy" + (".nii.gz" if task == "fod" else ""), "--bval", i.bval, "--bvec", i.bvec, "--mask", i.mask, *response]
    return fit


def dipy_track(task):
    return lambda i, out: [DIPY, task, i.fod, f"{out}/dipy.tck", "--mask", i.mask, "--select", str(i.select)]


class Case(typing.NamedTuple):
    text: str
    commands: typing.Callable  # of inputs, program, output folder, threads: MRtrix3's commands and ours
    needs: str = "data"        # the option that gives its input
    step_voxels: float = 0     # of a tracker: length of a step; it has a row for every --select
    given_tracks: int = 0      # streamlines that it is given, times --select
    mrtrix: bool = True        # it can do this
    dipy: typing.Callable | None = None  # of inputs and output folder: DIPY's command


CASES = {
    "tensor": Case("tensor, S0, FA, MD, AD, RD, V1", tensor, dipy=dipy_fit("tensor")),
    "fod": Case("CSD, lmax 8", fod, dipy=dipy_fit("fod")),
    "tensor102": Case("tensor and maps, 102 volumes", tensor102, "multishell"),
    "fod50": Case("CSD, lmax 8, 50 directions", fod50, "multishell"),
    "msmt": Case("MSMT-CSD, 3 tissues, 102 volumes", msmt, "multishell"),
    "track": Case("iFOD2", tracker("ifod2", "iFOD2"), step_voxels=0.5),
    "ifod1": Case("iFOD1", tracker("ifod1", "iFOD1"), step_voxels=0.1),
    "sd": Case("SD_STREAM", tracker("sd", "SD_STREAM"), step_voxels=0.1, dipy=dipy_track("det")),
    "prob": Case("probabilistic, fixed directions", tracker("prob", None), step_voxels=0.2, mrtrix=False, dipy=dipy_track("prob")),
    "tensor-det": Case("Tensor_Det", tracker("tensor-det", "Tensor_Det"), step_voxels=0.1),
    "tensor-prob": Case("Tensor_Prob", tracker("tensor-prob", "Tensor_Prob"), step_voxels=0.1),
    "fact": Case("FACT", tracker("fact", "FACT"), step_voxels=0.1),
    "track-brain": Case("iFOD2, whole brain", brain(False), "brain", 0.5),
    "act-brain": Case("iFOD2 with ACT, backtracking and cropping, whole brain", brain(True), "brain", 0.5),
    "sift2": Case("SIFT2", sift2, given_tracks=10),
    "connectome": Case("connectome, count, radial search 4 mm", connectome, given_tracks=10),
    "connectomes": Case("5 parcellations, 10 metrics", connectomes, given_tracks=10),
}


def commands_of(who, case, inputs, programs, out, threads):
    """What `who` is asked to do, writing into `out`; nothing where it cannot."""
    if who == "dipy":
        return [[programs["dipy"], *map(str, case.dipy(inputs, out))]]
    peer, ours = case.commands(inputs, programs["arcuate"], out, threads)
    if who == "mrtrix":
        return [c + ["-quiet", "-nthreads", str(threads)] for c in peer]
    return [c + ["--device", "cpu", "--threads", str(threads)] for c in ours]


def measure(case, inputs, programs, threads, select, most, cores, repeat, folder):
    """Every run of every program, alternating: {"mrtrix": [...], "arcuate": [...], "dipy": [...]}. A peer tracks `most[peer]` streamlines at most; DIPY has one thread."""
    runs = {who: [] for who, can in [("mrtrix", case.mrtrix), ("arcuate", True), ("dipy", case.dipy and "dipy" in programs and threads == 1)] if can}
    for number in range(repeat):
        for who in runs if number % 2 == 0 else reversed(runs):
            out = folder / "run"
            out.mkdir()
            inputs.select = min(select, most.get(who, select))
            measured = [run(command, cores[:threads], folder / "run.log") for command in commands_of(who, case, inputs, programs, out, threads)]
            seconds, processor_seconds, peaks = zip(*measured)
            result = {"seconds": sum(seconds), "processor_seconds": sum(processor_seconds), "peak_mib": max(peaks),
                      "output_mib": sum(f.stat().st_size for f in out.iterdir()) / 2**20}
            if case.step_voxels:
                count, length = tck_length(next(out.glob("*.tck")))
                result |= {"streamlines": count, "length_mm": length, "steps_per_second": length / (case.step_voxels * inputs.voxel[case.needs]) / result["seconds"]}
            runs[who].append(result)
            shutil.rmtree(out)
    return runs


def times_as_fast(runs, peer):
    """As the peer: by seconds, or by steps per second where it tracked another number of streamlines."""
    rates = "streamlines" in runs["arcuate"][0] and runs[peer][0]["streamlines"] != runs["arcuate"][0]["streamlines"]
    return median(runs["arcuate"], "steps_per_second") / median(runs[peer], "steps_per_second") if rates else median(runs[peer], "seconds") / median(runs["arcuate"], "seconds")


def spread(runs, key="seconds", digits=2):
    values = [r[key] for r in runs]
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def median(runs, key):
    return statistics.median(r[key] for r in runs)


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(": ", 1)[1]
    return platform.machine()


def first_line(command):
    out = subprocess.run(command, capture_output=True, text=True, check=False)
    return (out.stdout or out.stderr).strip().splitlines()[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    counts = lambda text: [int(n) for n in text.split(",")]
    parser.add_argument("--data", type=Path, help="the folder human_rescan")
    parser.add_argument("--brain", type=Path, help="a folder made by `arcuate phantom BRAIN --preset brain`, for track-brain and act-brain")
    parser.add_argument("--multishell", type=Path, help="a folder made by bench/make_multishell.py, for tensor102, fod50 and msmt")
    parser.add_argument("--arcuate", required=True, help="the program")
    parser.add_argument("--threads", type=counts, default="1,2", help="numbers of threads, and of cores the programs may use (default 1,2)")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each program (default 5)")
    parser.add_argument("--select", type=counts, default="10000", help="streamlines to track, several separated by commas; connectomes and weights are of ten "
                        "times as many as the first (default 10000)")
    parser.add_argument("--tracks", type=Path, help="a .tck through the brain of --data for connectomes and weights, instead of tckgen's")
    parser.add_argument("--peer-select", type=int, default=sys.maxsize, help="streamlines that MRtrix3 tracks at most; where fewer, rates are compared")
    parser.add_argument("--dipy", metavar="PYTHON", default="/usr/bin/python3", help="the Python that has DIPY, which is left out where there is none (default %(default)s)")
    parser.add_argument("--dipy-select", type=int, default=200, help="streamlines that DIPY tracks at most (default %(default)s); rates are compared")
    parser.add_argument("--only", help=f"some of {','.join(CASES)} (default: those whose input is given)")
    parser.add_argument("--out", type=Path, help="write every run as JSON")
    args = parser.parse_args()

    if not shutil.which("tckgen"):
        sys.exit("MRtrix3 is not on PATH (tckgen was looked for); install mrtrix3")
    arcuate = shutil.which(args.arcuate)
    if not arcuate:
        sys.exit(f"{args.arcuate} is not a program; build Arcuate and give --arcuate")
    arcuate = os.path.abspath(arcuate)
    cores = sorted(os.sched_getaffinity(0))
    if max(args.threads) > len(cores):
        sys.exit(f"--threads {max(args.threads)}: only {len(cores)} cores may be used here")
    given = {name for name in ("data", "brain", "multishell") if getattr(args, name)}
    chosen = args.only.split(",") if args.only else [name for name, case in CASES.items() if case.needs in given]
    for name in chosen:
        if name not in CASES:
            sys.exit(f"--only {name}: there is {', '.join(CASES)}")
        if CASES[name].needs not in given:
            sys.exit(f"{name} needs --{CASES[name].needs}; --help says what that is")
    if not chosen:
        sys.exit("no input was given; give --brain, --data or --multishell")

    report = {"date": datetime.date.today().isoformat(), "processor": processor(), "cores": len(cores), "system": platform.platform(),
              "mrtrix": first_line(["tckgen", "-version"]).strip("= ").replace("tckgen", "MRtrix3"), "arcuate": first_line([arcuate, "--version"]), "load_at_start": os.getloadavg()[0],
              "repeat": args.repeat, "select": args.select, "cases": []}
    programs = {"arcuate": arcuate}
    if shutil.which(args.dipy) and subprocess.run([args.dipy, DIPY, "version"], capture_output=True).returncode == 0:
        programs["dipy"] = args.dipy
        report["dipy"] = first_line([args.dipy, DIPY, "version"])
    names = {"mrtrix": "MRtrix3", "arcuate": "Arcuate", "dipy": "DIPY"}
    most = {"mrtrix": args.peer_select, "dipy": args.dipy_select}
    notes = []
    with tempfile.TemporaryDirectory(prefix="arcuate-bench-") as temporary:
        folder = Path(temporary)
        inputs = Inputs(args, folder, cores)
        print(f"{report['processor']}, {len(cores)} cores; {report['mrtrix']}; {report['arcuate']}; {report.get('dipy', 'no DIPY')}; "
              f"median of {args.repeat} (min-max), load {report['load_at_start']:.1f} at start\n")
        print("| task | streamlines | threads | peer | peer [s] | Arcuate [s] | times as fast | processor s, peer and Arcuate | peak MiB | MiB written |")
        print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
        for name, select, threads in [(name, select, threads) for name in chosen for select in (args.select if CASES[name].step_voxels else args.select[:1])
                                      for threads in args.threads]:
            case = CASES[name]
            count = select if case.step_voxels else tck_length(inputs.tracks)[0] if args.tracks and case.given_tracks else case.given_tracks * select
            try:
                runs = measure(case, inputs, programs, threads, select, most, cores, args.repeat, folder)
            except Failed as failure:
                shutil.rmtree(folder / "run", ignore_errors=True)
                notes.append(f"{name}, {threads} threads: not measured. {failure}")
                continue
            ratios = {who: times_as_fast(runs, who) for who in runs if who != "arcuate"}
            report["cases"].append({"case": name, "streamlines": count or None, "threads": threads, "ratio": ratios.get("mrtrix"), "ratios": ratios, **runs})
            for who, ratio in ratios.items():
                both = lambda key, digits=0: ", ".join(f"{median(runs[w], key):.{digits}f}" for w in (who, "arcuate"))
                fewer = f" ({names[who]} {runs[who][0]['streamlines']})" if case.step_voxels and runs[who][0]["streamlines"] != select else ""
                print(f"| {case.text} | {count or ''}{fewer} | {threads} | {names[who]} | {spread(runs[who])} | {spread(runs['arcuate'])} | {ratio:.2f} | "
                      f"{both('processor_seconds', 2)} | {both('peak_mib')} | {both('output_mib', 1)} |", flush=True)
            if case.step_voxels:
                notes.append(f"{name}, {select} streamlines, {threads} threads: steps per second, " +
                             ", ".join(f"{names[who]} {spread(runs[who], 'steps_per_second', 0)}" for who in runs) + "; mean length [mm] " +
                             ", ".join(f"{median(runs[who], 'length_mm') / median(runs[who], 'streamlines'):.1f}" for who in runs))
    print("\n" + "\n".join(notes))
    if args.out:
        args.out.write_text(json.dumps(report, indent=1) + "\n")
    return 0 if report["cases"] else 1


if __name__ == "__main__":
    sys.exit(main())
