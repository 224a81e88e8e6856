// arcuate replicate: a diffusion image with another draw of its noise.
#include "arcuate/dwi/replicate.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"
#include "dwi_options.hpp"

#include <fmt/format.h>

namespace arcuate::tools {

namespace {

struct Options {
    DwiInputs in;
    std::string out;
    dwi::ReplicateOptions replicate;
};

void run_replicate(Run& run, Options& o) {
    o.in.complete();
    run.require_writable({o.out, io::sidecar_path(o.out)});
    const Series image = o.in.read_dwi(run);
    const GradientTable gradients = o.in.read_gradients(image);
    const Mask mask = o.in.read_mask(run, image, gradients);
    const auto& r = o.replicate;
    const auto replicate = dwi::replicate_signal(image, gradients, mask, r, run.device(), run.progress());
    io::write_image(o.out, replicate, run.force);
    io::write_sidecar(o.out, run.provenance({{"mask", o.in.mask_source}, {"number", std::to_string(r.number)}, {"seed", std::to_string(r.seed)}, {"lmax", std::to_string(r.lmax)},
                                             {"block", std::to_string(r.block)}}, o.in.files()), run.force);
    for (const auto& fit : dwi::replicate_fits(gradients, r.lmax))
        run.say(fmt::format("b = {:.0f}: {} volumes, {}", fit.b_value, fit.volumes,
                            fit.lmax < 0 ? "too few for residuals: the noise is that of the others" : fit.lmax == 0 ? "residuals from their mean" : fmt::format("residuals from a fit of lmax {}", fit.lmax)));
    run.say(fmt::format("replicate {} -> {}", r.number, o.out));
}

}  // namespace

void add_replicate(CLI::App& root) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(root, "replicate", "the same scan with another draw of its noise: wild bootstrap of the diffusion signal",
                            "OUT is an image as DWI, of the same gradient table. Each shell's signal is fitted by even spherical harmonics (b=0 by its mean), and OUT is the fit plus each\n"
                            "volume's own residual over sqrt(1 - leverage), with a random sign. Outside the mask it is DWI. What is computed from many replicates varies as it\n"
                            "would from scan to scan with the noise; their mean is no better than DWI, whose noise stays in the fit. arcuate run --replicates does it for connectomes.\n\n"
                            "The order is the largest up to --lmax with at most three quarters as many coefficients as the shell has volumes (15 volumes in 15 directions: 2, 20: 4,\n"
                            "38: 6, 60: 8). A shell of less than eight volumes, or a single b=0, gets the noise of the others. Noise is taken as independent from voxel to voxel: after interpolation or\n"
                            "smoothing it is not, and --block 2 or 3 lets neighbours share it.\n\n"
                            "Example:\n"
                            "  arcuate phantom study && D=study/sub-01/ses-01/dwi/sub-01_ses-01_dwi\n"
                            "  arcuate replicate $D.nii.gz again.nii.gz --number 1\n"
                            "  arcuate tensor again.nii.gz again --bval $D.bval --bvec $D.bvec\n\n"
                            "References:\n"
                            "  Wu 1986, Ann Stat 14:1261; Whitcher et al. 2008, Hum Brain Mapp 29:346 (wild bootstrap)\n"
                            "  Berman et al. 2008, NeuroImage 39:215; Haroon et al. 2009, IEEE Trans Med Imaging 28:535 (of spherical harmonics)",
                            [o](Run& run) { run_replicate(run, *o); });
    o->in.add_to(app);
    auto& r = o->replicate;
    app.add_option("OUT", o->out, "image, NIfTI")->required();
    app.add_option("--number", r.number, "which replicate")->check(CLI::Range(0, (1 << 24) - 1))->capture_default_str();
    app.add_option("--seed", r.seed, "seed of the random numbers")->capture_default_str();
    app.add_option("--lmax", r.lmax, "order of the fit at most")->check(CLI::IsMember({2, 4, 6, 8}))->capture_default_str();
    app.add_option("--block", r.block, "cubes of so many voxels along each axis share their signs")->check(CLI::PositiveNumber)->capture_default_str();
    add_chunk_option(app, r.chunk);
}

}  // namespace arcuate::tools
