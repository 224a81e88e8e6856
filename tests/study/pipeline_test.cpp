// The whole way from a BIDS data set to change.tsv, on a made-up data set.
#include "arcuate/io/files.hpp"
#include "arcuate/io/tables.hpp"
#include "arcuate/study/change.hpp"
#include "devices.hpp"
#include "study/pipeline_fixture.hpp"

namespace arcuate::study {
namespace {

using testing::Contains;
using testing::HasSubstr;

// The bundle in the middle of an empty image, and no mask anywhere: one is computed, written, and belongs to what is there when the run is repeated, also
// where the outputs lie among the data set's derivatives.
TEST_F(Pipeline, ComputesAMaskWhereThereIsNone) {
    const Grid wide{{22, 14, 14}, {{{{2, 0, 0}, {0, 2, 0}, {0, 0, 2}}}, {-21, -13, -13}}};
    for (const std::string ses : {"01", "02"}) {
        const auto narrow = io::read_image(image_stem(ses) + ".nii.gz");
        ScalarImage dwi(wide, narrow.volumes, 1.0f);
        for (std::int64_t v = 0; v < narrow.grid.voxels(); ++v)
            for (std::int64_t k = 0; k < narrow.volumes; ++k) dwi.at(wide.index(v % 16 + 3, v / 16 % 8 + 3, v / 128 + 3), k) = narrow.at(v, k);
        io::write_image(image_stem(ses) + ".nii.gz", dwi, true);
        fs::remove(derivative(ses, "desc-brain_mask.nii.gz"));
    }
    const std::string to = data("derivatives/arcuate");
    run(Device::open("cpu", 2), to);
    EXPECT_THAT(said, Contains(HasSubstr("no brain mask was found in the data set: working in one of")));
    const std::string mask = to + "/sub-01/ses-02/dwi/sub-01_ses-02_desc-brain_mask.nii.gz";
    const auto written = io::read_mask(mask);
    const auto voxels = std::count(written.data.begin(), written.data.end(), 1);
    EXPECT_GT(voxels, 16 * 8 * 8 * 8 / 10);
    EXPECT_LE(voxels, 16 * 8 * 8) << "the block, with corners rounded";
    EXPECT_TRUE(fs::exists(io::sidecar_path(mask)));
    said.clear();
    run(Device::open("cpu", 2), to);
    EXPECT_EQ(std::count_if(said.begin(), said.end(), [](const auto& line) { return line.find("already there") != std::string::npos; }), 2);
    // Without its mask a session is not complete; with a mask of the user's own the results are others.
    fs::remove(mask);
    said.clear();
    run(Device::open("cpu", 2), to);
    EXPECT_THAT(said, Contains(HasSubstr("2 sessions selected, 1 to compute")));
    EXPECT_EQ(io::read_mask(mask).data, written.data);
    io::write_mask(derivative("02", "desc-brain_mask.nii.gz"), written, true);
    std::string other;
    try {
        run(Device::open("cpu", 2), to);
    } catch (const OutputError& error) {
        other = error.what();
    }
    EXPECT_THAT(other, HasSubstr("made from other inputs"));
}

TEST_F(Pipeline, FindsTheBundleAndItsChange) {
    run();
    const auto table = io::read_table(out("change.tsv"));
    std::map<std::string, std::size_t> column;
    for (std::size_t c = 0; c < table[0].size(); ++c) column[table[0][c]] = c;
    std::map<std::string, std::vector<std::string>> row;  // of the bundle, by session
    for (const auto& cells : table)
        if (cells[column["node_a"]] == "40" && cells[column["node_b"]] == "4000") row[cells[column["session_id"]]] = cells;
    ASSERT_EQ(row.size(), 2u);
    const auto number = [&](const char* session, const char* name) { return std::stod(row[session][column[name]]); };
    EXPECT_EQ(row["ses-01"][column["name_a"]], "left end");
    EXPECT_EQ(number("ses-01", "days"), 0);
    EXPECT_EQ(number("ses-02", "days"), 28);
    EXPECT_GT(number("ses-01", "count"), 50);
    // Ends reach into the regions: between 24 mm (their inner sides) and 32 mm (the whole image), a little more for what is not straight.
    EXPECT_GT(number("ses-01", "mean_length"), 20);
    EXPECT_LT(number("ses-01", "mean_length"), 40);
    // Without noise the fit is exact, but for single precision.
    for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(number(i == 0 ? "ses-01" : "ses-02", "mean_fa"), tensors[i].fa(), 1e-5);
    EXPECT_NEAR(number("ses-02", "mean_fa_change"), tensors[1].fa() - tensors[0].fa(), 1e-5);
    EXPECT_EQ(number("ses-01", "mean_fa_change"), 0);
    EXPECT_NEAR(number("ses-01", "mean_md"), mean_diffusivity, 1e-8);
    EXPECT_EQ(number("ses-02", "count_change"), number("ses-02", "count") - number("ses-01", "count"));
    EXPECT_THAT(said, Contains(HasSubstr("the parcellation is that of ses-01")));
    for (const char* name : {"model-tensor_param-fa_dwimap.nii.gz", "model-tensor_param-v1_dwimap.nii.gz", "model-csd_param-fod_dwimap.nii.gz", "model-csd_response.txt",
                             "track-ifod2_tractogram.tck", "track-ifod2_tractogram.json", "atlas-two_meas-count_relmat.tsv", "atlas-two_connectome.h5"})
        for (const std::string ses : {"01", "02"}) EXPECT_TRUE(fs::exists(out("sub-01/ses-" + ses + "/dwi/sub-01_ses-" + ses + "_" + name))) << name;
    EXPECT_TRUE(fs::exists(out("dataset_description.json")));
}

TEST_F(Pipeline, ContinuesAndRefusesToMix) {
    run();
    const auto first = out("sub-01/ses-01/dwi/sub-01_ses-01_atlas-two_connectome.h5"), second = out("sub-01/ses-02/dwi/sub-01_ses-02_atlas-two_connectome.h5");
    const auto hash = sha256_of_file(second);
    const auto time = fs::last_write_time(first);
    fs::remove(second);  // as if interrupted
    said.clear();
    run();
    EXPECT_THAT(said, Contains(HasSubstr("sub-01 ses-01: already there")));
    EXPECT_EQ(fs::last_write_time(first), time);
    EXPECT_EQ(sha256_of_file(second), hash);

    options.track.cutoff = 0.05;
    EXPECT_THAT(complaint(), HasSubstr("--force"));
    EXPECT_EQ(fs::last_write_time(first), time);
    options.force = true;
    run();
    EXPECT_NE(sha256_of_file(second), hash);
}

// The second scan is the first with another gain: its FODs are the same.
TEST_F(Pipeline, TheGainOfAScannerDropsOut) {
    write_session("02", tensors[0], 3.7);
    run();
    const auto fod = [&](const std::string& ses) { return io::read_image(out("sub-01/ses-" + ses + "/dwi/sub-01_ses-" + ses + "_model-csd_param-fod_dwimap.nii.gz")); };
    const auto first = fod("01"), second = fod("02");
    for (std::size_t i = 0; i < first.data.size(); ++i) ASSERT_NEAR(first.data[i], second.data[i], 2e-5) << i;
    const auto response = [&](const std::string& ses) { return io::read_numbers(out("sub-01/ses-" + ses + "/dwi/sub-01_ses-" + ses + "_model-csd_response.txt"))[0]; };
    EXPECT_NEAR(response("02")[0] / response("01")[0], 3.7, 1e-5);
}

// Three tissues in slabs, two shells, and another gain in the second session.
TEST_F(Pipeline, SeveralShellsGiveTissuesThatCompare) {
    shells = {700, 2000};
    slabs = true;
    options.tissues.erode = 0;
    options.tissues.lmax = 6;
    options.normalise.order = 1;
    write_session("01", tensors[0], 1);
    write_session("02", tensors[0], 0.4);
    run();
    const auto path = [&](const std::string& ses, const std::string& name) { return out("sub-01/ses-" + ses + "/dwi/sub-01_ses-" + ses + "_model-msmt_param-" + name); };
    for (const std::string tissue : {"wm", "gm", "csf"}) {
        const auto first = io::read_image(path("01", tissue + "_dwimap.nii.gz")), second = io::read_image(path("02", tissue + "_dwimap.nii.gz"));
        EXPECT_EQ(first.volumes, tissue == "wm" ? 28 : 1);
        for (std::size_t i = 0; i < first.data.size(); ++i) ASSERT_NEAR(first.data[i], second.data[i], 1e-4) << tissue << " at " << i;
        EXPECT_EQ(io::read_numbers(path("01", tissue + "_response.txt")).size(), 3u);
        // A tissue fills its own slab and no other.
        const std::int64_t z = tissue == "wm" ? 6 : tissue == "gm" ? 2 : 0;
        for (const std::int64_t slice : {0, 2, 6}) {
            const float l0 = first.at(grid().index(8, 4, slice));
            EXPECT_TRUE(slice == z ? l0 > 0.1f : l0 < 0.02f) << tissue << " in slice " << slice << ": " << l0;
        }
    }
    EXPECT_FALSE(fs::exists(out("sub-01/ses-01/dwi/sub-01_ses-01_model-csd_response.txt")));
    said.clear();
    run();
    EXPECT_THAT(said, Contains(HasSubstr("2 sessions selected, 0 to compute")));
    fs::remove(path("02", "gm_dwimap.nii.gz"));
    said.clear();
    run();
    EXPECT_THAT(said, Contains(HasSubstr("2 sessions selected, 1 to compute")));
    options.fod_model = FodModel::csd;
    EXPECT_THAT(complaint(), HasSubstr("made from other inputs, options"));
    // The files of the first session as given responses: that is another run, and needs no other session.
    options.fod_model = FodModel::automatic;
    for (const std::string tissue : {"wm", "csf"}) options.responses.emplace_back(tissue, path("01", tissue + "_response.txt"));
    run(Device::open("cpu", 2), out("given"));
    EXPECT_TRUE(fs::exists(out("given/sub-01/ses-02/dwi/sub-01_ses-02_model-msmt_param-csf_dwimap.nii.gz")));
    EXPECT_FALSE(fs::exists(out("given/sub-01/ses-02/dwi/sub-01_ses-02_model-msmt_param-gm_dwimap.nii.gz")));
    options.responses.erase(options.responses.begin());
    EXPECT_THAT(complaint(), HasSubstr("wm=FILE"));
}

TEST_F(Pipeline, GivesTheSameBytesForAnyThreadsAndChunks) {
    std::map<std::string, std::string> expected;
    for (const int threads : {1, 2, 3}) {
        options.tensor.chunk = options.estimate.chunk = options.fod.chunk = threads == 1 ? 1 << 16 : 100 * threads + 7;
        options.track.chunk = threads == 1 ? 0 : 31 * threads;
        options.connectome.chunk = 10 * threads;
        const auto to = out(std::to_string(threads));
        run(Device::open("cpu", threads), to);
        for (const auto& entry : fs::recursive_directory_iterator(to)) {
            if (!entry.is_regular_file() || entry.path().extension() == ".json") continue;  // sidecars tell how it was run
            const auto name = fs::relative(entry.path(), to).string();
            const auto sum = sha256_of_file(entry.path().string());
            const auto [known, is_new] = expected.emplace(name, sum);
            EXPECT_EQ(is_new, threads == 1) << name;
            if (known->second == sum) continue;
            const bool image = name.ends_with(".nii.gz");
            const bool values = image && io::read_image(out("1/" + name)).data == io::read_image(entry.path().string()).data;
            ADD_FAILURE() << name << " with " << threads << " threads has other bytes" << (values ? ", but the same values: it is packed differently" : "");
        }
    }
    EXPECT_EQ(expected.size(), 2 * 12 + 1u);
}

// Both sessions have the same streamlines; their weights tell what the FODs' sizes do.
TEST_F(Pipeline, SessionsShareTheirStreamlines) {
    textured = true;
    for (std::size_t s = 0; s < 2; ++s) write_session(s == 0 ? "01" : "02", tensors[s]);
    options.trajectories = Trajectories::mean;
    options.weights = StreamlineWeights::joint;
    std::map<std::string, std::string> expected;
    for (const int threads : {1, 2, 3}) {
        fs::remove_all(out());
        run(Device::open("cpu", threads));
        for (const auto& entry : fs::recursive_directory_iterator(out()))
            if (entry.is_regular_file() && entry.path().extension() != ".json") {
                const auto [known, is_new] = expected.emplace(entry.path().filename(), sha256_of_file(entry.path().string()));
                EXPECT_EQ(known->second, sha256_of_file(entry.path().string())) << entry.path();
            }
    }
    const auto file = [&](const std::string& ses, const std::string& name) { return out("sub-01/ses-" + ses + "/dwi/sub-01_ses-" + ses + "_" + name); };
    const std::string tracks = out("sub-01/dwi/sub-01_track-ifod2_tractogram.tck");
    EXPECT_TRUE(fs::exists(tracks));
    EXPECT_TRUE(fs::exists(io::sidecar_path(tracks)));
    const auto first = io::read_connectome(file("01", "atlas-two_connectome.h5")), second = io::read_connectome(file("02", "atlas-two_connectome.h5"));
    EXPECT_EQ(first.metric("count").matrix, second.metric("count").matrix);
    EXPECT_GT(first.metric("count").matrix[1], 50);
    // The response is the mean of both sessions', so the one of higher anisotropy has larger FODs.
    const auto capacity = [](const Connectome& c) { return c.metric("fibre_bundle_capacity").matrix[1]; };
    EXPECT_GT(capacity(second), 1.02 * capacity(first));
    EXPECT_NEAR(second.metric("mean_fa").matrix[1] - first.metric("mean_fa").matrix[1], tensors[1].fa() - tensors[0].fa(), 1e-5);
    EXPECT_EQ(io::read_numbers(file("02", "track-ifod2_desc-sift2_weights.txt")).size(), 150u);
    said.clear();
    run();
    EXPECT_THAT(said, Contains(HasSubstr("2 sessions selected, 0 to compute")));
    // A session is not computed without the others.
    fs::remove(file("02", "atlas-two_connectome.h5"));
    fs::remove(tracks);
    said.clear();
    run();
    EXPECT_THAT(said, Contains(HasSubstr("2 sessions selected, 2 to compute")));
    EXPECT_TRUE(fs::exists(tracks));

    // A session that lies elsewhere.
    options.force = true;
    auto moved = io::read_image(image_stem("02") + ".nii.gz");
    moved.grid.voxel_to_world.offset[1] += 1.5;
    io::write_image(image_stem("02") + ".nii.gz", moved, true);
    io::write_mask(derivative("02", "desc-brain_mask.nii.gz"), full_mask(moved.grid), true);
    EXPECT_THAT(complaint(), testing::AllOf(HasSubstr("against the subject's other sessions"), HasSubstr("--register")));
    // The same with the x axis stored the other way round.
    auto flipped = moved;
    flipped.grid.voxel_to_world = {{{{-2, 0, 0}, {0, 2, 0}, {0, 0, 2}}}, {15, -7, -7}};
    for (std::int64_t v = 0; v < grid().voxels(); ++v)
        for (std::int64_t k = 0; k < moved.volumes; ++k) flipped.at(v / 16 * 16 + 15 - v % 16, k) = moved.at(v, k);
    io::write_image(image_stem("02") + ".nii.gz", flipped, true);
    io::write_fsl_gradients(image_stem("02") + ".bval", image_stem("02") + ".bvec", gradients(), flipped.grid, true);
    io::write_mask(derivative("02", "desc-brain_mask.nii.gz"), full_mask(flipped.grid), true);
    run();
    EXPECT_NEAR(capacity(io::read_connectome(file("02", "atlas-two_connectome.h5"))), capacity(second), 1e-3 * capacity(second));
    write_session("02", tensors[1]);

    options.keep_tracks = false;
    options.trajectories = Trajectories::independent;
    EXPECT_THAT(complaint(), HasSubstr("joint weights are of streamlines that the sessions share"));
    options.weights = StreamlineWeights::each;
    run(Device::open("cpu", 2), out("each"));
    EXPECT_GT(capacity(io::read_connectome(out("each/sub-01/ses-02/dwi/sub-01_ses-02_atlas-two_connectome.h5"))), 0);
    EXPECT_FALSE(fs::exists(out("each/sub-01/ses-02/dwi/sub-01_ses-02_track-ifod2_tractogram.tck"))) << "they were there in between alone";
}

TEST_F(Pipeline, ReplicatesTellTheErrorOfTheMeasurement) {
    sigma = 30;
    write_session("01", tensors[0]);
    write_session("02", tensors[1]);
    options.replicates = 3;
    const auto run_second = [&](const Device& device, const std::string& to) { run_participants(data(), to, {.participants = {}, .sessions = {"02"}}, options, device, listener); };
    const std::string file = "/sub-01/ses-02/dwi/sub-01_ses-02_atlas-two_connectome.h5";
    for (const int threads : {1, 2}) run_second(Device::open("cpu", threads), out(std::to_string(threads)));
    EXPECT_EQ(sha256_of_file(out("1" + file)), sha256_of_file(out("2" + file)));
    EXPECT_THAT(said, Contains(HasSubstr("measurement errors from 3 replicates; signals are fitted at b = 0 by the mean of 1 volumes, b = 2000 by lmax 6 from 40")));
    const auto c = io::read_connectome(out("1" + file));
    ASSERT_EQ(c.metrics.size(), 18u);
    const std::size_t edge = 1;  // between the two regions
    for (std::size_t m = 0; m < c.metrics.size(); m += 3) {
        EXPECT_EQ(c.metrics[m + 1].error, "sampling");
        EXPECT_EQ(c.metrics[m + 2].error, "measurement");
        EXPECT_EQ(c.metrics[m + 2].error_of, c.metrics[m].name);
        EXPECT_EQ(c.metrics[m + 2].name, c.metrics[m].name + "_measurement_se");
        EXPECT_GE(c.metrics[m + 2].matrix[edge], 0);
    }
    // A streamline's mean FA is over some hundred voxels' values, each sure to about 0.02.
    EXPECT_GT(c.metric("mean_fa_measurement_se").matrix[edge], 0);
    EXPECT_LT(c.metric("mean_fa_measurement_se").matrix[edge], 0.02);
    const auto header = io::read_table(out("1/change.tsv"))[0];
    EXPECT_THAT(header, Contains("mean_fa_measurement_se"));
    EXPECT_THAT(header, Contains("mean_fa_change"));
    EXPECT_THAT(header, testing::Not(Contains("mean_fa_measurement_se_change")));

    // The values beside the errors are those of a run without; another number of replicates is another run.
    options.replicates = 0;
    run_second(Device::open("cpu", 2), out("3"));
    const auto plain = io::read_connectome(out("3" + file));
    ASSERT_EQ(plain.metrics.size(), 6u);
    for (const auto& metric : plain.metrics) EXPECT_THAT(c.metric(metric.name).matrix, testing::Pointwise(testing::NanSensitiveDoubleEq(), metric.matrix)) << metric.name;
    options.replicates = 4;
    EXPECT_THROW(run_second(Device::open("cpu", 2), out("3")), OutputError);
    options.replicates = 1;
    EXPECT_THROW(run_second(Device::open("cpu", 2), out("4")), InputError);
    options.replicates = 20;
    options.weights = StreamlineWeights::each;
    EXPECT_THROW(run_second(Device::open("cpu", 2), out("4")), InputError);
    EXPECT_FALSE(fs::exists(out("4")));
}

TEST_F(Pipeline, ReplicatesOfSharedStreamlinesTellTheErrorOfTheChange) {
    textured = true;
    sigma = 10;
    write_session("01", tensors[0]);
    write_session("02", tensors[0]);
    options.replicates = 4;
    options.trajectories = Trajectories::mean;
    options.weights = StreamlineWeights::joint;
    const auto file = [](const std::string& session) { return "/sub-01/ses-" + session + "/dwi/sub-01_ses-" + session + "_atlas-two_connectome.h5"; };
    for (const int threads : {1, 2, 3}) {
        options.tensor.chunk = options.fod.chunk = options.connectome.chunk = threads == 1 ? 1 << 16 : 100 * threads + 7;
        run(Device::open("cpu", threads), out(std::to_string(threads)));
    }
    for (const auto* session : {"01", "02"})
        for (const auto* other : {"2", "3"}) EXPECT_EQ(sha256_of_file(out("1" + file(session))), sha256_of_file(out(other + file(session))));
    const std::size_t edge = 1;
    const auto first = io::read_connectome(out("1" + file("01"))), second = io::read_connectome(out("1" + file("02")));
    const auto at = [&](const Connectome& c, const std::string& metric) { return c.metric(metric).matrix[edge]; };
    for (const std::string metric : {"fibre_bundle_capacity", "mean_fa"}) {
        EXPECT_GT(at(first, metric + "_measurement_se"), 0);
        EXPECT_EQ(at(first, metric + "_change_measurement_se"), 0) << "from itself the first session does not differ";
        EXPECT_GT(at(second, metric + "_change_measurement_se"), 0);
        // Both sessions have the same signal, each with noise of its own: a change of chance, and twenty times its error is none.
        EXPECT_NE(at(second, metric), at(first, metric));
        EXPECT_LT(std::fabs(at(second, metric) - at(first, metric)), 20 * at(second, metric + "_change_measurement_se"));
    }
    EXPECT_EQ(at(second, "count_measurement_se"), 0) << "the streamlines are the same";
    const auto header = io::read_table(out("1/change.tsv"))[0];
    EXPECT_THAT(header, Contains("fibre_bundle_capacity_change"));
    EXPECT_THAT(header, Contains("fibre_bundle_capacity_change_measurement_se"));

    // Without weights maps alone vary.
    options.weights = StreamlineWeights::none;
    run(Device::open("cpu", 2), out("none"));
    const auto counts = io::read_connectome(out("none" + file("02")));
    EXPECT_EQ(at(counts, "count_change_measurement_se"), 0);
    EXPECT_GT(at(counts, "mean_fa_change_measurement_se"), 0);
}

TEST_F(Pipeline, SaysWhatIsWrongInOneSentence) {
    const auto mask = derivative("02", "desc-brain_mask.nii.gz");
    io::write_mask(mask, full_mask({{15, 8, 8}, grid().voxel_to_world}), true);
    EXPECT_THAT(complaint(), testing::AllOf(HasSubstr("another grid"), HasSubstr("15x8x8")));
    // The other session was computed all the same.
    EXPECT_TRUE(fs::exists(out("sub-01/ses-01/dwi/sub-01_ses-01_atlas-two_connectome.h5")));
    EXPECT_FALSE(fs::exists(out("sub-01/ses-02/dwi/sub-01_ses-02_atlas-two_connectome.h5")));
    // What was computed without the second session's response is not mixed with what comes of it.
    io::write_mask(mask, Mask(grid(), 1, 0), true);
    EXPECT_THAT(complaint(), HasSubstr("a session more is another input"));
    options.force = true;
    EXPECT_THAT(complaint(), HasSubstr("is empty"));
    io::write_mask(mask, full_mask(grid()), true);

    auto dwi = io::read_image(image_stem("02") + ".nii.gz");
    std::fill_n(dwi.data.begin(), grid().voxels(), NAN);
    io::write_image(image_stem("02") + ".nii.gz", dwi, true);
    EXPECT_THAT(complaint(), HasSubstr("no usable voxel"));
    write_session("02", tensors[1]);

    LabelImage far = regions();
    far.grid.voxel_to_world.offset[0] += 300;
    io::write_labels(derivative("02", "desc-two_dseg.nii.gz"), far, true);
    EXPECT_THAT(complaint(), HasSubstr("does not overlap"));
    io::write_labels(derivative("02", "desc-two_dseg.nii.gz"), LabelImage(grid(), 1, 0), true);
    EXPECT_THAT(complaint(), HasSubstr("no positive label"));

    fs::remove(image_stem("02") + ".bvec");
    EXPECT_THAT(complaint(), HasSubstr("no bvec file"));
}

TEST_F(Pipeline, LeavesForeignFoldersAlone) {
    fs::create_directories(out());
    std::ofstream(out("thesis.txt")) << "mine";
    EXPECT_THAT(complaint(), HasSubstr("not made by arcuate run"));
    EXPECT_THROW(run(Device::open("cpu", 1), data()), OutputError);
}

}  // namespace
}  // namespace arcuate::study
