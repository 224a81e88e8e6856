// Sessions of a run that overlap, on several devices and in several ways, and what goes wrong meanwhile.
#include "arcuate/io/tables.hpp"
#include "study/pipeline_fixture.hpp"

#include <sys/resource.h>

#include <csignal>

namespace arcuate::study {
namespace {

using testing::Contains;
using testing::HasSubstr;

// Sessions in flight at the same time, with streamlines of their own or in common, of one subject and of two.
TEST_F(Pipeline, GivesTheSameBytesForAnySessionsAtOnce) {
    textured = true;
    for (std::size_t s = 0; s < 2; ++s) write_session(s == 0 ? "01" : "02", tensors[s]);
    add_subject("02");
    options.track.select = 60;
    for (const bool shared : {false, true}) {
        const std::string how = shared ? "shared" : "own";
        options.trajectories = shared ? Trajectories::mean : Trajectories::independent;
        options.weights = shared ? StreamlineWeights::joint : StreamlineWeights::none;
        std::map<std::string, std::string> first;
        for (const int at_once : {1, 2, 3}) {
            options.at_once = at_once;
            run(Device::open("cpu", 2), out(how + std::to_string(at_once)));
            const auto here = hashes(out(how + std::to_string(at_once)));
            if (at_once == 1) first = here;
            EXPECT_EQ(here, first) << at_once << " at once";
            EXPECT_EQ(here.size(), 4 * 11 + (shared ? 4 + 2 : 4) + 1u) << "with tractograms and weights, and change.tsv";
        }
        // Two devices side by side, and three for two subjects.
        options.at_once = 0;
        std::vector<Device> devices{Device::open("cpu", 1), Device::open("cpu", 2)};
        if (shared) devices.push_back(Device::open("cpu", 3));
        said.clear();
        run_participants(data(), out(how), {}, options, devices, listener);
        EXPECT_EQ(hashes(out(how)), first);
        EXPECT_THAT(said, Contains(HasSubstr(std::string("4 to compute on cpu (1 thread), cpu (2 threads)") + (shared ? ", cpu (3 threads)" : ""))));
    }
}

// One session of five has no usable mask, another one no usable image. The others do not mind.
TEST_F(Pipeline, FaultySessionsAmongGoodOnesInFlight) {
    for (const std::string ses : {"03", "04", "05"}) write_session(ses, tensors[0]);
    options.responses = {{"", response_file()}};
    options.keep_tracks = false;
    options.track.select = 30;
    io::write_mask(derivative("02", "desc-brain_mask.nii.gz"), Mask(grid(), 1, 0), true);
    io::write_image(image_stem("04") + ".nii.gz", ScalarImage(grid(), gradients().size(), NAN), true);
    for (const int at_once : {1, 3}) {
        options.at_once = at_once;
        warned.clear();
        fs::remove_all(out());
        EXPECT_THAT(complaint(), HasSubstr("2 of 5 sessions could not be computed"));
        EXPECT_THAT(warned, Contains(testing::AllOf(HasSubstr("sub-01 ses-02 is left out"), HasSubstr("is empty"))));
        EXPECT_THAT(warned, Contains(testing::AllOf(HasSubstr("sub-01 ses-04 is left out"), HasSubstr("no usable voxel"))));
        for (const std::string ses : {"01", "02", "03", "04", "05"})
            EXPECT_EQ(fs::exists(out("sub-01/ses-" + ses + "/dwi/sub-01_ses-" + ses + "_atlas-two_connectome.h5")), ses != "02" && ses != "04") << ses;
        EXPECT_TRUE(fs::exists(out("change.tsv")));
        EXPECT_EQ(partial_files(), 0);
    }
}

// Maps are written while the session goes on; what goes wrong then ends the run all the same, and the session does not count as done.
TEST_F(Pipeline, WhatGoesWrongInWritingIsOneSentence) {
    const std::string folder = "sub-01/ses-02/dwi/", connectome = out(folder + "sub-01_ses-02_atlas-two_connectome.h5");
    options.track.select = 30;
    const auto in_the_way = [&](const std::string& name) {
        fs::remove_all(out());
        fs::create_directories(out(folder + "sub-01_ses-02_" + name));
        options.force = true;
        const auto complained = complaint();
        EXPECT_FALSE(fs::exists(connectome)) << name;
        EXPECT_FALSE(fs::exists(out("change.tsv"))) << name;
        EXPECT_EQ(partial_files(), 0) << name;
        return complained;
    };
    for (const int at_once : {1, 2})
        for (const bool shared : {false, true}) {
            options.at_once = at_once;
            options.trajectories = shared ? Trajectories::mean : Trajectories::independent;
            for (const std::string name : {"model-tensor_param-v1_dwimap.nii.gz", "model-csd_param-fod_dwimap.nii.gz"})
                EXPECT_THAT(in_the_way(name), testing::AllOf(HasSubstr(name), HasSubstr("it exists and is not a regular file"))) << at_once << shared;
        }
    options.trajectories = Trajectories::independent;
    // As if the disk were full: no file may be larger than this.
    fs::remove_all(out());
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit small{20000, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    const auto complained = complaint();
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, handler);
    EXPECT_THAT(complained, testing::AllOf(HasSubstr("cannot write"), HasSubstr("free space")));
    EXPECT_FALSE(fs::exists(connectome));
    EXPECT_EQ(partial_files(), 0);
}

TEST_F(Pipeline, ShowsTrajectoriesSideBySide) {
    textured = true;
    for (std::size_t s = 0; s < 2; ++s) write_session(s == 0 ? "01" : "02", tensors[s]);
    options.keep_tracks = false;
    auto shared = options, own = options;
    shared.trajectories = Trajectories::mean;
    shared.weights = StreamlineWeights::joint;
    const Device device = Device::open("cpu", 2);
    run_participants(data(), out(), {}, std::vector{shared, own}, std::span(&device, 1), listener);
    const std::string folder = "/sub-01/ses-02/dwi/", file = folder + "sub-01_ses-02_atlas-two_connectome.h5";
    const auto mean = io::read_connectome(out() + file), independent = io::read_connectome(out("trajectories-independent") + file);
    const auto table = io::read_table(out("change.tsv"));
    const auto column = [&](const std::string& name) { return static_cast<std::size_t>(std::find(table[0].begin(), table[0].end(), name) - table[0].begin()); };
    std::map<std::string, std::vector<std::string>> row;  // of the bundle, by session and trajectories
    for (const auto& cells : table)
        if (cells[column("node_a")] == "40" && cells[column("node_b")] == "4000") row[cells[column("session_id")] + " " + cells[column("trajectories")] + " " + cells[column("weights")]] = cells;
    ASSERT_EQ(row.size(), 4u);
    const auto& of_mean = row.at("ses-02 mean joint");
    const auto& of_own = row.at("ses-02 independent none");
    EXPECT_EQ(std::stod(of_mean[column("count")]), mean.metric("count").matrix[1]);
    EXPECT_EQ(std::stod(of_own[column("count")]), independent.metric("count").matrix[1]);
    // Shared streamlines are the same in both sessions; what each has of its own changes by chance, against its own first session.
    EXPECT_EQ(of_mean[column("count_change")], "0");
    EXPECT_NE(of_own[column("count_change")], "0");
    EXPECT_EQ(std::stod(of_own[column("count_change")]), std::stod(of_own[column("count")]) - std::stod(row.at("ses-01 independent none")[column("count")]));
    EXPECT_NEAR(std::stod(of_mean[column("fibre_bundle_capacity")]), mean.metric("fibre_bundle_capacity").matrix[1], 1e-6 * mean.metric("fibre_bundle_capacity").matrix[1]);
    EXPECT_EQ(of_own[column("fibre_bundle_capacity")], "n/a") << "it has no weights";

    // The folder beside is like one of its own, whatever the first way's files are; and the group level gathers both again.
    run_participants(data(), out("alone"), {}, own, device, listener);
    EXPECT_EQ(sha256_of_file(out("alone") + file), sha256_of_file(out("trajectories-independent") + file));
    const auto before = sha256_of_file(out("change.tsv"));
    fs::remove(out("change.tsv"));
    run_group(data(), out(), listener);
    EXPECT_EQ(sha256_of_file(out("change.tsv")), before);
    said.clear();
    run_participants(data(), out(), {}, std::vector{shared, own}, std::span(&device, 1), listener);
    EXPECT_EQ(std::count_if(said.begin(), said.end(), [](const std::string& text) { return text.find("2 sessions selected, 0 to compute") != std::string::npos; }), 2);

    EXPECT_THROW(run_participants(data(), out("twice"), {}, std::vector{own, own}, std::span(&device, 1), listener), InputError);
    own.weights = StreamlineWeights::joint;
    EXPECT_THROW(run_participants(data(), out("twice"), {}, std::vector{shared, own}, std::span(&device, 1), listener), InputError);
    EXPECT_FALSE(fs::exists(out("twice"))) << "what contradicts itself is known before anything is computed";
}

}  // namespace
}  // namespace arcuate::study
