// A made-up data set of two sessions, for `run` from a BIDS data set to change.tsv: one straight bundle between two regions, whose anisotropy rises.
#pragma once

#include "arcuate/study/pipeline.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/core/provenance.hpp"
#include "arcuate/io/gradients.hpp"
#include "arcuate/io/nifti.hpp"
#include "kernels/philox.hpp"

#include <gmock/gmock.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>

namespace arcuate::study {

namespace fs = std::filesystem;

inline constexpr double mean_diffusivity = 0.8e-3;  // [mm2/s]

/// Axial and radial diffusivity for an axial-to-radial ratio, at the mean diffusivity above.
struct Diffusivities {
    double axial, radial;
    explicit Diffusivities(double ratio) : axial(3 * mean_diffusivity * ratio / (ratio + 2)), radial(3 * mean_diffusivity / (ratio + 2)) {}
    double fa() const { return (axial - radial) / std::sqrt(axial * axial + 2 * radial * radial); }
};

class Pipeline : public testing::Test {
  protected:
    void SetUp() override {
        base_ = fs::path(testing::TempDir()) / ("arcuate_pipeline_" + std::to_string(getpid())) / testing::UnitTest::GetInstance()->current_test_info()->name();
        fs::remove_all(base_);
        fs::create_directories(base_);
        options.estimate.voxels = 60;
        options.estimate.candidates = 150;
        options.estimate.lmax = 6;
        options.fod.lmax = 6;
        options.track.select = 150;
        options.track.seed = 7;
        options.keep_tracks = true;
        options.trajectories = Trajectories::independent;
        options.weights = StreamlineWeights::none;
        listener.say = [this](const std::string& text) { said.push_back(text); };
        listener.warn = [this](const std::string& text) { warned.push_back(text); };
        for (std::size_t s = 0; s < 2; ++s) write_session(s == 0 ? "01" : "02", tensors[s]);
        std::ofstream(data("sub-01/sub-01_sessions.tsv")) << "session_id\tacq_time\nses-01\t2020-01-01T10:00:00\nses-02\t2020-01-29T10:00:00\n";
        io::write_labels(derivative("01", "desc-two_dseg.nii.gz"), regions(), true);
        std::ofstream(derivative("01", "desc-two_dseg.tsv")) << "index\tname\n40\tleft end\n4000\tright end\n";
    }
    void TearDown() override { fs::remove_all(base_); }

    std::string data(const std::string& path = "") const { return (base_ / "data" / path).string(); }
    std::string out(const std::string& path = "") const { return (base_ / "out" / path).string(); }
    std::string image_stem(const std::string& ses) const { return data("sub-01/ses-" + ses + "/dwi/sub-01_ses-" + ses + "_dwi"); }
    std::string derivative(const std::string& ses, const std::string& name) const {
        const auto folder = fs::path(data("derivatives/made-up/sub-01/ses-" + ses + "/dwi"));
        fs::create_directories(folder);
        return (folder / ("sub-01_ses-" + ses + "_" + name)).string();
    }
    void run(const Device& device = Device::open("cpu", 2), const std::string& to = "") { run_participants(data(), to.empty() ? out() : to, {}, options, device, listener); }
    std::string complaint() {
        try {
            run();
        } catch (const Error& error) {
            return error.what();
        }
        return {};
    }

    // 16 x 8 x 8 voxels of 2 mm, all of one bundle along x.
    static Grid grid() { return {{16, 8, 8}, {{{{2, 0, 0}, {0, 2, 0}, {0, 0, 2}}}, {-15, -7, -7}}}; }
    static LabelImage regions() {
        LabelImage labels(grid(), 1, 0);
        for (std::int64_t z = 0; z < 8; ++z)
            for (std::int64_t y = 0; y < 8; ++y)
                for (std::int64_t x : {0, 1, 14, 15}) labels.at(grid().index(x, y, z)) = x < 8 ? 40 : 4000;
        return labels;
    }
    GradientTable gradients() const {
        GradientTable table{{{0, 0, 0}}, {0}};
        for (int i = 0; i < 40; ++i) {  // a Fibonacci spiral over the upper half of the sphere
            const double z = (i + 0.5) / 40, r = std::sqrt(1 - z * z), angle = 2.39996 * i;
            for (const double b : shells) {
                table.directions.push_back({r * std::cos(angle), r * std::sin(angle), z});
                table.b_values.push_back(b);
            }
        }
        return table;
    }
    /// Another subject with the first one's files.
    void add_subject(const std::string& label) const {
        for (const std::string root : {"", "derivatives/made-up/"})
            for (const auto& entry : fs::recursive_directory_iterator(data(root + "sub-01"))) {
                if (!entry.is_regular_file()) continue;
                auto name = fs::relative(entry.path(), data(root)).string();
                for (auto at = name.find("sub-01"); at != std::string::npos; at = name.find("sub-01", at)) name.replace(at, 6, "sub-" + label);
                fs::create_directories(fs::path(data(root + name)).parent_path());
                fs::copy_file(entry.path(), data(root + name));
            }
    }
    std::string response_file() const {
        std::ofstream(data("response.txt")) << "1200 -700 220 -50\n";
        return data("response.txt");
    }
    /// Of all outputs but the sidecars, which tell how it was run.
    std::map<std::string, std::string> hashes(const std::string& folder) const {
        std::map<std::string, std::string> out;
        for (const auto& entry : fs::recursive_directory_iterator(folder))
            if (entry.is_regular_file() && entry.path().extension() != ".json") out[fs::relative(entry.path(), folder)] = sha256_of_file(entry.path().string());
        return out;
    }
    std::int64_t partial_files() const {
        const fs::recursive_directory_iterator all(out());
        return std::count_if(begin(all), end(all), [](const auto& entry) { return entry.path().filename().string().find(".partial") != std::string::npos; });
    }
    void write_session(const std::string& ses, const Diffusivities& bundle, double gain = 1) {
        fs::create_directories(fs::path(image_stem(ses)).parent_path());
        const auto table = gradients();
        ScalarImage dwi(grid(), table.size());
        for (std::int64_t v = 0; v < table.size(); ++v) {
            const auto i = static_cast<std::size_t>(v);
            const double cosine = table.directions[i][0];
            const double d = bundle.radial + (bundle.axial - bundle.radial) * cosine * cosine;
            for (std::int64_t voxel = 0; voxel < grid().voxels(); ++voxel) {
                const auto z = slabs ? voxel / (16 * 8) : 7;  // fluid, grey matter, and the bundle above
                // Without noise all sums of tissues would be the same number, and their quartiles rounding errors.
                const auto bits = kernels::Philox{static_cast<std::uint64_t>(std::stoi(ses)), static_cast<std::uint64_t>(voxel), kernels::Purpose::noise, 0}(static_cast<std::uint32_t>(v));
                const double noise = slabs ? 10 * std::sin(12.9898 * static_cast<double>(voxel) + 78.233 * static_cast<double>(v))
                                           : sigma * static_cast<double>(kernels::normal2(bits.v[0], bits.v[1]).a);
                const double s0 = textured ? 1000 + 150 * std::sin(0.9 * static_cast<double>(voxel % 16)) * std::cos(0.8 * static_cast<double>(voxel / 16 % 8)) * std::sin(0.7 * static_cast<double>(voxel / 128) + 1) : 1000;
                dwi.at(voxel, v) = static_cast<float>(gain * (s0 * std::exp(-table.b_values[i] * (z < 2 ? 3e-3 : z < 4 ? 0.8e-3 : d)) + noise));
            }
        }
        io::write_image(image_stem(ses) + ".nii.gz", dwi, true);
        io::write_fsl_gradients(image_stem(ses) + ".bval", image_stem(ses) + ".bvec", table, grid(), true);
        io::write_mask(derivative(ses, "desc-brain_mask.nii.gz"), full_mask(grid()), true);
    }

    std::vector<double> shells{2000};  ///< b-values [s/mm2]
    bool slabs = false;
    bool textured = false;         ///< S0 varies, so that it can be registered
    double sigma = 0;              ///< of the noise where there are no slabs
    std::array<Diffusivities, 2> tensors{Diffusivities(6), Diffusivities(9)};
    PipelineOptions options;
    Listener listener;
    std::vector<std::string> said, warned;

  private:
    fs::path base_;
};

}  // namespace arcuate::study
