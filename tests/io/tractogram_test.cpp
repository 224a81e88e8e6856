// The formats of tractograms: what is written comes back, in whatever batches; a writer cut short goes on to the same bytes.
#include "arcuate/io/tractogram.hpp"

#include "support.hpp"

#include <cmath>
#include <random>

using namespace arcuate;
using namespace arcuate::test;
using testing::HasSubstr;

namespace {

/// Streamlines of 0 to 40 vertices within 90 mm of the origin, with data of every kind.
Tractogram many(int n) {
    std::mt19937 random(1);
    const auto uniform = [&] { return static_cast<float>(random()) / 4294967296.0f; };
    Tractogram t;
    t.per_streamline.resize(2);
    t.per_vertex.resize(2);
    static_cast<DataField&>(t.per_streamline[0]) = {"id", 1, DataType::uint32};
    static_cast<DataField&>(t.per_streamline[1]) = {"weight"};
    static_cast<DataField&>(t.per_vertex[0]) = {"colour", 3, DataType::uint8};
    static_cast<DataField&>(t.per_vertex[1]) = {"fa", 1, DataType::float16};
    for (int s = 0; s < n; ++s) {
        std::vector<float> line;
        const auto vertices = random() % 41;
        for (unsigned v = 0; v < vertices; ++v) {
            for (int i = 0; i < 3; ++i) {
                line.push_back(180 * uniform() - 90);
                t.per_vertex[0].values.push_back(random() % 256);
            }
            t.per_vertex[1].values.push_back((random() % 1024) / 1024.0);  // exact in half precision
        }
        t.append(line);
        t.per_streamline[0].values.push_back(4000000000.0 + s);  // no float holds it
        t.per_streamline[1].values.push_back(static_cast<double>(uniform()));
    }
    t.properties = {{"step_size", "0.5"}, {"roi", "seed a.nii\nmask b.nii"}};
    return t;
}

std::vector<DataField> fields_of(const std::vector<DataArray>& arrays) { return {arrays.begin(), arrays.end()}; }

io::TractogramOptions options_for(const Tractogram& t) {
    return {.properties = t.properties, .grid = oblique_grid({40, 50, 60}), .per_streamline = fields_of(t.per_streamline), .per_vertex = fields_of(t.per_vertex)};
}

Tractogram part_of(const Tractogram& t, std::int64_t first, std::int64_t last) {
    Tractogram part;
    const auto slice = [](const std::vector<DataArray>& arrays, std::uint64_t from, std::uint64_t to) {
        std::vector<DataArray> out = arrays;
        for (auto& a : out) {
            const auto c = static_cast<std::uint64_t>(a.columns);
            a.values.assign(a.values.begin() + static_cast<std::ptrdiff_t>(c * from), a.values.begin() + static_cast<std::ptrdiff_t>(c * to));
            a.values.resize(c * (to - from));
        }
        return out;
    };
    part.per_streamline = slice(t.per_streamline, static_cast<std::uint64_t>(first), static_cast<std::uint64_t>(last));
    part.per_vertex = slice(t.per_vertex, t.offsets[static_cast<std::size_t>(first)], t.offsets[static_cast<std::size_t>(last)]);
    for (auto s = first; s < last; ++s) part.append(t.view().streamline(s));
    return part;
}

void append_by(io::TractogramWriter& writer, const Tractogram& t, std::int64_t first, std::int64_t last, std::int64_t step) {
    for (auto s = first; s < last; s += step) writer.append(part_of(t, s, std::min(s + step, last)).view());
}

/// "arc" with a datum of its own, and "none" without members.
std::vector<io::StreamlineGroup> make_two_groups() {
    std::vector<io::StreamlineGroup> groups(2);
    groups[0].name = "arc";
    groups[0].members = {0, 3, 4};
    groups[0].data.resize(1);
    groups[0].data[0].name = "mean_fa";
    groups[0].data[0].values = {0.5};
    groups[1].name = "none";
    return groups;
}
const auto two_groups = make_two_groups();

void write(const std::string& path, const Tractogram& t, const io::TractogramOptions& options, std::int64_t step = 7) {
    const auto writer = io::make_tractogram_writer(path, options);
    append_by(*writer, t, 0, t.size(), step);
    writer->commit(12345, two_groups);
}

void expect_values(const std::vector<DataArray>& seen, const std::vector<DataArray>& expected, bool as_float) {
    ASSERT_EQ(seen.size(), expected.size());
    for (std::size_t i = 0; i < seen.size(); ++i) {
        EXPECT_EQ(seen[i].name, expected[i].name);
        EXPECT_EQ(seen[i].columns, expected[i].columns);
        ASSERT_EQ(seen[i].values.size(), expected[i].values.size());
        for (std::size_t v = 0; v < seen[i].values.size(); ++v)
            ASSERT_EQ(seen[i].values[v], as_float ? static_cast<double>(static_cast<float>(expected[i].values[v])) : expected[i].values[v]) << seen[i].name << " " << v;
    }
}

/// The ways to write a tractogram.
struct Way {
    const char* file;
    bool float16, compress;
    double tolerance_mm;
};
constexpr Way ways[]{{"a.tck", false, false, 0}, {"a.trk", false, false, 3e-5}, {"a.trx", false, false, 0}, {"half.trx", true, false, 0.032}, {"small.trx", false, true, 0},
                     {"both.trx", true, true, 0.032}};

}  // namespace

TEST(Tractogram, ReturnsWhatWasWritten) {
    const std::string folder = fresh_folder();
    const Tractogram t = many(300);
    for (const auto& way : ways) {
        SCOPED_TRACE(way.file);
        auto options = options_for(t);
        options.float16 = way.float16;
        options.compress = way.compress;
        write(folder + way.file, t, options);
        const Tractogram back = io::read_tractogram(folder + way.file);
        EXPECT_EQ(back.offsets, t.offsets);
        ASSERT_EQ(back.positions.size(), t.positions.size());
        for (std::size_t i = 0; i < t.positions.size(); ++i) ASSERT_NEAR(back.positions[i], t.positions[i], way.tolerance_mm);
        const bool tck = std::string(way.file) == "a.tck", trk = std::string(way.file) == "a.trk";
        if (!tck) {
            expect_values(back.per_streamline, t.per_streamline, trk);
            expect_values(back.per_vertex, t.per_vertex, trk);
        }
        const auto info = io::open_tractogram(folder + way.file)->info();
        EXPECT_EQ(info.streamlines, 300);
        if (!trk) {
            EXPECT_EQ(info.properties.at("roi"), t.properties.at("roi"));
            EXPECT_EQ(info.properties.at("total_count"), "0000012345");
        }
        if (!tck) {
            ASSERT_TRUE(info.grid);
            require_same_grid(*info.grid, "a", *options.grid, "b");
        }
        if (!tck && !trk) {
            ASSERT_EQ(info.groups.size(), 2u);
            EXPECT_EQ(info.groups[0].name, "arc");
            EXPECT_EQ(info.groups[0].members, two_groups[0].members);
            EXPECT_EQ(info.groups[0].data.at(0).values.at(0), 0.5);
            EXPECT_TRUE(info.groups[1].members.empty());
            EXPECT_EQ(info.per_streamline, options.per_streamline);
        }
    }
    EXPECT_EQ(files_in(folder), std::size(ways)) << "nothing else is left";
}

TEST(Tractogram, ResumedAtAnyCheckpointItIsTheSameFile) {
    const std::string folder = fresh_folder();
    const Tractogram t = many(200);
    for (const auto& way : ways)
        for (const std::int64_t cut : {0, 1, 99, 200}) {
            SCOPED_TRACE(std::string(way.file) + " cut at " + std::to_string(cut));
            auto options = options_for(t);
            options.float16 = way.float16;
            options.compress = way.compress;
            options.overwrite = true;
            const std::string whole = folder + way.file, cut_path = folder + "cut-" + way.file;
            write(whole, t, options);
            std::string checkpoint;
            {
                const auto writer = io::make_tractogram_writer(cut_path, options);
                append_by(*writer, t, 0, cut, 13);
                checkpoint = writer->checkpoint();
                append_by(*writer, t, cut, std::min<std::int64_t>(cut + 50, 200), 13);  // lost with the run: some of it may be on the disk
            }
            EXPECT_TRUE(std::filesystem::exists(cut_path + ".partial"));
            {
                const auto writer = io::resume_tractogram_writer(cut_path, options, checkpoint);
                EXPECT_EQ(writer->size(), cut);
                append_by(*writer, t, cut, 200, 29);
                EXPECT_EQ(writer->checkpoint() == checkpoint, cut == 200);
                writer->commit(12345, two_groups);
            }
            EXPECT_EQ(bytes_of(cut_path), bytes_of(whole));
            std::filesystem::remove(cut_path);
            EXPECT_EQ(files_in(folder), static_cast<std::size_t>(&way - ways) + 1) << "no partial file is left";
        }
}

TEST(Tractogram, WithoutACheckpointAFailingRunLeavesNothing) {
    const std::string folder = fresh_folder();
    const Tractogram t = many(20);
    for (const auto& way : ways) {
        auto options = options_for(t);
        options.compress = way.compress;
        const auto writer = io::make_tractogram_writer(folder + way.file, options);
        append_by(*writer, t, 0, 20, 7);
    }
    EXPECT_EQ(files_in(folder), 0u);
}

TEST(Tractogram, ResumingNeedsItsFiles) {
    const std::string folder = fresh_folder();
    const Tractogram t = many(20);
    const auto options = options_for(t);
    for (const std::string file : {"a.tck", "a.trk", "a.trx"}) {
        SCOPED_TRACE(file);
        std::string checkpoint;
        {
            const auto writer = io::make_tractogram_writer(folder + file, options);
            append_by(*writer, t, 0, 20, 7);
            checkpoint = writer->checkpoint();
        }
        const auto refusal = [&](const std::string& text) { return error_of<InputError>([&] { io::resume_tractogram_writer(folder + file, options, text); }); };
        EXPECT_THAT(refusal("{}"), HasSubstr("its checkpoint is damaged"));
        EXPECT_THAT(refusal("{\"bytes"), HasSubstr("its checkpoint is damaged"));
        EXPECT_THAT(error_of<OutputError>([&] { io::make_tractogram_writer(folder + file, options); }), HasSubstr("an interrupted run kept it"));
        std::filesystem::resize_file(folder + file + ".partial", 100);
        EXPECT_THAT(refusal(checkpoint), HasSubstr("has 100 bytes and the checkpoint says"));
        std::filesystem::remove(folder + file + ".partial");
        EXPECT_THAT(refusal(checkpoint), HasSubstr("cannot be opened"));
    }
}

TEST(Tractogram, SeedsAreATable) {
    const std::string folder = fresh_folder(), whole = folder + "whole.csv", cut = folder + "cut.csv";
    const DataField id{"seed_id", 1, DataType::int64}, vertex{"seed_vertex", 1, DataType::int32}, point{"seed_point", 3, DataType::float32};
    Tractogram a, b;
    a.append(std::vector<float>{0, 0, 0, 1, 2.5f, -3});
    a.per_streamline = {{vertex, {1}}, {id, {17}}, {point, {1, 2.5, -3}}};
    b.append(std::vector<float>{0.1f, 0, 0});
    b.append(std::vector<float>{4, 5, 6});
    b.per_streamline = {{id, {18, 20000001}}, {vertex, {0, 0}}, {point, {static_cast<double>(0.1f), 0, 0, 4, 5, 6}}};
    {
        const auto writer = io::make_seed_writer(whole, false);
        writer->append(a.view());
        writer->append(b.view());
        EXPECT_EQ(writer->size(), 3);
        EXPECT_THAT(error_of<InputError>([&] { writer->append(TractogramView{a.positions, a.offsets}); }), HasSubstr("came without their seed_id"));
        writer->commit(5);
    }
    EXPECT_EQ(bytes_of(whole), "#Track_index,Seed_index,Pos_x,Pos_y,Pos_z,Seed_id\n0,1,1,2.5,-3,17\n1,0,0.1,0,0,18\n2,0,4,5,6,20000001\n");
    std::string checkpoint;
    {
        const auto writer = io::make_seed_writer(cut, false);
        writer->append(a.view());
        checkpoint = writer->checkpoint();
        writer->append(b.view());  // lost with the run
    }
    EXPECT_FALSE(std::filesystem::exists(cut));
    {
        const auto writer = io::make_seed_writer(cut, false, checkpoint);
        writer->append(b.view());
        writer->commit(5);
    }
    EXPECT_EQ(bytes_of(cut), bytes_of(whole));
    EXPECT_EQ(files_in(folder), 2u);
    EXPECT_THAT(error_of<InputError>([&] { io::make_seed_writer(cut, true, "{}"); }), HasSubstr("its checkpoint is damaged"));
}

TEST(Tractogram, WritersSayWhatTheyCannotWrite) {
    const std::string folder = fresh_folder();
    const Tractogram t = many(5);
    EXPECT_THAT(error_of<InputError>([&] { io::make_tractogram_writer(folder + "a.trx", {}); }), HasSubstr("give a reference image"));
    EXPECT_THAT(error_of<InputError>([&] { io::make_tractogram_writer(folder + "a.trk", {}); }), HasSubstr("give a reference image"));
    auto options = options_for(t);
    options.per_vertex[1].name = "fa.mean";
    EXPECT_THAT(error_of<OutputError>([&] { io::make_tractogram_writer(folder + "a.trx", options); }), HasSubstr("'fa.mean'"));
    options = options_for(t);
    options.per_streamline[0].name = "a name far too long for it";
    EXPECT_THAT(error_of<OutputError>([&] { io::make_tractogram_writer(folder + "a.trk", options); }), HasSubstr("use .trx"));
    options = options_for(t);
    options.per_streamline[0].type = DataType::uint8;
    for (const std::string file : {"a.trx", "a.trk"}) {
        const auto writer = io::make_tractogram_writer(folder + file, options_for(t));
        EXPECT_THAT(error_of<InputError>([&] { writer->append(TractogramView{t.positions, t.offsets}); }), HasSubstr("without the data"));
    }
    {
        const auto writer = io::make_tractogram_writer(folder + "a.trx", options);
        EXPECT_THAT(error_of<InputError>([&] { writer->append(t.view()); }), HasSubstr("stored as uint8, which cannot hold 4000000000"));
    }
    options = {.grid = oblique_grid({4, 5, 6}), .float16 = true};
    {
        Tractogram far;
        far.append(std::vector<float>{1e5f, 0, 0});
        const auto writer = io::make_tractogram_writer(folder + "a.trx", options);
        EXPECT_THAT(error_of<InputError>([&] { writer->append(far.view()); }), HasSubstr("single precision"));
    }
    EXPECT_EQ(files_in(folder), 0u);
}

TEST(Tractogram, NoStreamlinesAreATractogram) {
    const std::string folder = fresh_folder();
    for (const auto& way : ways) {
        SCOPED_TRACE(way.file);
        io::TractogramOptions options{.grid = oblique_grid({4, 5, 6}), .float16 = way.float16, .compress = way.compress};
        io::make_tractogram_writer(folder + way.file, options)->commit(0);
        EXPECT_EQ(io::read_tractogram(folder + way.file).size(), 0);
    }
}

TEST(Tractogram, ReadsFilesOfOthers) {
    if (test_data().empty()) GTEST_SKIP() << "ARCUATE_TEST_DATA is not set";
    const std::string folder = test_data() + "tract_formats/";
    // The .trk and the .trx of colby are the same streamlines, the one in half precision.
    const Tractogram trk = io::read_tractogram(folder + "colby.trk"), trx = io::read_tractogram(folder + "colby.trx");
    EXPECT_EQ(trk.offsets, trx.offsets);
    ASSERT_EQ(trk.positions.size(), trx.positions.size());
    for (std::size_t i = 0; i < trk.positions.size(); ++i) EXPECT_NEAR(trk.positions[i], trx.positions[i], 0.04);
    ASSERT_EQ(trx.per_vertex.size(), 3u);
    EXPECT_EQ(trx.per_vertex[0].name, "effect") << "padded with blanks in the file";
    const Tractogram dpsv = io::read_tractogram(folder + "dpsv.trx");  // deflated; no sentinel, and its header counts 459
    EXPECT_EQ(dpsv.size(), 460);
    EXPECT_EQ(dpsv.positions.size(), 3u * 95865u);
    EXPECT_EQ(dpsv.per_streamline.at(0).name, "DataSetID");
    EXPECT_EQ(dpsv.per_vertex.at(0).values.size(), 95865u);
    EXPECT_EQ(io::read_tractogram(folder + "stroke.trk.gz").size(), 36763);
    EXPECT_THAT(error_of<InputError>([&] { io::open_tractogram(folder + "TR_S_R.tt.gz"); }), HasSubstr("DSI Studio"));
    EXPECT_THAT(error_of<InputError>([&] { io::open_tractogram(folder + "tract.FAT_R.vtk"); }), HasSubstr("it is a .vtk"));
}
