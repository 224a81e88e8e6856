// arcuate mask: where the brain is.
#include "arcuate/dwi/brain_mask.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"
#include "dwi_options.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace arcuate::tools {

namespace {

struct Options {
    DwiInputs in;
    std::string out;
    dwi::BrainMaskOptions mask;
};

void run_mask(Run& run, Options& o) {
    o.in.complete();
    run.require_writable({o.out, io::sidecar_path(o.out)});
    const Series image = o.in.read_dwi(run);
    const GradientTable gradients = o.in.read_gradients(image);
    const Mask mask = dwi::brain_mask(image, gradients, o.mask);
    const auto provenance = run.provenance(
        {{"clean_voxels", std::to_string(o.mask.clean_scale)}, {"erode_voxels", std::to_string(o.mask.erode)}, {"dilate_voxels", std::to_string(o.mask.dilate)}}, o.in.files());
    io::write_mask(o.out, mask, run.force);
    io::write_sidecar(o.out, provenance, run.force);
    const auto voxels = std::count(mask.data.begin(), mask.data.end(), 1);
    const Vec3d size = voxel_sizes(image.grid.voxel_to_world);
    run.say(fmt::format("brain mask of {} voxels ({:.0f} ml) -> {}", voxels, static_cast<double>(voxels) * size[0] * size[1] * size[2] / 1000, o.out));
}

}  // namespace

void add_mask(CLI::App& root) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(root, "mask", "brain mask from the diffusion-weighted image itself",
                            "OUT is 1 inside the brain, on the grid of DWI. The mean image of every shell is split into bright and dark (Otsu's threshold); what is bright\n"
                            "in any shell is smoothed by a median, cut free of what hangs on by thin bridges, reduced to its largest connected part and filled.\n"
                            "Look at the result: pathology, strong shading or signal left outside the brain can mislead it.\n\n"
                            "Example:\n"
                            "  arcuate phantom study && arcuate mask study/sub-01/ses-01/dwi/sub-01_ses-01_dwi.nii.gz mask.nii.gz\n\n"
                            "References:\n"
                            "  Otsu 1979, IEEE Trans Syst Man Cybern 9:62 (the threshold)",
                            [o](Run& run) { run_mask(run, *o); });
    o->in.add_to(app, false);
    app.add_option("OUT", o->out, "mask, NIfTI")->required();
    app.add_option("--clean", o->mask.clean_scale, "cut off what hangs on by a bridge up to twice as thick [voxels]; 0: nothing")->check(CLI::Range(0, 20))->capture_default_str();
    app.add_option("--erode", o->mask.erode, "take off this many layers at the end [voxels]")->check(CLI::Range(0, 100))->capture_default_str();
    app.add_option("--dilate", o->mask.dilate, "add this many layers at the end [voxels]")->check(CLI::Range(0, 100))->capture_default_str();
}

}  // namespace arcuate::tools
