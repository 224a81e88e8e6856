// The phantom as a BIDS data set: what is written reads back, is found by the pipeline, and is whole or absent.
#include "arcuate/core/error.hpp"
#include "arcuate/io/gradients.hpp"
#include "arcuate/io/nifti.hpp"
#include "arcuate/io/tables.hpp"
#include "arcuate/io/tractogram.hpp"
#include "arcuate/study/bids.hpp"
#include "arcuate/study/brain_dataset.hpp"
#include "arcuate/study/phantom_dataset.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace arcuate::study {
namespace {

namespace fs = std::filesystem;

PhantomDatasetOptions small() {
    PhantomDatasetOptions o;
    o.phantom.voxel_size = 3;
    o.phantom.directions = 12;
    return o;
}

std::map<std::string, std::string> files_in_tree(const fs::path& folder) {
    std::map<std::string, std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
        if (entry.is_regular_file()) {
            std::ostringstream text;
            text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
            out[fs::relative(entry.path(), folder).string()] = text.str();
        }
    return out;
}

class PhantomDataset : public testing::Test {
  protected:
    void SetUp() override {
        folder_ = fs::path(testing::TempDir()) / ("phantom_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
        fs::remove_all(folder_);
        fs::create_directories(folder_);
    }
    void TearDown() override { fs::remove_all(folder_); }
    std::string at(const std::string& name) const { return (folder_ / name).string(); }
    const Device cpu = Device::open("cpu", 2);
    fs::path folder_;
};

TEST_F(PhantomDataset, IsFoundAndReadsBack) {
    const auto edges = write_phantom_dataset(at("study"), small(), cpu);
    const auto p = phantom::make_phantom(small().phantom, cpu);
    const auto sessions = find_sessions(at("study"), {});
    ASSERT_EQ(sessions.size(), 2u);
    EXPECT_EQ(sessions[1].days, 28);
    for (std::size_t s = 0; s < 2; ++s) {
        EXPECT_EQ(sessions[s].problem, "");
        const auto dwi = io::read_image(sessions[s].dwi);
        EXPECT_EQ(dwi.data, p.sessions[s].dwi.data);
        EXPECT_TRUE(same_grid(dwi.grid, p.mask.grid, 1e-4));
        EXPECT_EQ(io::read_mask(find_mask(at("study"), sessions[s]).path).data, p.mask.data);
        const auto table = io::read_fsl_gradients(sessions[s].bval, sessions[s].bvec, dwi.grid, dwi.volumes);
        ASSERT_EQ(table.b_values, p.gradients.b_values);
        for (std::size_t v = 0; v < table.directions.size(); ++v)
            for (std::size_t a = 0; a < 3; ++a) EXPECT_NEAR(table.directions[v][a], p.gradients.directions[v][a], 1e-6);
        const auto labels = find_parcellation(at("study"), sessions[s], "").path;
        auto parcellation = make_parcellation(io::read_labels(labels), labels);
        io::read_node_names({find_names(labels)}, parcellation);
        ASSERT_EQ(parcellation.nodes.size(), 12u);
        EXPECT_EQ(parcellation.nodes[10].name, "arc_left");
    }
    const auto connected = io::read_matrix(at("study/derivatives/truth/connected.tsv"));
    ASSERT_EQ(connected.size, 12);
    for (std::size_t i = 0; i < 12; ++i)
        for (std::size_t j = 0; j < 12; ++j) EXPECT_EQ(connected.values[i * 12 + j], i != j && i / 2 == j / 2 ? 1 : 0);
    EXPECT_EQ(io::read_tractogram(at("study/derivatives/truth/bundle-arc.tck")).size(), p.bundles[5].fibres.size());

    ASSERT_EQ(edges.size(), 6u);
    EXPECT_EQ(io::read_table(at("study/derivatives/truth/bundles.tsv")).size(), 7u);
    for (const auto& e : edges) {
        const bool changes = e.bundle == phantom::changed_bundle;
        EXPECT_NEAR(e.fibre_fa[1] - e.fibre_fa[0], changes ? 0.08 : 0, 1e-12);
        // Isotropic tissue at the surface lowers FA, never raises it; it lowers its change alike.
        for (std::size_t s = 0; s < 2; ++s) {
            EXPECT_LT(e.mean_fa_along_fibres[s], e.fibre_fa[s]);
            EXPECT_GT(e.mean_fa_along_fibres[s], 0.7 * e.fibre_fa[s]);
        }
        if (!changes) {
            EXPECT_EQ(e.mean_fa_along_fibres[0], e.mean_fa_along_fibres[1]);
        }
    }
}

TEST_F(PhantomDataset, IsTheSameBytesForAnyNumberOfThreads) {
    write_phantom_dataset(at("one"), small(), Device::open("cpu", 1));
    write_phantom_dataset(at("three"), small(), Device::open("cpu", 3));
    const auto one = files_in_tree(at("one")), three = files_in_tree(at("three"));
    EXPECT_EQ(one.size(), three.size());
    for (const auto& [name, bytes] : one) EXPECT_TRUE(three.count(name) && three.at(name) == bytes) << name;
}

TEST_F(PhantomDataset, SubjectsShareTheirAnatomyNotTheirNoise) {
    auto o = small();
    o.subjects = 2;
    o.phantom.sessions = 1;
    write_phantom_dataset(at("study"), o, cpu);
    const auto files = files_in_tree(at("study"));
    const auto of = [&](const std::string& sub, const std::string& below, const std::string& what) {
        return files.at(below + sub + "/ses-01/dwi/" + sub + "_ses-01_" + what);
    };
    EXPECT_EQ(of("sub-01", "derivatives/masks/", "desc-brain_mask.nii.gz"), of("sub-02", "derivatives/masks/", "desc-brain_mask.nii.gz"));
    EXPECT_NE(of("sub-01", "", "dwi.nii.gz"), of("sub-02", "", "dwi.nii.gz"));
}

TEST_F(PhantomDataset, ReplacesOnlyAPhantomAndOnlyWhenTold) {
    auto o = small();
    o.phantom.sessions = 1;
    write_phantom_dataset(at("study"), o, cpu);
    EXPECT_THROW(write_phantom_dataset(at("study"), o, cpu), OutputError);
    o.overwrite = true;
    EXPECT_NO_THROW(write_phantom_dataset(at("study") + "/", o, cpu));
    fs::create_directories(at("thesis"));
    std::ofstream(at("thesis/chapter1.txt")) << "years of work";
    EXPECT_THROW(write_phantom_dataset(at("thesis"), o, cpu), OutputError);
    EXPECT_TRUE(fs::exists(at("thesis/chapter1.txt")));
}

TEST_F(PhantomDataset, LeavesNothingBehindWhereItFails) {
    auto o = small();
    o.phantom.snr = -1;
    EXPECT_THROW(write_phantom_dataset(at("study"), o, cpu), InputError);
    EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(PhantomDataset, ABrainReadsBackAndReplacesOnlyAPhantom) {
    const auto brain = write_brain_dataset(at("brain"), {.voxel_size = 5}, false, cpu);
    const std::string truth = at("brain/derivatives/truth/"), session = "/sub-01/ses-01/dwi/sub-01_ses-01_desc-";
    EXPECT_EQ(io::read_image(truth + "fod.nii.gz").data, brain.fod.data);
    EXPECT_EQ(io::read_image(truth + "5tt.nii.gz").data, brain.tissues.data);
    EXPECT_EQ(io::read_mask(truth + "white_mask.nii.gz").data, brain.white.data);
    EXPECT_EQ(io::read_mask(truth + "border_mask.nii.gz").data, brain.border.data);
    EXPECT_EQ(io::read_mask(at("brain/derivatives/masks") + session + "brain_mask.nii.gz").data, brain.mask.data);
    const auto labels = at("brain/derivatives/parcels") + session + "nodes_dseg.nii.gz";
    auto parcellation = make_parcellation(io::read_labels(labels), labels);
    io::read_node_names({find_names(labels)}, parcellation);
    ASSERT_EQ(parcellation.nodes.size(), 84u);
    EXPECT_EQ(parcellation.nodes[80].name, "thalamus_left");

    EXPECT_THROW(write_brain_dataset(at("brain"), {.voxel_size = 5}, false, cpu), OutputError);
    EXPECT_NO_THROW(write_brain_dataset(at("brain"), {.voxel_size = 5}, true, cpu));
    EXPECT_THROW(write_brain_dataset(at("none"), {.voxel_size = 50}, false, cpu), InputError);
    EXPECT_FALSE(fs::exists(at("none")));
}

}  // namespace
}  // namespace arcuate::study
