// The response of a tissue on one shell from voxels that were chosen: zonal with known fibre directions, or isotropic.
#pragma once

#include "arcuate/core/gradient_table.hpp"
#include "arcuate/core/series.hpp"
#include "arcuate/dwi/response.hpp"

#include <array>
#include <span>

namespace arcuate::dwi {

struct FibreVoxel {
    std::int64_t voxel;
    std::array<float, 3> direction;  ///< of its fibre, unit, scanner frame
};

/// The zonal series that fits these volumes' signals best, each voxel turned so that its fibre lies along z. lmax 0: their mean.
Response fit_fibres(const Series& dwi, const GradientTable& gradients, std::span<const std::int64_t> volumes, std::span<const FibreVoxel> voxels,
                    int lmax);

/// One coefficient, l = 0: the mean signal of the volumes in these voxels times sqrt(4 pi).
Response fit_isotropic(const Series& dwi, std::span<const std::int64_t> volumes, std::span<const std::int64_t> voxels);

/// The mask after `passes` erosions: a voxel stays if its six face neighbours are inside the mask; those on the image's border go.
Mask eroded(Mask mask, int passes);

/// The shell whose b-value is nearest. Throws InputError where none is within shell_width.
const Shell& nearest_shell(const std::vector<Shell>& shells, double b_value);

}  // namespace arcuate::dwi
