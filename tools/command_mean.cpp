// arcuate mean: the voxelwise mean of images, such as the FODs of a subject's sessions.
#include "arcuate/core/error.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"
#include "command.hpp"

namespace arcuate::tools {

namespace {

struct Options {
    std::string output;
    std::vector<std::string> images;
};

void run_mean(Run& run, const Options& o) {
    run.require_writable({o.output, io::sidecar_path(o.output)});
    std::vector<std::pair<std::string, std::string>> inputs;
    ImageMean mean;
    for (const auto& path : o.images) {
        mean.add(io::read_image(path), path);
        inputs.emplace_back("image", path);
    }
    io::write_image(o.output, mean.mean(), run.force);
    io::write_sidecar(o.output, run.provenance({}, inputs), run.force);
}

}  // namespace

void add_mean(CLI::App& root) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(root, "mean", "voxelwise mean of images on one grid, such as the FODs of a subject's sessions",
                            "Images must be on the same grid; bring them there with arcuate transform. Values that are not finite stay so.\n\n"
                            "Example:\n  arcuate mean mean_fod.nii.gz ses-01_fod.nii.gz ses-02_fod.nii.gz ses-03_fod.nii.gz",
                            [o](Run& run) { run_mean(run, *o); });
    app.add_option("output", o->output, "the mean, NIfTI")->required()->type_name("OUT");
    app.add_option("images", o->images, "images of the same number of volumes, NIfTI")->required()->type_name("IMAGE");
}

}  // namespace arcuate::tools
