// Options that every subcommand on diffusion images has: the gradient table and the mask.
#pragma once

#include "arcuate/core/gradient_table.hpp"
#include "arcuate/core/series.hpp"
#include "arcuate/dwi/tensor.hpp"
#include "command.hpp"

namespace arcuate::tools {

struct DwiInputs {
    std::string dwi, bval, bvec, grad, mask;

    /// Adds the positional DWI and --bval, --bvec, --grad and, where `with_mask`, --mask.
    void add_to(CLI::App& app, bool with_mask = true);
    /// Fills in --bval and --bvec from the DWI's name where none of the three was given. Throws InputError where that finds nothing.
    void complete();
    /// (role, path) of each file, for provenance.
    std::vector<std::pair<std::string, std::string>> files() const;

    Series read_dwi(Run& run) const;
    GradientTable read_gradients(const Series& image) const;
    /// A brain mask computed from the image, which is said, where none is given; every voxel for "all", and with a warning where no mask can be computed.
    Mask read_mask(const Run& run, const Series& image, const GradientTable& gradients);
    /// What read_mask took, for provenance: "file", "all" or "computed".
    std::string mask_source;
};

/// "wm=wm.txt" -> wm, wm.txt; a plain path has no name. Throws InputError where the name is not of letters and digits.
std::pair<std::string, std::string> named_file(const std::string& text);

/// Voxels of a mask.
std::int64_t count_inside(const Mask& mask);

/// Adds --chunk, which changes memory and speed but no result.
void add_chunk_option(CLI::App& app, std::int64_t& chunk);

/// Adds --no-gradient-check.
void add_gradient_check_option(CLI::App& app, bool& skip);

/// Warns where another orientation of the gradient table fits these tensors clearly better. Not an error: the data may be unusual.
void warn_about_orientation(const Run& run, const dwi::TensorMaps& maps, const std::string& dwi);

/// The same where there are no tensors yet; nothing where none can be fitted.
void check_orientation(Run& run, const Series& image, const GradientTable& gradients, const Mask& mask, const std::string& dwi);

/// Throws InputError where nothing could be computed; warns where `skipped` voxels were left zero.
void report_skipped(const Run& run, std::int64_t skipped, std::int64_t total, const std::string& dwi);

}  // namespace arcuate::tools
