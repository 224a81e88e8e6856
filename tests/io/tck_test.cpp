#include "arcuate/io/tractogram.hpp"

#include "arcuate/core/provenance.hpp"

#include "hand_made_nifti.hpp"  // as_bytes
#include "support.hpp"

#include <cmath>
#include <limits>

using namespace arcuate;
using namespace arcuate::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

Tractogram three_streamlines() {
    Tractogram t;
    t.append(std::vector<float>{0, 0, 0, 1, 0, 0, 1, 1, 0.5f});
    t.append(std::vector<float>{});  // a seed that grew nothing: MRtrix keeps such, so do we
    t.append(std::vector<float>{-100.25f, 3e-8f, 7, -99, 0, 7});
    t.properties = {{"step_size", "0.5"}, {"method", "iFOD2"}, {"roi", "seed a.nii\nmask b.nii"}};
    return t;
}

void write(const std::string& path, const Tractogram& t, std::int64_t total = 1000, bool overwrite = false) {
    const auto writer = io::make_tractogram_writer(path, {.properties = t.properties, .overwrite = overwrite});
    writer->append(t.view());
    writer->commit(total);
}

/// A .tck from its parts: header lines without "mrtrix tracks", "file" and "END", then triplets.
template <class T>
std::string made(const std::string& lines, const std::vector<T>& values, bool big = false) {
    std::string bytes = "mrtrix tracks    \n" + lines + "file: . 300\nEND\n";
    bytes.resize(300, '\0');
    for (const T value : values) bytes += as_bytes(value, big);
    return bytes;
}

template <class T>
std::vector<T> two_streamlines() {
    const T nan = std::numeric_limits<T>::quiet_NaN(), inf = std::numeric_limits<T>::infinity();
    return {1, 2, 3, 4, 5, 6, nan, nan, nan, -7, 8, T(0.1), nan, nan, nan, inf, inf, inf};
}

}  // namespace

TEST(Tck, ReturnsWhatWasWritten) {
    const std::string path = fresh_folder() + "a.tck";
    const Tractogram t = three_streamlines();
    write(path, t);
    const Tractogram back = io::read_tractogram(path);
    EXPECT_EQ(back.positions, t.positions);
    EXPECT_EQ(back.offsets, t.offsets);
    EXPECT_EQ(back.properties.at("roi"), "seed a.nii\nmask b.nii") << "one line per value in the file, joined again";
    EXPECT_EQ(back.properties.at("count"), "0000000003");
    EXPECT_EQ(back.properties.at("total_count"), "0000001000");
    EXPECT_EQ(files_in(std::filesystem::path(path).parent_path()), 1u);
}

TEST(Tck, AnEmptyTractogramIsATractogram) {
    const std::string path = fresh_folder() + "none.tck";
    write(path, {});
    EXPECT_EQ(io::read_tractogram(path).size(), 0);
}

TEST(Tck, TheSameStreamlinesGiveTheSameBytesHoweverTheyCome) {
    const std::string folder = fresh_folder();
    Tractogram t;
    for (int s = 0; s < 500; ++s) t.append(std::vector<float>(static_cast<std::size_t>(3 * (s % 400)), 0.1f * static_cast<float>(s)));
    write(folder + "a.tck", t);
    const auto writer = io::make_tractogram_writer(folder + "b.tck", {});
    for (std::int64_t s = 0; s < t.size(); s += 7) {
        Tractogram part;
        for (std::int64_t i = s; i < std::min(s + 7, t.size()); ++i) part.append(t.view().streamline(i));
        writer->append(part.view());
    }
    writer->commit(1000);
    EXPECT_EQ(sha256_of_file(folder + "a.tck"), sha256_of_file(folder + "b.tck"));
}

TEST(Tck, ReadsAllFourDatatypes) {
    const std::string path = fresh_folder() + "typed.tck";
    for (const bool big : {false, true}) {
        put(path, made<float>(std::string("datatype: Float32") + (big ? "BE" : "LE") + "\ncount: 2\n", two_streamlines<float>(), big));
        EXPECT_THAT(io::read_tractogram(path).positions, ElementsAre(1, 2, 3, 4, 5, 6, -7, 8, 0.1f));
        put(path, made<double>(std::string("datatype: Float64") + (big ? "BE" : "LE") + "\ncount: 2\n", two_streamlines<double>(), big));
        const Tractogram t = io::read_tractogram(path);
        EXPECT_THAT(t.positions, ElementsAre(1, 2, 3, 4, 5, 6, -7, 8, 0.1f));
        EXPECT_THAT(t.offsets, ElementsAre(0, 2, 3));
    }
}

TEST(Tck, StreamsInBatches) {
    const std::string path = fresh_folder() + "many.tck";
    Tractogram t;
    for (int s = 0; s < 25; ++s) t.append(std::vector<float>{static_cast<float>(s), 0, 0});
    write(path, t);
    struct Sizes : StreamlineSink {
        std::vector<std::int64_t> sizes;
        std::vector<float> x;
        void append(const TractogramView& v) override {
            sizes.push_back(v.size());
            for (std::int64_t s = 0; s < v.size(); ++s) x.push_back(v.streamline(s)[0]);
        }
    } sink;
    io::stream_tractogram(path, sink, 10);
    EXPECT_THAT(sink.sizes, ElementsAre(10, 10, 5));
    for (int s = 0; s < 25; ++s) EXPECT_EQ(sink.x[static_cast<std::size_t>(s)], static_cast<float>(s));
}

TEST(Tck, TheLastStreamlineMayEndWithTheFile) {
    const std::string path = fresh_folder() + "separators.tck";
    const float inf = std::numeric_limits<float>::infinity();
    put(path, made<float>("datatype: Float32LE\ncomments: made by hand\n", {1, 2, 3, inf, inf, inf}));
    EXPECT_EQ(io::read_tractogram(path).size(), 1);
}

TEST(Tck, RefusesDamagedFiles) {
    const std::string path = fresh_folder() + "bad.tck";
    const auto refusal = [&](const std::string& bytes) {
        put(path, bytes);
        return error_of<InputError>([&] { io::read_tractogram(path); });
    };
    const std::string type = "datatype: Float32LE\n";
    const std::string good = made<float>(type + "count: 2\n", two_streamlines<float>());
    EXPECT_EQ(refusal(good), "");
    EXPECT_THAT(error_of<InputError>([&] { io::read_tractogram(path + "x"); }), HasSubstr("cannot open"));
    EXPECT_THAT(refusal(""), HasSubstr("is not a tractogram that can be read"));
    EXPECT_THAT(refusal("mrtrix track scalars"), HasSubstr("is not a tractogram that can be read"));
    EXPECT_THAT(refusal(good.substr(0, good.size() - 12)), HasSubstr("is truncated (its end mark is missing after 2 streamlines)"));
    EXPECT_THAT(refusal(good.substr(0, good.size() - 1)), HasSubstr("is truncated"));
    EXPECT_THAT(refusal(good.substr(0, 310)), HasSubstr("is truncated"));
    EXPECT_THAT(refusal("mrtrix tracks\n" + type + "file: . 300\n"), HasSubstr("its END line is missing"));
    EXPECT_THAT(refusal("mrtrix tracks\n" + type + "END\n"), HasSubstr("it has no 'file' line"));
    EXPECT_THAT(refusal("mrtrix tracks\n" + type + "file: . 5\nEND\n"), HasSubstr("its data would start at byte 5"));
    EXPECT_THAT(refusal("mrtrix tracks\n" + type + "file: . 999999999999\nEND\n"), HasSubstr("its data would start at byte 999999999999"));
    EXPECT_THAT(refusal("mrtrix tracks\n" + type + "file: other.dat 0\nEND\n"), HasSubstr("not '. OFFSET'"));
    EXPECT_THAT(refusal(made<float>("", two_streamlines<float>())), HasSubstr("it has no datatype"));
    EXPECT_THAT(refusal(made<float>("datatype: Int16LE\n", two_streamlines<float>())), HasSubstr("its datatype is 'Int16LE'"));
    EXPECT_THAT(refusal(made<float>(type + "count: 5\n", two_streamlines<float>())), HasSubstr("its header counts 5 streamlines and there are 2"));
    auto holed = two_streamlines<float>();
    holed[4] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_THAT(refusal(made<float>(type, holed)), HasSubstr("streamline 0 of"));
}

TEST(Tck, RefusesToWriteWhatCouldNotBeRead) {
    const std::string folder = fresh_folder();
    EXPECT_THAT(error_of<OutputError>([&] { io::make_tractogram_writer(folder + "a.vtk", {}); }), HasSubstr("tractograms are written as .tck, .trk and .trx"));
    EXPECT_THAT(error_of<OutputError>([&] { io::make_tractogram_writer(folder + "a.tck", {.properties = {{"a:b", "1"}}}); }), HasSubstr("the property name 'a:b'"));
    {
        const auto writer = io::make_tractogram_writer(folder + "a.tck", {});
        Tractogram t;
        t.append(std::vector<float>{0, 0, std::numeric_limits<float>::infinity()});
        EXPECT_THAT(error_of<InputError>([&] { writer->append(t.view()); }), HasSubstr("streamline 0 has a vertex that is not finite"));
    }
    EXPECT_EQ(files_in(folder), 0u) << "not committed";
}

TEST(Tck, MrtrixAndNibabelReadIt) {
    const std::string path = fresh_folder() + "peer.tck";
    write(path, three_streamlines());
    if (!has_program("tckinfo") && !has_python_module("nibabel")) GTEST_SKIP() << "neither MRtrix nor nibabel is installed";
    if (has_program("tckinfo")) {
        const std::string info = run("tckinfo -quiet -count " + path).text;
        EXPECT_THAT(info, HasSubstr("actual count in file: 3"));
        EXPECT_THAT(info, HasSubstr("step_size:            0.5"));
        // Lengths 1 + sqrt(1.25), and 1.25 for the last; the empty one has none.
        std::istringstream lengths(run("tckstats -quiet -output max -output min -output count " + path).text);
        double longest = 0, shortest = 0, count = 0;
        lengths >> longest >> shortest >> count;
        EXPECT_NEAR(longest, 2.1180340, 1e-6);
        EXPECT_NEAR(shortest, 1.25, 1e-6);
        EXPECT_EQ(count, 3);
    }
    if (has_python_module("nibabel")) {
        const auto seen = run("/usr/bin/python3 -c 'import nibabel, sys; t = nibabel.streamlines.load(sys.argv[1]); s = [x for x in t.streamlines if len(x)]; "
                              "print(len(s), s[0].tolist(), s[1][0].tolist()[0], t.header[\"method\"])' " + path);
        EXPECT_EQ(seen.text, "2 [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.5]] -100.25 iFOD2\n");
    }
}

TEST(Tck, ReadsAFileOfOthers) {
    if (test_data().empty()) GTEST_SKIP() << "ARCUATE_TEST_DATA is not set";
    const std::string path = test_data() + "tract_formats/tract.SLF1_R.tck";
    const Tractogram t = io::read_tractogram(path);
    EXPECT_EQ(t.size(), 13);
    EXPECT_EQ(t.properties.at("voxel_order"), "RAS");
    if (!has_python_module("nibabel")) GTEST_SKIP() << "nibabel is not installed: vertices are not compared";
    const auto seen = run("/usr/bin/python3 -c 'import nibabel, sys; p = nibabel.streamlines.load(sys.argv[1]).streamlines.get_data(); "
                          "print(len(p), float(p[0, 0]), float(p[-1, 2]))' " + path);
    std::istringstream numbers(seen.text);
    std::size_t n = 0;
    float first = 0, last = 0;
    numbers >> n >> first >> last;
    ASSERT_EQ(t.positions.size(), 3 * n);
    EXPECT_FLOAT_EQ(t.positions.front(), first);
    EXPECT_FLOAT_EQ(t.positions.back(), last);
}
