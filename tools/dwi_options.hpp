// Options that every subcommand on diffusion images has: the gradient table and the mask.
#pragma once

#include "arcuate/core/gradient_table.hpp"
#include "arcuate/core/image.hpp"
#include "command.hpp"

namespace arcuate::tools {

struct DwiInputs {
    std::string dwi, bval, bvec, grad, mask;

    /// Adds the positional DWI and --bval, --bvec, --grad, --mask.
    void add_to(CLI::App& app);
    /// Fills in --bval and --bvec from the DWI's name where none of the three was given. Throws InputError where that finds nothing.
    void complete();
    /// (role, path) of each file, for provenance.
    std::vector<std::pair<std::string, std::string>> files() const;

    ScalarImage read_dwi() const;
    GradientTable read_gradients(const ScalarImage& image) const;
    /// All voxels where no mask is given.
    Mask read_mask(const ScalarImage& image) const;
};

/// Adds --chunk, which changes memory and speed but no result.
void add_chunk_option(CLI::App& app, std::int64_t& chunk);

/// Throws InputError where nothing could be computed; warns where `skipped` voxels were left zero.
void report_skipped(const Run& run, std::int64_t skipped, std::int64_t total, const std::string& dwi);

}  // namespace arcuate::tools
