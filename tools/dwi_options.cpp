#include "dwi_options.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/dwi/brain_mask.hpp"
#include "arcuate/dwi/gradient_check.hpp"
#include "arcuate/io/gradients.hpp"
#include "arcuate/io/nifti.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace arcuate::tools {

namespace {
constexpr const char* every_voxel = "all";  // as a value of --mask

std::string without_extension(std::string path) {
    for (const std::string extension : {".nii.gz", ".nii"})
        if (path.size() > extension.size() && path.ends_with(extension)) return path.substr(0, path.size() - extension.size());
    return path;
}
}  // namespace

void DwiInputs::add_to(CLI::App& app, bool with_mask) {
    app.add_option("DWI", dwi, "diffusion-weighted image, 4-D NIfTI")->required();
    app.add_option("--bval", bval, "FSL b-values [s/mm2]; default: DWI with the extension .bval");
    app.add_option("--bvec", bvec, "FSL gradient directions, relative to the image axes; default: DWI with the extension .bvec");
    app.add_option("--grad", grad, "instead of both: MRtrix3's table, rows x y z b in the scanner's frame")->excludes("--bval")->excludes("--bvec");
    if (with_mask) app.add_option("--mask", mask, "work inside this mask; all: every voxel; default: a brain mask computed from DWI, as arcuate mask does");
}

void DwiInputs::complete() {
    if (!grad.empty()) return;
    const std::string stem = without_extension(dwi);
    for (const auto& [path, extension, option] :
         {std::tuple{&bval, ".bval", "--bval"}, std::tuple{&bvec, ".bvec", "--bvec"}}) {
        if (!path->empty()) continue;
        if (!std::filesystem::exists(stem + extension))
            throw InputError(fmt::format("no gradient table for {} ({} was not given and {} does not exist); give --bval and --bvec, or --grad", dwi, option,
                                         stem + extension));
        *path = stem + extension;
    }
}

std::vector<std::pair<std::string, std::string>> DwiInputs::files() const {
    std::vector<std::pair<std::string, std::string>> out{{"dwi", dwi}};
    for (const auto& [role, path] : {std::pair{"bval", &bval}, std::pair{"bvec", &bvec}, std::pair{"grad", &grad}, std::pair{"mask", &mask}})
        if (!path->empty() && !(path == &mask && mask == every_voxel)) out.emplace_back(role, *path);
    return out;
}

Series DwiInputs::read_dwi(Run& run) const {
    run.reading(dwi);
    return io::read_series(dwi);
}

GradientTable DwiInputs::read_gradients(const Series& image) const {
    return grad.empty() ? io::read_fsl_gradients(bval, bvec, image.grid, image.volumes) : io::read_mrtrix_gradients(grad, image.volumes);
}

Mask DwiInputs::read_mask(const Run& run, const Series& image, const GradientTable& gradients) {
    mask_source = mask.empty() ? "computed" : mask == every_voxel ? "all" : "file";
    if (mask == every_voxel) return full_mask(image.grid);
    if (mask.empty()) {
        Mask computed;
        try {
            computed = dwi::brain_mask(image, gradients);
        } catch (const InputError& reason) {
            run.warn(fmt::format("working in every voxel: {}", reason.what()));
            mask_source = "all";
            return full_mask(image.grid);
        }
        const auto voxels = std::count(computed.data.begin(), computed.data.end(), 1);
        run.say(fmt::format("no --mask was given: working in a brain mask of {} voxels computed from the image (arcuate mask writes it); --mask all works everywhere", voxels));
        return computed;
    }
    Mask out = io::read_mask(mask);
    require_same_grid(out.grid, "mask " + mask, image.grid, "image " + dwi);
    voxels_inside(out, "mask " + mask);  // says so where it is empty
    return out;
}

std::pair<std::string, std::string> named_file(const std::string& text) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) return {"", text};
    const auto name = text.substr(0, equals);
    if (name.empty() || name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != std::string::npos)
        throw InputError(fmt::format("'{}' does not name a tissue (letters and digits, then = and a file); write for instance wm={}", text, text.substr(equals + 1)));
    return {name, text.substr(equals + 1)};
}

std::int64_t count_inside(const Mask& mask) {
    std::int64_t inside = 0;
    for (const auto m : mask.data) inside += m != 0;
    return inside;
}

void add_chunk_option(CLI::App& app, std::int64_t& chunk) {
    app.add_option("--chunk", chunk, "voxels computed at a time: memory and speed, never the result  [chosen]")
        ->check(CLI::PositiveNumber)
        ->group("Advanced");
}

void add_gradient_check_option(CLI::App& app, bool& skip) {
    app.add_flag("--no-gradient-check", skip, "do not check whether the axes of the gradient table fit the image")->group("Advanced");
}

void warn_about_orientation(const Run& run, const dwi::TensorMaps& maps, const std::string& dwi) {
    if (const auto warning = dwi::orientation_warning(maps, dwi)) run.warn(*warning);
}

void check_orientation(Run& run, const Series& image, const GradientTable& gradients, const Mask& mask, const std::string& dwi) {
    try {
        warn_about_orientation(run, dwi::fit_tensor(image, gradients, mask, {.fit = dwi::TensorFit::ols}, run.device()), dwi);
    } catch (const InputError&) {
        // Too few directions or b-values for a tensor, where deconvolution may still do.
    }
}

void report_skipped(const Run& run, std::int64_t skipped, std::int64_t total, const std::string& dwi) {
    if (skipped == total)
        throw InputError(fmt::format("no voxel of {} could be used ({} looked at: their signals are zero, NaN or infinite); check the image and the mask", dwi,
                                     total));
    if (skipped > 0) run.warn(fmt::format("{} of {} voxels were left zero (their signals are zero, NaN or infinite)", skipped, total));
}

}  // namespace arcuate::tools
