// The same numbers as MRtrix3 on a piece of a measured brain. Needs ARCUATE_TEST_DATA and MRtrix3's commands; the whole brain, with a table of
// figures: tests/peers/compare_dwi.py.
#include "arcuate/core/directions.hpp"
#include "arcuate/dwi/fod.hpp"
#include "arcuate/dwi/tensor.hpp"
#include "arcuate/io/gradients.hpp"
#include "arcuate/io/nifti.hpp"
#include "devices.hpp"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace arcuate::dwi {
namespace {

namespace fs = std::filesystem;

class AgainstMrtrix : public testing::Test {
  protected:
    void SetUp() override {
        const char* root = std::getenv("ARCUATE_TEST_DATA");
        if (!root) GTEST_SKIP() << "ARCUATE_TEST_DATA is not set";
        if (std::system("command -v dwi2tensor >/dev/null && command -v dwi2fod >/dev/null") != 0) GTEST_SKIP() << "MRtrix3 is not installed";
        folder_ = fs::path(testing::TempDir()) / "arcuate_dwi_mrtrix_test";
        fs::remove_all(folder_);
        fs::create_directories(folder_);
        // ses-02 has a negative determinant and permuted axes.
        stem_ = std::string(root) + "/human_rescan/sub-01/ses-02/dwi/sub-01_ses-02_dwi";
        image_ = io::read_image(stem_ + ".nii.gz");
        gradients_ = io::read_fsl_gradients(stem_ + ".bval", stem_ + ".bvec", image_.grid, image_.volumes);
        const Mask brain = io::read_mask(std::string(root) + "/human_rescan/derivatives/masks/sub-01/ses-02/dwi/sub-01_ses-02_desc-brain_mask.nii.gz");
        mask_ = Mask(brain.grid, 1, 0);
        std::int64_t kept = 0;
        for (std::int64_t v = brain.grid.voxels() / 2; v < brain.grid.voxels() && kept < 2000; ++v) kept += mask_.at(v) = brain.at(v);
        io::write_mask(file("mask.nii"), mask_, true);
    }
    void TearDown() override { fs::remove_all(folder_); }

    std::string file(const std::string& name) const { return (folder_ / name).string(); }
    void run(const std::string& command) const { ASSERT_EQ(std::system((command + " -quiet -nthreads 1").c_str()), 0) << command; }
    std::string input() const { return stem_ + ".nii.gz -fslgrad " + stem_ + ".bvec " + stem_ + ".bval -mask " + file("mask.nii"); }
    /// MRtrix permutes the axes of what it writes: back onto our grid.
    ScalarImage read(const std::string& name) const {
        const ScalarImage from = io::read_image(file(name));
        ScalarImage to(image_.grid, from.volumes);
        const Affine back = inverse(from.grid.voxel_to_world);
        const auto& size = image_.grid.size;
        for (std::int64_t z = 0; z < size[2]; ++z)
            for (std::int64_t y = 0; y < size[1]; ++y)
                for (std::int64_t x = 0; x < size[0]; ++x) {
                    const Vec3d p = transform_point(back, transform_point(image_.grid.voxel_to_world, {double(x), double(y), double(z)}));
                    const auto source = from.grid.index(std::llround(p[0]), std::llround(p[1]), std::llround(p[2]));
                    for (std::int64_t k = 0; k < from.volumes; ++k) to.at(image_.grid.index(x, y, z), k) = from.at(source, k);
                }
        return to;
    }

    fs::path folder_;
    std::string stem_;
    ScalarImage image_;
    GradientTable gradients_;
    Mask mask_;
};

TEST_F(AgainstMrtrix, Tensor) {
    run("dwi2tensor " + input() + " " + file("dt.nii"));
    run("tensor2metric " + file("dt.nii") + " -fa " + file("fa.nii"));
    const auto expected = read("dt.nii"), fa = read("fa.nii");
    const auto maps = fit_tensor(image_, gradients_, mask_, {}, Device::open("cpu", 2));
    for (const auto v : voxels_inside(mask_, "mask")) {
        for (int i = 0; i < 6; ++i) EXPECT_NEAR(maps.tensor.at(v, i), expected.at(v, i), 1e-8);
        EXPECT_NEAR(maps.fa.at(v), fa.at(v), 1e-5);
    }
}

TEST_F(AgainstMrtrix, FodWithTheSameConstraintDirections) {
    // Sets of two sizes: the constraint's weight depends on it.
    for (const int n : {300, 129}) {
        const auto directions = repelled_directions(n);
        {
            std::ofstream text(file("directions.txt"));
            text.precision(17);
            for (const auto& d : directions) text << std::atan2(d[1], d[0]) << ' ' << std::acos(d[2]) << '\n';
            std::ofstream(file("response.txt")) << "9789.8 -5503.5 2103.1 -647.2 226.3 -72.0\n";
        }
        run("dwi2fod csd -force " + input() + " " + file("response.txt") + " " + file("fod.nii") + " -directions " + file("directions.txt"));
        const auto expected = read("fod.nii");
        const auto result = estimate_fod(image_, gradients_, mask_, {9789.8, -5503.5, 2103.1, -647.2, 226.3, -72.0}, {.directions = directions},
                                         Device::open("cpu", 2));
        ASSERT_EQ(result.fod.volumes, 45);
        const auto voxels = voxels_inside(mask_, "mask");
        std::int64_t different = 0;
        for (const auto v : voxels) {
            double difference = 0, size = 0;
            for (int c = 0; c < 45; ++c) {
                difference += std::pow(static_cast<double>(result.fod.at(v, c)) - static_cast<double>(expected.at(v, c)), 2);
                size += std::pow(static_cast<double>(expected.at(v, c)), 2);
            }
            different += !(std::sqrt(difference) <= 1e-5 * std::sqrt(size));
        }
        EXPECT_LE(different, static_cast<std::int64_t>(voxels.size() / 1000)) << "of " << voxels.size() << " with " << n << " directions";
    }
}

}  // namespace
}  // namespace arcuate::dwi
