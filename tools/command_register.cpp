// arcuate register: sessions of a subject into one space, none of them the reference.
#include "arcuate/core/error.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"
#include "arcuate/io/tables.hpp"
#include "arcuate/io/transforms.hpp"
#include "arcuate/registration/rigid.hpp"
#include "command.hpp"

#include <fmt/format.h>

#include <cmath>

namespace arcuate::tools {

namespace {

struct Options {
    std::vector<std::string> files;  ///< IMAGE IMAGE ... OUT_PREFIX
    std::vector<std::string> masks;
    std::string format = "txt", mean;
    registration::RigidOptions rigid;
};

const io::Table header{{"image", "transform", "rotation_deg", "shift_mm", "rotation_error_deg", "shift_error_mm", "residual_mm", "fit", "downweighted", "gain"}};

std::vector<std::string> row_of(const std::string& image, const std::string& transform, const registration::SessionPlace& p) {
    std::vector<std::string> row{image, transform};
    for (const double value : {p.rotation_deg, p.shift_mm, p.rotation_error_deg, p.shift_error_mm, p.residual_mm, p.fit, p.downweighted, p.gain})
        row.push_back(std::isnan(value) ? "n/a" : fmt::format("{:.6g}", value));
    return row;
}

void run_register(Run& run, Options& o) {
    if (o.files.size() < 3) throw InputError("registration needs two images or more and an output prefix; write IMAGE IMAGE [IMAGE ...] OUT_PREFIX");
    const std::string prefix = o.files.back();
    const std::vector<std::string> images(o.files.begin(), o.files.end() - 1);
    if (!o.masks.empty() && o.masks.size() != images.size())
        throw InputError(fmt::format("{} masks were given for {} images; give one for each, in their order", o.masks.size(), images.size()));
    const std::string table = prefix + ".tsv";
    std::vector<std::string> transforms, outputs{table, io::sidecar_path(table)};
    std::vector<std::pair<std::string, std::string>> inputs;
    for (std::size_t i = 0; i < images.size(); ++i) {
        transforms.push_back(fmt::format("{}_{}.{}", prefix, i + 1, o.format));
        inputs.emplace_back(fmt::format("image {}", i + 1), images[i]);
        if (!o.masks.empty()) inputs.emplace_back(fmt::format("mask {}", i + 1), o.masks[i]);
    }
    outputs.insert(outputs.end(), transforms.begin(), transforms.end());
    if (!o.mean.empty()) outputs.insert(outputs.end(), {o.mean, io::sidecar_path(o.mean)});
    run.require_writable(outputs);

    std::vector<registration::RigidInput> sessions;
    for (std::size_t i = 0; i < images.size(); ++i) {
        sessions.push_back({images[i], io::read_image(images[i]), std::nullopt});
        if (!o.masks.empty()) sessions.back().mask = io::read_mask(o.masks[i]);
    }
    const auto result = registration::register_rigid(sessions, o.rigid, run.device(), run.progress());
    if (!result.converged) run.warn(fmt::format("the last step was still above 0.001 mm after {} iterations; look at the mean (--mean) before using the result", o.rigid.max_iterations));

    io::Table rows = header;
    for (std::size_t i = 0; i < images.size(); ++i) {
        const auto& place = result.sessions[i];
        io::write_transform(transforms[i], place.to_common, run.force);
        rows.push_back(row_of(images[i], transforms[i], place));
        run.say(fmt::format("{}: turned by {:.2f} +- {:.2f} degrees, shifted by {:.2f} +- {:.2f} mm; correlation {:.3f}, left over {:.2f} mm -> {}", images[i], place.rotation_deg,
                            place.rotation_error_deg, place.shift_mm, place.shift_error_mm, place.fit, place.residual_mm, transforms[i]));
    }
    const auto provenance = run.provenance({{"coarsest_mm", io::number(o.rigid.coarsest_mm)}, {"min_fit", io::number(o.rigid.min_fit)}, {"max_residual_mm", io::number(o.rigid.max_residual_mm)}, {"iterations", std::to_string(result.iterations)}}, inputs);
    if (!o.mean.empty()) {
        io::write_image(o.mean, result.mean, run.force);
        io::MapDescription map;
        map.description = "mean of the registered sessions, each in units of its own mean";
        io::write_sidecar(o.mean, provenance, run.force, map);
    }
    io::write_table(table, rows, run.force);
    io::write_sidecar(table, provenance, run.force);
}

}  // namespace

void add_register(CLI::App& root) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(root, "register", "rigid registration of a subject's sessions to their half-way space",
                            "Images of one contrast, such as the s0 or fa of arcuate tensor. OUT_PREFIX_<n>.txt takes image n to a space in which the mean turn and the mean shift of all\n"
                            "images are zero: none is the reference. The files are matrices as `mrtransform -linear` has them (points of the common space -> points of the image, scanner\n"
                            "RAS+), or ITK's with --format tfm; arcuate transform applies them to images and tractograms without resampling.\n\n"
                            "OUT_PREFIX.tsv has a row per image: rotation_deg and shift_mm (by how much it turns, how far its centre moves), their standard errors (jackknife over sixteen\n"
                            "parts of the image), residual_mm (median over 30 mm cubes of the shift that would still improve the cube alone: noise, distortion, or what is not rigid), fit\n"
                            "(correlation with the mean of the other images, of what varies within cubes of four voxels), downweighted (share of points that the robust weights take for outliers), gain (of the intensities).\n"
                            "An image whose fit is below --min-fit or whose residual is above --max-residual is refused, and nothing is written.\n\n"
                            "From coarse grids to the voxel size, Gauss-Newton steps draw every image to the mean of all; residuals are weighted by Tukey's biweight; images are sampled by\n"
                            "cubic B-splines. With masks it finds what is up to 60 degrees and 8 cm away.\n\n"
                            "Example:\n"
                            "  arcuate register a_s0.nii.gz b_s0.nii.gz common --mask a_mask.nii.gz b_mask.nii.gz &&\n"
                            "  arcuate transform b_fod.nii.gz b_common_fod.nii.gz --transform common_2.txt\n\n"
                            "References:\n"
                            "  Reuter, Rosas & Fischl 2010, NeuroImage 53:1181 (robust, symmetric, half-way space)\n"
                            "  Reuter et al. 2012, NeuroImage 61:1402 (several sessions)\n"
                            "  Thevenaz, Blu & Unser 2000, IEEE Trans Med Imaging 19:739 (splines)",
                            [o](Run& run) { run_register(run, *o); });
    app.add_option("FILES", o->files, "IMAGE IMAGE [IMAGE ...] OUT_PREFIX: 3-D images, NIfTI; outputs are OUT_PREFIX_<n>.txt and OUT_PREFIX.tsv")->required();
    app.add_option("--mask", o->masks, "brain masks, one per image in their order, NIfTI; without them the whole image counts");
    app.add_option("--min-fit", o->rigid.min_fit, "refuse an image whose correlation with the mean of the others is below it")->check(CLI::Range(-1.0, 1.0))->capture_default_str();
    app.add_option("--max-residual", o->rigid.max_residual_mm, "refuse an image of which more is left over [mm]")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--mean", o->mean, "write the mean of the registered images, to look at, NIfTI");
    app.add_option("--format", o->format, "of the transforms: txt (MRtrix) or tfm (ITK)")->check(CLI::IsMember({"txt", "tfm"}))->capture_default_str();
    app.add_option("--coarsest", o->rigid.coarsest_mm, "the first grid is at least this wide [mm]")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--max-iterations", o->rigid.max_iterations, "per grid, at most")->check(CLI::Range(1, 1000))->capture_default_str();
}

}  // namespace arcuate::tools
