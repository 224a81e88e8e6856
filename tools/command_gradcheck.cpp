// arcuate gradcheck: does the gradient table have the right axes?
#include "arcuate/core/error.hpp"
#include "arcuate/dwi/gradient_check.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/gradients.hpp"
#include "arcuate/io/tables.hpp"
#include "dwi_options.hpp"

#include <fmt/format.h>

namespace arcuate::tools {

namespace {

struct Options {
    DwiInputs in;
    std::string out_bvec, out_bval;
    dwi::TensorOptions tensor{.fit = dwi::TensorFit::wls};
    dwi::GradientCheckOptions check;
};

void run_gradcheck(Run& run, Options& o) {
    o.in.complete();
    if (o.out_bvec.empty() != o.out_bval.empty()) throw InputError("one of --out-bvec and --out-bval is missing (a table is a pair of files); give both");
    std::vector<std::string> outputs;
    if (!o.out_bvec.empty()) outputs = {o.out_bvec, o.out_bval, io::sidecar_path(o.out_bvec)};
    run.require_writable(outputs);
    const Series image = o.in.read_dwi(run);
    const GradientTable gradients = o.in.read_gradients(image);
    const Mask mask = o.in.read_mask(run, image, gradients);
    const auto maps = dwi::fit_tensor(image, gradients, mask, o.tensor, run.device(), run.progress());
    report_skipped(run, maps.skipped, maps.fitted + maps.skipped, o.in.dwi);
    const auto result = dwi::check_gradients(maps, o.check);

    fmt::print("{:>5} {:>8} {:>9} {:>9}\n", "rank", "rows", "index", "links");
    for (std::size_t i = 0; i < result.scores.size(); ++i) {
        const auto& score = result.scores[i];
        fmt::print("{:>5} {:>8} {:>9.4f} {:>9}{}\n", i + 1, score.orientation.text(), score.index, score.links, score.orientation.as_given() ? "  as given" : "");
    }
    const auto& best = result.best();
    if (result.given_is_best())
        run.say(fmt::format("the gradient table as given fits best of 24 orientations ({} voxels; the next has {:.2f} of its index)", result.voxels,
                            best.index > 0 ? result.scores[1].index / best.index : 1.0));
    else
        run.say(fmt::format("rows {} fit better than the gradient table as given ({} voxels; {:.2f} times its index{})", best.orientation.text(), result.voxels,
                            best.index / result.given, result.likely_wrong() ? ", so the table is probably wrong" : ", too little to call the table wrong"));
    if (outputs.empty()) return;
    io::write_fsl_gradients(o.out_bval, o.out_bvec, dwi::reoriented(gradients, best.orientation, image.grid), image.grid, run.force);
    io::write_sidecar(o.out_bvec, run.provenance({{"mask", o.in.mask_source}, {"fa", io::number(o.check.fa)}, {"rows", best.orientation.text()}}, o.in.files()), run.force);
    run.say(fmt::format("gradient table with rows {} -> {}, {}", best.orientation.text(), o.out_bvec, o.out_bval));
}

}  // namespace

void add_gradcheck(CLI::App& root) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(root, "gradcheck", "whether the axes of the gradient table are right, and the corrected table",
                            "With the right table, fibres continue from voxel to voxel. Prints, best first, the 24 orientations (permutations and flips of the rows of a .bvec\n"
                            "file, relative to the image axes) with their fibre coherence index: how many neighbours point at each other, per voxel of at least --fa.\n"
                            "The tensor is fitted once; other orientations turn it. Wrong b-values, or volumes out of order, are not found this way.\n\n"
                            "Example:\n"
                            "  arcuate phantom study && arcuate gradcheck study/sub-01/ses-01/dwi/sub-01_ses-01_dwi.nii.gz\n\n"
                            "References:\n"
                            "  Schilling et al. 2019, Magn Reson Imaging 58:82 (the index)\n"
                            "  Jeurissen, Leemans & Sijbers 2014, Med Image Anal 18:953 (why tables go wrong)",
                            [o](Run& run) { run_gradcheck(run, *o); });
    o->in.add_to(app);
    app.add_option("--fa", o->check.fa, "least fractional anisotropy of the voxels looked at")->check(CLI::Range(0.0, 1.0))->capture_default_str();
    app.add_option("--out-bvec", o->out_bvec, "write the directions of the best orientation, FSL format; with --out-bval");
    app.add_option("--out-bval", o->out_bval, "and its b-values [s/mm2]");
    add_chunk_option(app, o->tensor.chunk);
}

}  // namespace arcuate::tools
