// Tractogram files that are cut short or lie. Each ends in an InputError; none costs memory that the file does not pay for.
#include "arcuate/io/tractogram.hpp"

#include "support.hpp"

#include <zlib.h>

#include <cstring>
#include <limits>
#include <random>

using namespace arcuate;
using namespace arcuate::test;
using testing::AnyOf;
using testing::HasSubstr;

namespace {

Tractogram some() {
    Tractogram t;
    t.per_streamline.resize(1);
    t.per_streamline[0].name = "weight";
    for (int s = 0; s < 12; ++s) {
        std::vector<float> line;
        for (int v = 0; v < 3 * (s + 1); ++v) line.push_back(static_cast<float>(v + s));
        t.append(line);
        t.per_streamline[0].values.push_back(s);
    }
    return t;
}

/// The bytes of `t` as a file.
std::string written(const std::string& path, const Tractogram& t, bool compress = false) {
    const auto writer = io::make_tractogram_writer(path, {.grid = oblique_grid({40, 50, 60}), .per_streamline = {t.per_streamline.begin(), t.per_streamline.end()},
                                                          .compress = compress, .overwrite = true});
    writer->append(t.view());
    writer->commit(t.size(), std::vector<io::StreamlineGroup>{{"few", {1, 2}, {}}});
    return bytes_of(path);
}

std::string refusal(const std::string& path, const std::string& bytes) {
    put(path, bytes);
    return error_of<InputError>([&] { io::read_tractogram(path); });
}

template <class T>
std::string with(std::string bytes, std::size_t at, T value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
    return bytes;
}

template <class T>
std::string as_bytes(T value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
}

// ---- a zip made by hand -----------------------------------------------------------------------------------------------
struct Entry {
    std::string name, bytes;
    std::uint16_t method = 0, flags = 0;
    std::uint32_t claimed_bytes = 0, claimed_stored = 0;  ///< 0: the truth
    std::string content{};                                ///< what a deflated entry's checksum is of
};

std::string zip(const std::vector<Entry>& entries, std::uint32_t directory_shift = 0) {
    std::string file, directory;
    for (const auto& e : entries) {
        const auto stored = e.claimed_stored ? e.claimed_stored : static_cast<std::uint32_t>(e.bytes.size());
        const std::string& content = e.method == 8 ? e.content : e.bytes;
        const auto size = e.claimed_bytes ? e.claimed_bytes : static_cast<std::uint32_t>(content.size());
        const auto crc = static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const unsigned char*>(content.data()), static_cast<unsigned>(content.size())));
        const std::string common = as_bytes(std::uint16_t{20}) + as_bytes(e.flags) + as_bytes(e.method) + as_bytes(std::uint32_t{0}) + as_bytes(crc) + as_bytes(stored) +
                                   as_bytes(size) + as_bytes(static_cast<std::uint16_t>(e.name.size())) + as_bytes(std::uint16_t{0});
        directory += as_bytes(std::uint32_t{0x02014b50}) + as_bytes(std::uint16_t{20}) + common + std::string(10, '\0') + as_bytes(static_cast<std::uint32_t>(file.size())) + e.name;
        file += as_bytes(std::uint32_t{0x04034b50}) + common + e.name + e.bytes;
    }
    const auto n = static_cast<std::uint16_t>(entries.size());
    return file + directory + as_bytes(std::uint32_t{0x06054b50}) + as_bytes(std::uint32_t{0}) + as_bytes(n) + as_bytes(n) +
           as_bytes(static_cast<std::uint32_t>(directory.size())) + as_bytes(static_cast<std::uint32_t>(file.size()) + directory_shift) + as_bytes(std::uint16_t{0});
}

std::string header_json(const std::string& streamlines, const std::string& vertices) {
    return R"({"DIMENSIONS": [4, 5, 6], "VOXEL_TO_RASMM": [[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]], "NB_VERTICES": )" + vertices + R"(, "NB_STREAMLINES": )" + streamlines + "}";
}

template <class T>
std::string array(std::initializer_list<T> values) {
    std::string bytes;
    for (const T value : values) bytes += as_bytes(value);
    return bytes;
}

std::vector<Entry> two_streamlines() {
    return {{"header.json", header_json("2", "3")},
            {"positions.3.float32", array<float>({1, 2, 3, 4, 5, 6, 7, 8, 9})},
            {"offsets.uint32", array<std::uint32_t>({0, 1, 3})},
            {"dps/w.float32", array<float>({1, 2})},
            {"groups/a.uint32", array<std::uint32_t>({1})}};
}

std::string refused_zip(const std::vector<Entry>& entries) { return refusal(fresh_folder() + "hostile.trx", zip(entries)); }

std::string refused_change(std::size_t entry, const std::string& name, const std::string& bytes) {
    auto entries = two_streamlines();
    entries[entry].name = name;
    entries[entry].bytes = bytes;
    return refused_zip(entries);
}

std::string deflated(const std::string& bytes) {
    std::string out(bytes.size() + 1000, '\0');
    z_stream z{};
    deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY);
    z.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
    z.avail_in = static_cast<unsigned>(bytes.size());
    z.next_out = reinterpret_cast<unsigned char*>(out.data());
    z.avail_out = static_cast<unsigned>(out.size());
    deflate(&z, Z_FINISH);
    out.resize(z.total_out);
    deflateEnd(&z);
    return out;
}

}  // namespace

TEST(HostileTractogram, CutShortAnywhere) {
    const std::string folder = fresh_folder();
    for (const std::string file : {"a.tck", "a.trk", "a.trx", "small.trx"}) {
        const std::string good = written(folder + file, some(), file == "small.trx");
        EXPECT_EQ(refusal(folder + file, good), "");
        for (std::size_t n = 0; n < good.size(); ++n) ASSERT_NE(refusal(folder + file, good.substr(0, n)), "") << file << " cut to " << n << " of " << good.size();
    }
}

TEST(HostileTractogram, AnyByteMayBeWrong) {
    // Whatever a changed byte does, it is read or refused by an InputError: no crash, no other exception.
    const std::string folder = fresh_folder();
    std::mt19937 random(3);
    for (const std::string file : {"a.tck", "a.trk", "a.trx", "small.trx"}) {
        const std::string good = written(folder + file, some(), file == "small.trx");
        for (int i = 0; i < 1500; ++i) {
            std::string bad = good;
            // Half of them among the first and last 300 bytes, where headers and directories are.
            const auto at = i % 2 ? random() % bad.size() : (random() % 2 ? random() % 300 : bad.size() - 1 - random() % 300);
            bad[at] = static_cast<char>(random());
            refusal(folder + file, bad);
        }
    }
}

TEST(HostileTractogram, TrkHeaders) {
    const std::string path = fresh_folder() + "a.trk";
    const std::string good = written(path, some());
    EXPECT_THAT(refusal(path, with(good, 988, std::int32_t{0x7fffffff})), HasSubstr("counts 2147483647 streamlines, which it cannot hold"));
    EXPECT_THAT(refusal(path, with(good, 988, std::int32_t{-1})), HasSubstr("counts -1"));
    EXPECT_THAT(refusal(path, with(good, 988, std::int32_t{11})), HasSubstr("there is more behind them"));
    EXPECT_THAT(refusal(path, with(good, 988, std::int32_t{13})), HasSubstr("truncated"));
    EXPECT_EQ(refusal(path, with(good, 988, std::int32_t{0})), "") << "not counted: to the end of the file";
    EXPECT_THAT(refusal(path, with(good, 992, std::int32_t{7})), HasSubstr("version 7"));
    EXPECT_THAT(refusal(path, with(good, 996, std::int32_t{999})), HasSubstr("its own size"));
    EXPECT_THAT(refusal(path, with(good, 12, 0.0f)), HasSubstr("voxel size is 0"));
    EXPECT_THAT(refusal(path, with(good, 948, std::uint32_t{0x00515151})), HasSubstr("voxel_order 'QQQ'"));
    EXPECT_THAT(refusal(path, with(good, 238, std::int16_t{-3})), HasSubstr("counts -3 columns"));
    EXPECT_THAT(refusal(path, with(good, 440, std::numeric_limits<float>::quiet_NaN())), HasSubstr("vox_to_ras is not finite"));
    std::string flat = good;
    for (const std::size_t at : {440, 444, 448}) flat = with(flat, at, 0.0f);
    EXPECT_THAT(refusal(path, flat), HasSubstr("vox_to_ras is singular"));
    EXPECT_THAT(refusal(path, with(good, 1000, std::int32_t{0x7fffffff})), HasSubstr("truncated")) << "a streamline of 24 GB";
    EXPECT_THAT(refusal(path, with(good, 1000, std::int32_t{-2})), HasSubstr("would have -2 vertices"));
    EXPECT_THAT(refusal(path, with(good, 1004, std::numeric_limits<float>::infinity())), HasSubstr("not finite"));
}

TEST(HostileTractogram, ByHandItIsATrx) {
    const std::string path = fresh_folder() + "good.trx";
    put(path, zip(two_streamlines()));
    const Tractogram t = io::read_tractogram(path);
    EXPECT_EQ(t.size(), 2);
    EXPECT_EQ(t.positions[8], 9);
    EXPECT_EQ(t.per_streamline[0].values[1], 2);
}

TEST(HostileTractogram, TrxArrays) {
    EXPECT_THAT(refused_change(0, "header.json", header_json("2", "4")), HasSubstr("has 3 rows instead of 4"));
    EXPECT_THAT(refused_change(0, "header.json", header_json("5", "3")), HasSubstr("rows instead of"));
    EXPECT_THAT(refused_change(0, "header.json", header_json("-2", "3")), HasSubstr("NB_STREAMLINES of its header.json is -2"));
    EXPECT_THAT(refused_change(0, "header.json", header_json("1e300", "3")), HasSubstr("NB_STREAMLINES"));
    EXPECT_THAT(refused_change(0, "header.json", header_json("2", "18446744073709551615")), HasSubstr("NB_VERTICES"));
    EXPECT_THAT(refused_change(0, "header.json", "{\"NB_STREAMLINES\": 2"), HasSubstr("cannot be read"));
    EXPECT_THAT(refused_change(0, "header.json", "[1]"), HasSubstr("cannot be read"));
    EXPECT_THAT(refused_change(0, "other.json", "{}"), HasSubstr("it has no header.json"));
    EXPECT_THAT(refused_change(1, "position.3.float32", ""), HasSubstr("it has no positions"));
    EXPECT_THAT(refused_change(1, "positions.2.float32", array<float>({1, 2, 3, 4, 5, 6})), HasSubstr("is not (n, 3)"));
    EXPECT_THAT(refused_change(1, "positions.3.int32", std::string(36, '\0')), HasSubstr("is not (n, 3)"));
    EXPECT_THAT(refused_change(1, "positions.3.float32", std::string(35, '\0')), HasSubstr("no whole rows"));
    EXPECT_THAT(refused_change(1, "positions.3.float32", array<float>({1, 2, 3, 4, std::numeric_limits<float>::quiet_NaN(), 6, 7, 8, 9})), HasSubstr("not finite"));
    EXPECT_THAT(refused_change(1, "positions.3.float16", array<std::uint16_t>({0, 0, 0, 0, 0x7c00, 0, 0, 0, 0})), HasSubstr("not finite"));
    EXPECT_THAT(refused_change(2, "offsets.uint32", array<std::uint32_t>({0, 4, 3})), HasSubstr("its streamline 0 would have vertices 0 to 4 of 3"));
    EXPECT_THAT(refused_change(2, "offsets.uint32", array<std::uint32_t>({1, 2, 3})), HasSubstr("would begin at vertex 1"));
    EXPECT_THAT(refused_change(2, "offsets.uint64", array<std::uint64_t>({0, 0xffffffffffffffffu, 3})), HasSubstr("its streamline 0"));
    EXPECT_THAT(refused_change(2, "offsets.uint32", array<std::uint32_t>({0, 1, 2, 3})), HasSubstr("rows instead of"));
    EXPECT_EQ(refused_change(2, "offsets.uint32", array<std::uint32_t>({0, 1})), "") << "the older form, without a sentinel";
    EXPECT_THAT(refused_change(3, "dps/w.float32", array<float>({1, 2, 3})), HasSubstr("has 3 rows instead of 2"));
    EXPECT_THAT(refused_change(3, "dps/w.3.float32", array<float>({1, 2, 3})), HasSubstr("has 1 rows instead of 2"));
    EXPECT_THAT(refused_change(4, "groups/a.uint32", array<std::uint32_t>({2})), HasSubstr("its group a has a streamline 2 of 2"));
    EXPECT_THAT(refused_change(4, "dpg/b/x.float32", array<float>({2})), HasSubstr("data of a group b that there is not"));
    EXPECT_EQ(refused_change(4, "../../etc/x.float32", array<float>({2})), "") << "a name is only a name: nothing is extracted";
}

TEST(HostileTractogram, ForgedZips) {
    const std::string folder = fresh_folder();
    auto entries = two_streamlines();
    entries[1].claimed_stored = entries[1].claimed_bytes = 0xfffffff0;
    EXPECT_THAT(refused_zip(entries), HasSubstr("does not fit into the file"));
    entries = two_streamlines();
    entries[1].claimed_bytes = 0xfffffff0;
    EXPECT_THAT(refused_zip(entries), HasSubstr("says that 36 bytes hold 4294967280"));
    entries = two_streamlines();
    entries[1] = {"positions.3.float32", deflated(entries[1].bytes), 8, 0, 0xfffffff0, 0, entries[1].bytes};
    EXPECT_THAT(refused_zip(entries), HasSubstr("bytes hold 4294967280")) << "more than deflate can";
    entries = two_streamlines();
    entries[1] = {"positions.3.float32", deflated(entries[1].bytes), 8, 0, 0, 0, entries[1].bytes};
    EXPECT_EQ(refused_zip(entries), "");
    entries[1].content[0] = 'x';
    EXPECT_THAT(refused_zip(entries), HasSubstr("another checksum"));
    entries[1].claimed_bytes = 72;
    entries[0].bytes = header_json("2", "6");
    entries[2].bytes = array<std::uint32_t>({0, 1, 6});
    EXPECT_THAT(refused_zip(entries), HasSubstr("is not what was compressed")) << "it ends before the claimed size";
    entries = two_streamlines();
    entries[1].bytes[5] = static_cast<char>(entries[1].bytes[5] + 1);
    std::string bytes = zip(two_streamlines());
    bytes[bytes.find("positions.3.float32") + 19 + 5] ^= 1;
    EXPECT_THAT(refusal(folder + "a.trx", bytes), HasSubstr("another checksum"));
    entries = two_streamlines();
    entries[1].flags = 1;
    EXPECT_THAT(refused_zip(entries), HasSubstr("encrypted"));
    entries = two_streamlines();
    entries[1].method = 14;
    EXPECT_THAT(refused_zip(entries), HasSubstr("compressed by method 14"));
    entries = two_streamlines();
    entries.push_back(entries[1]);
    EXPECT_THAT(refused_zip(entries), HasSubstr("two entries positions"));
    EXPECT_THAT(refusal(folder + "a.trx", zip(two_streamlines(), 5)), AnyOf(HasSubstr("does not fit"), HasSubstr("not one")));
    bytes = zip(two_streamlines());
    EXPECT_THAT(refusal(folder + "a.trx", with(bytes, bytes.size() - 12, std::uint16_t{60000})), HasSubstr("its directory of 60000 entries"));
    EXPECT_THAT(refusal(folder + "a.trx", with(bytes, bytes.size() - 6, std::uint32_t{0xffffffff})), HasSubstr("its directory has no place"));
}
