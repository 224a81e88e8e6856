// What every single-shell method asks of its data.
#pragma once

#include "arcuate/core/gradient_table.hpp"
#include "arcuate/core/series.hpp"

namespace arcuate::dwi {

/// A shell with its directions.
struct WorkingShell {
    double b_value = 0;                 ///< [s/mm2]
    std::vector<std::int64_t> volumes;
    std::vector<Vec3d> directions;      ///< of those volumes, unit, scanner frame
};

/// The shell of largest b. Throws InputError where no volume is diffusion-weighted or the shell has fewer than six directions.
WorkingShell largest_shell(const GradientTable& gradients);

/// The volumes, ascending, of the shells nearest to these b-values [s/mm2]; all where none is named. Throws InputError, listing the shells that
/// are there, where the mean of the nearest lies shell_width or more away.
std::vector<std::int64_t> volumes_of_shells(const GradientTable& gradients, const std::vector<double>& b_values);

/// The table of these volumes.
GradientTable choose(const GradientTable& gradients, const std::vector<std::int64_t>& volumes);

/// Throws InputError where the shell is b=0 or has fewer than six directions.
WorkingShell working_shell(const GradientTable& gradients, const Shell& shell);

/// Throws InputError unless the table has one entry per volume and the mask lies on the image's grid.
void require_consistent(const Series& dwi, const GradientTable& gradients, const Mask& mask);

/// How many of the directions differ from each other by more than 0.5 degrees, opposite ones counted as one.
std::int64_t distinct_directions(const std::vector<Vec3d>& directions);
/// The same of the diffusion-weighted volumes.
std::int64_t distinct_weighted_directions(const GradientTable& gradients);

/// [s/mm2] Throws InputError where no volume is diffusion-weighted.
double largest_b_value(const GradientTable& gradients);

}  // namespace arcuate::dwi
