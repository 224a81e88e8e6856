#include "arcuate/core/provenance.hpp"
#include "arcuate/io/tables.hpp"

#include "support.hpp"

#include <cmath>
#include <unistd.h>

// Where a damaged file makes HDF5 1.10 give up half-way, it forgets some of its own memory; the leak checker looks at ours.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libhdf5"; }

using namespace arcuate;
using namespace arcuate::test;
using testing::HasSubstr;

namespace {

Connectome example() {
    Connectome c;
    c.nodes = {{3, "V1 (left)", {1.5, -2, 3}, 10}, {7, "Broca's area, \xC3\xA9", {std::nan(""), std::nan(""), std::nan("")}, 0}};
    c.metrics = {{"mean_fa", "", "mean FA along the streamline", {0.25, std::nan(""), std::nan(""), 0.1}},
                 {"count", "streamlines", "number of streamlines", {9007199254740992.0, 2, 2, 0}},
                 {"count_sampling_se", "streamlines", "its standard error", {1.5, 1, 1, 0}, "count", "sampling"}};
    c.streamlines = 12;
    c.assigned = 11;
    return c;
}

Provenance made_by() {
    Provenance p;
    p.command = "connectome";
    p.parameter("radial_search_mm", "4");
    return p;
}

bool same(const std::vector<double>& a, const std::vector<double>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

}  // namespace

TEST(ConnectomeHdf5, KeepsSizesThatAreSumsOfShares) {
    const std::string path = fresh_folder() + "c.h5";
    Connectome c = example();
    c.nodes[0].voxels = 2.25;
    io::write_connectome(path, c, made_by(), false);
    EXPECT_EQ(io::read_connectome(path).nodes[0].voxels, 2.25);
}

TEST(ConnectomeHdf5, ReturnsWhatWasWritten) {
    const std::string path = fresh_folder() + "c.h5";
    io::write_connectome(path, example(), made_by(), false);
    const Connectome back = io::read_connectome(path), c = example();
    ASSERT_EQ(back.nodes.size(), 2u);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(back.nodes[i].label, c.nodes[i].label);
        EXPECT_EQ(back.nodes[i].name, c.nodes[i].name);
        EXPECT_EQ(back.nodes[i].voxels, c.nodes[i].voxels);
        EXPECT_TRUE(same({back.nodes[i].centre.begin(), back.nodes[i].centre.end()}, {c.nodes[i].centre.begin(), c.nodes[i].centre.end()}));
    }
    ASSERT_EQ(back.metrics.size(), 3u);
    for (std::size_t m = 0; m < 3; ++m) {
        EXPECT_EQ(back.metrics[m].name, c.metrics[m].name) << "in the order in which they were made";
        EXPECT_EQ(back.metrics[m].unit, c.metrics[m].unit);
        EXPECT_EQ(back.metrics[m].description, c.metrics[m].description);
        EXPECT_EQ(back.metrics[m].error_of, c.metrics[m].error_of);
        EXPECT_EQ(back.metrics[m].error, c.metrics[m].error);
        EXPECT_TRUE(same(back.metrics[m].matrix, c.metrics[m].matrix));
    }
    EXPECT_EQ(back.streamlines, 12);
    EXPECT_EQ(back.assigned, 11);
}

TEST(ConnectomeHdf5, HoldsNoTime) {
    const std::string folder = fresh_folder();
    io::write_connectome(folder + "a.h5", example(), made_by(), false);
    usleep(1100000);  // HDF5's timestamps count seconds
    io::write_connectome(folder + "b.h5", example(), made_by(), false);
    EXPECT_EQ(sha256_of_file(folder + "a.h5"), sha256_of_file(folder + "b.h5"));
}

TEST(ConnectomeHdf5, H5pyAloneReadsIt) {
    if (!has_python_module("h5py")) GTEST_SKIP() << "h5py is not installed";
    const std::string path = fresh_folder() + "c.h5";
    io::write_connectome(path, example(), made_by(), false);
    const auto seen = run("/usr/bin/python3 -c 'import h5py, json, sys; f = h5py.File(sys.argv[1]); e = f[\"edges/count\"]; "
                          "print(f.attrs[\"format\"].decode(), f.attrs[\"format_version\"], f.attrs[\"streamlines\"], f.attrs[\"assigned\"], "
                          "json.loads(f.attrs[\"provenance\"])[\"parameters\"][\"radial_search_mm\"], list(f[\"nodes/label\"]), f[\"nodes/name\"].asstr()[0], "
                          "f[\"nodes/centre_mm\"].shape, f[\"nodes/voxels\"].dtype, e.dtype, e.shape, int(e[0, 0]), e.attrs[\"unit\"].decode(), e.attrs[\"description\"].decode())' " + path);
    EXPECT_EQ(seen.text, "arcuate connectome 1 12 11 4 [3, 7] V1 (left) (2, 3) int64 float64 (2, 2) 9007199254740992 streamlines number of streamlines\n");
}

TEST(ConnectomeHdf5, RefusesWhatIsNone) {
    const std::string folder = fresh_folder();
    EXPECT_THAT(error_of<InputError>([&] { io::read_connectome(folder + "none.h5"); }), HasSubstr("there is no such file"));
    put(folder + "text.h5", "not HDF5");
    testing::internal::CaptureStderr();
    EXPECT_THAT(error_of<InputError>([&] { io::read_connectome(folder + "text.h5"); }), HasSubstr("is no connectome of Arcuate's or is damaged"));
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "") << "HDF5 keeps its own error stack to itself";
    if (!has_python_module("h5py")) GTEST_SKIP() << "h5py is not installed: foreign files are not tried";
    const auto foreign = [&](const std::string& python) {
        io::write_connectome(folder + "c.h5", example(), made_by(), true);
        EXPECT_TRUE(run("/usr/bin/python3 -c 'import h5py, numpy, sys; f = h5py.File(sys.argv[1], \"r+\"); " + python + "' " + folder + "c.h5").ok);
        return error_of<InputError>([&] { io::read_connectome(folder + "c.h5"); });
    };
    EXPECT_EQ(foreign("pass"), "");
    EXPECT_THAT(foreign("f.attrs[\"format\"] = \"other\""), HasSubstr("is no connectome of Arcuate's"));
    EXPECT_THAT(foreign("f.attrs[\"format_version\"] = 2"), HasSubstr("has connectome format version 2 (this Arcuate reads 1)"));
    EXPECT_THAT(foreign("del f[\"edges\"]"), HasSubstr("is damaged"));
    EXPECT_THAT(foreign("del f[\"nodes/name\"]; f[\"nodes/name\"] = [1, 2]"), HasSubstr("is damaged"));
    EXPECT_THAT(foreign("del f[\"edges/count\"]; f[\"edges/count\"] = numpy.zeros((3, 2))"), HasSubstr("is damaged"));
    // Labels that exist only as a promise: 2^40 of them, none stored.
    EXPECT_THAT(foreign("del f[\"nodes/label\"]; f.create_dataset(\"nodes/label\", (2**40,), \"i4\")"), HasSubstr("is damaged"));
}

TEST(ConnectomeHdf5, SurvivesAnyTruncation) {
    const std::string folder = fresh_folder();
    io::write_connectome(folder + "c.h5", example(), made_by(), false);
    const std::string whole = bytes_of(folder + "c.h5");
    for (std::size_t n = 0; n < whole.size(); n += 97) {
        put(folder + "cut.h5", whole.substr(0, n));
        EXPECT_NE(error_of<InputError>([&] { io::read_connectome(folder + "cut.h5"); }), "") << n;
    }
}

TEST(ConnectomeHdf5, SurvivesAnyDamagedByte) {
    // Damage may fall where no checksum looks, into a number or a name: then the file is still a connectome.
    const std::string folder = fresh_folder();
    io::write_connectome(folder + "c.h5", example(), made_by(), false);
    const std::string whole = bytes_of(folder + "c.h5");
    int refused = 0;
    for (std::size_t n = 0; n < whole.size(); n += 7) {
        std::string damaged = whole;
        damaged[n] = static_cast<char>(damaged[n] ^ 0xFF);
        put(folder + "damaged.h5", damaged);
        refused += !error_of<InputError>([&] { io::read_connectome(folder + "damaged.h5"); }).empty();
    }
    EXPECT_GT(refused, 0);
}

TEST(ConnectomeHdf5, RefusesToWriteWhatCouldNotBeRead) {
    const std::string folder = fresh_folder();
    Connectome c = example();
    c.metrics[0].name = "a/b";
    EXPECT_THAT(error_of<OutputError>([&] { io::write_connectome(folder + "c.h5", c, made_by(), false); }), HasSubstr("the metric name 'a/b'"));
    c = example();
    c.metrics[0].matrix.pop_back();
    EXPECT_THAT(error_of<OutputError>([&] { io::write_connectome(folder + "c.h5", c, made_by(), false); }), HasSubstr("has 3 values for 2 nodes"));
    c = example();
    c.metrics[1].name = c.metrics[0].name;
    EXPECT_THAT(error_of<OutputError>([&] { io::write_connectome(folder + "c.h5", c, made_by(), false); }), HasSubstr("cannot write"));
    EXPECT_EQ(files_in(folder), 0u);
}
