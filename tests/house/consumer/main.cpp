// A program outside Arcuate's tree: two voxels of known diffusion, fitted through the installed library, written and read back.
#include "arcuate/dwi/tensor.hpp"
#include "arcuate/io/nifti.hpp"

#include <cmath>
#include <cstdio>
#include <filesystem>

int main() {
    using namespace arcuate;
    Grid grid;
    grid.size = {2, 1, 1};

    GradientTable gradients;  // b=0 and six directions that determine a tensor
    const double h = std::sqrt(0.5);
    gradients.directions = {{0, 0, 0}, {h, h, 0}, {h, -h, 0}, {h, 0, h}, {h, 0, -h}, {0, h, h}, {0, h, -h}};
    gradients.b_values = {0, 1000, 1000, 1000, 1000, 1000, 1000};

    // Voxel 0: a fibre along x, diffusivities 1.7e-3 and 0.3e-3 mm2/s. Voxel 1: 0.8e-3 in every direction.
    ScalarImage dwi(grid, gradients.size());
    for (std::int64_t v = 0; v < gradients.size(); ++v) {
        const auto i = static_cast<std::size_t>(v);
        const double along = gradients.directions[i][0] * gradients.directions[i][0], across = v ? 1 - along : 0;
        dwi.at(0, v) = static_cast<float>(1000 * std::exp(-gradients.b_values[i] * (1.7e-3 * along + 0.3e-3 * across)));
        dwi.at(1, v) = static_cast<float>(1000 * std::exp(-gradients.b_values[i] * 0.8e-3));
    }
    const auto maps = dwi::fit_tensor(dwi, gradients, full_mask(grid), {}, Device::open("cpu", 1));

    const auto path = std::filesystem::temp_directory_path() / "arcuate_outside_fa.nii";
    io::write_image(path, maps.fa, true);
    const auto fa = io::read_image(path);
    std::filesystem::remove(path);

    // FA of (1.7, 0.3, 0.3): sqrt(3/2) |l - mean| / |l| = 0.799
    const double expected = std::sqrt(1.5 * (0.93333 * 0.93333 + 2 * 0.46667 * 0.46667) / (1.7 * 1.7 + 2 * 0.3 * 0.3));
    std::printf("FA %.5f (expected %.5f) and %.5f (expected 0)\n", fa.at(0), expected, fa.at(1));
    return std::abs(fa.at(0) - expected) < 1e-4 && fa.at(1) < 1e-3 ? 0 : 1;
}
