// Headers that lie. Each must end in an InputError before memory is asked for.
#include "arcuate/io/nifti.hpp"

#include "hand_made_nifti.hpp"
#include "support.hpp"

#include <zlib.h>

#include <limits>

using namespace arcuate;
using namespace arcuate::test;
using testing::HasSubstr;

namespace {

std::string refusal(const HandMadeNifti& made, const std::string& name = "hostile.nii") {
    const std::string path = fresh_folder() + name;
    put(path, made.file<std::int16_t>({1, 2}));
    return error_of<InputError>([&] { io::read_image(path); });
}

void put_gzipped(const std::string& path, const std::string& bytes) {
    gzFile file = gzopen(path.c_str(), "wb");
    gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
    gzclose(file);
}

}  // namespace

TEST(HostileNifti, MissingOrSomethingElse) {
    const std::string folder = fresh_folder();
    EXPECT_THAT(error_of<InputError>([&] { io::read_image(folder + "none.nii"); }), HasSubstr("cannot open"));
    EXPECT_THAT(error_of<InputError>([&] { io::read_image(folder); }), HasSubstr("it is a folder"));
    put(folder + "text.nii", std::string(1000, 'x'));
    EXPECT_THAT(error_of<InputError>([&] { io::read_image(folder + "text.nii"); }), HasSubstr("is not a NIfTI image"));
    put(folder + "empty.nii", "");
    EXPECT_THAT(error_of<InputError>([&] { io::read_image(folder + "empty.nii"); }), HasSubstr("is not a NIfTI image"));
    put(folder + "short.nii", HandMadeNifti().header().substr(0, 200));
    EXPECT_THAT(error_of<InputError>([&] { io::read_image(folder + "short.nii"); }), HasSubstr("is not a NIfTI image"));
}

TEST(HostileNifti, NothingIsPrinted) {
    const std::string path = fresh_folder() + "text.nii";
    put(path, std::string(1000, 'x'));
    testing::internal::CaptureStderr();
    EXPECT_NE(error_of<InputError>([&] { io::read_image(path); }), "");
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(HostileNifti, Dimensions) {
    HandMadeNifti made;
    for (const std::int16_t n : {std::int16_t{-5}, std::int16_t{0}, std::numeric_limits<std::int16_t>::min()}) {
        made.dim[2] = n;
        EXPECT_THAT(refusal(made), HasSubstr("dimension 2 is"));
    }
    made = {};
    made.dim = {7, 32767, 32767, 32767, 32767, 32767, 1, 1};  // 3.8e22 voxels: more than 64 bits can count
    EXPECT_THAT(refusal(made), HasSubstr("do not fit into the"));
    made = {};
    made.dim = {4, 2, 1, 1, 9, 1, 1, 1};
    EXPECT_THAT(refusal(made), HasSubstr("2x1x1x9 voxels of 2 bytes do not fit into the 356 bytes"));
    made = {};
    made.dim = {2, 2, 1, 1, 1, 1, 1, 1};
    EXPECT_THAT(refusal(made), HasSubstr("has 2 dimensions"));
    made.dim = {6, 1, 1, 1, 1, 1, 2, 1};
    EXPECT_THAT(refusal(made), HasSubstr("3 to 5 are read"));
    made.dim[0] = 9;  // neither byte order makes sense of it
    EXPECT_NE(refusal(made), "");
}

TEST(HostileNifti, HugeNifti2Dimensions) {
    std::string h(544, '\0');
    const auto at = [&](std::size_t where, const std::string& bytes) { h.replace(where, bytes.size(), bytes); };
    at(0, as_bytes<std::int32_t>(540, false));
    at(4, std::string("n+2\0\r\n\032\n", 8));
    at(12, as_bytes<std::int16_t>(4, false));
    for (const std::int64_t n : {std::int64_t{1} << 62, std::numeric_limits<std::int64_t>::max(), std::int64_t{-1}}) {
        for (std::size_t i = 0; i < 8; ++i) at(16 + 8 * i, as_bytes<std::int64_t>(i == 0 ? 3 : n, false));
        const std::string path = fresh_folder() + "huge.nii";
        put(path, h);
        EXPECT_NE(error_of<InputError>([&] { io::read_image(path); }), "") << n;
    }
}

TEST(HostileNifti, PlaceInTheScanner) {
    HandMadeNifti made;
    made.rows[5] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_THAT(refusal(made), HasSubstr("its sform holds a value that is not a number"));
    made = {};
    made.rows[3] = std::numeric_limits<float>::infinity();
    EXPECT_THAT(refusal(made), HasSubstr("is not a number"));
    made = {};
    made.rows = {1, 2, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0};
    EXPECT_THAT(refusal(made), HasSubstr("is singular"));
    made = {};
    made.sform_code = 0;
    made.qform_code = 1;
    made.quaternion[0] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_THAT(refusal(made), HasSubstr("its qform holds a value that is not a number"));
    made.quaternion[0] = 0;
    made.pixdim[2] = 0;
    EXPECT_THAT(refusal(made), HasSubstr("its qform has a voxel size that is not above zero"));
    made.qform_code = 0;
    EXPECT_THAT(refusal(made), HasSubstr("its matrix of voxel sizes is singular"));
}

TEST(HostileNifti, OffsetTypeAndScaling) {
    HandMadeNifti made;
    for (const float offset : {-1.0f, 100.0f, 352.5f, 1e30f, std::numeric_limits<float>::quiet_NaN()}) {
        std::string bytes = HandMadeNifti().file<std::int16_t>({1, 2});
        bytes.replace(108, 4, as_bytes(offset, false));
        const std::string path = fresh_folder() + "offset.nii";
        put(path, bytes);
        EXPECT_THAT(error_of<InputError>([&] { io::read_image(path); }), HasSubstr("its voxels would start at an impossible byte")) << offset;
    }
    for (const std::int16_t type : {32, 128, 1792, 2304, 1536, 1, 77}) {
        made = {};
        made.datatype = type;
        EXPECT_THAT(refusal(made), HasSubstr("has voxels that cannot be read")) << type;
    }
    made = {};
    made.slope = 2;
    made.inter = std::numeric_limits<float>::infinity();
    EXPECT_THAT(refusal(made), HasSubstr("scl_inter is not a number"));
}

TEST(HostileNifti, TruncatedFiles) {
    const std::string folder = fresh_folder();
    HandMadeNifti made;
    made.dim = {3, 50, 40, 30, 1, 1, 1, 1};
    std::vector<std::int16_t> values(60000);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int16_t>(i * 40503u >> 3);
    const std::string whole = made.file(values);
    put(folder + "whole.nii", whole);
    EXPECT_EQ(io::read_image(folder + "whole.nii").data.size(), 60000u);
    put(folder + "cut.nii", whole.substr(0, whole.size() - 1));
    EXPECT_THAT(error_of<InputError>([&] { io::read_image(folder + "cut.nii"); }), HasSubstr("is truncated"));

    // Compressed: cut inside the data, inside the checksum, a flipped bit, and a whole gzip of a cut image.
    put_gzipped(folder + "whole.nii.gz", whole);
    const std::string gz = bytes_of(folder + "whole.nii.gz");
    EXPECT_EQ(io::read_image(folder + "whole.nii.gz").data.size(), 60000u);
    for (const std::size_t left : {gz.size() / 2, gz.size() - 3, std::size_t{400}}) {
        put(folder + "cut.nii.gz", gz.substr(0, left));
        EXPECT_NE(error_of<InputError>([&] { io::read_image(folder + "cut.nii.gz"); }), "") << left << " of " << gz.size();
    }
    std::string flipped = gz;
    flipped[gz.size() / 2] = static_cast<char>(flipped[gz.size() / 2] ^ 4);
    put(folder + "flipped.nii.gz", flipped);
    EXPECT_NE(error_of<InputError>([&] { io::read_image(folder + "flipped.nii.gz"); }), "");
    put_gzipped(folder + "inner.nii.gz", whole.substr(0, whole.size() - 5000));
    EXPECT_THAT(error_of<InputError>([&] { io::read_image(folder + "inner.nii.gz"); }), HasSubstr("is truncated"));

    // 600 bytes of gzip cannot hold 6e8 voxels; the answer must come before 2.4 GB are asked for.
    made.dim = {3, 1000, 1000, 600, 1, 1, 1, 1};
    put_gzipped(folder + "bomb.nii.gz", made.header());
    EXPECT_THAT(error_of<InputError>([&] { io::read_image(folder + "bomb.nii.gz"); }), HasSubstr("do not fit into the"));
}

TEST(HostileNifti, SeveralGzipMembers) {
    // Larger than the reader's input of 256 KiB; cut into members at awkward places, one of them empty; what follows the last is ignored.
    const std::string folder = fresh_folder();
    HandMadeNifti made;
    made.dim = {3, 100, 80, 50, 1, 1, 1, 1};
    std::vector<std::int16_t> values(400000);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int16_t>(i * 2654435761u >> 13);
    const std::string whole = made.file(values);
    const auto member = [&](const std::string& bytes) {
        put_gzipped(folder + "member.gz", bytes);
        return bytes_of(folder + "member.gz");
    };
    std::string gz;
    std::size_t begin = 0;
    for (const std::size_t end : {std::size_t{0}, std::size_t{1}, std::size_t{351}, std::size_t{353}, std::size_t{300000}, whole.size()}) {
        gz += member(whole.substr(begin, end - begin));
        begin = end;
    }
    ASSERT_GT(gz.size(), 2u << 18);
    const auto expect_values = [&](const std::string& file) {
        put(folder + "members.nii.gz", file);
        const ScalarImage image = io::read_image(folder + "members.nii.gz");
        ASSERT_EQ(image.data.size(), values.size());
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < values.size(); ++i) wrong += image.data[i] != static_cast<float>(values[i]);
        EXPECT_EQ(wrong, 0u);
    };
    expect_values(gz);
    expect_values(gz + "bytes that are nobody's");
    expect_values(gz + '\x1f');

    // The two bytes that begin a member, on both sides of the end of the input at hand.
    for (std::size_t more = 0; more < 4; ++more) {
        // A name in the first member's header makes it end where we want it.
        std::string first = member(whole.substr(0, 200000));
        const std::size_t target = (1u << 18) - 1 - more;
        ASSERT_LT(first.size() + 1, target);
        first[3] = '\x08';
        first.insert(10, std::string(target - first.size() - 1, 'n') + '\0');
        ASSERT_EQ(first.size(), target);
        expect_values(first + member(whole.substr(200000)));
    }

    put(folder + "cut.nii.gz", gz.substr(0, gz.size() - 4));
    EXPECT_THAT(error_of<InputError>([&] { io::read_series(folder + "cut.nii.gz"); }), HasSubstr("is truncated"));
    put(folder + "few.nii.gz", member(whole.substr(0, 300000)));
    EXPECT_THAT(error_of<InputError>([&] { io::read_series(folder + "few.nii.gz"); }), HasSubstr("is truncated"));
    std::string checksum = gz;
    checksum[gz.size() - 5] = static_cast<char>(checksum[gz.size() - 5] ^ 1);
    put(folder + "sum.nii.gz", checksum);
    EXPECT_THAT(error_of<InputError>([&] { io::read_series(folder + "sum.nii.gz"); }), HasSubstr("its checksum does not match"));
}

TEST(HostileNifti, NoDamageGoesUnnoticed) {
    // Every byte of a small gzip turned around, and every length: an error or the right values, never others.
    const std::string folder = fresh_folder();
    const std::string path = folder + "damaged.nii.gz";
    put_gzipped(path, HandMadeNifti().file<std::int16_t>({1234, -77}));
    const std::string gz = bytes_of(path);
    const auto expect_right_or_refused = [&](const std::string& bytes) {
        put(path, bytes);
        std::vector<float> values;
        const std::string error = error_of<InputError>([&] { values = io::read_image(path).data; });
        EXPECT_TRUE(!error.empty() || values == (std::vector<float>{1234, -77}));
    };
    for (std::size_t i = 0; i < gz.size(); ++i) {
        std::string bytes = gz;
        bytes[i] = static_cast<char>(~bytes[i]);
        expect_right_or_refused(bytes);
        expect_right_or_refused(gz.substr(0, i));
    }
}

TEST(HostileNifti, NoDamageOfABlockGoesUnnoticed) {
    // Three blocks. An index that does not fit the file is none, and the file is read as any other; a block that differs is an error.
    const std::string folder = fresh_folder(), path = folder + "blocks.nii.gz";
    ScalarImage image(oblique_grid({300, 256, 1}), 1);
    for (std::size_t i = 0; i < image.data.size(); ++i) image.data[i] = static_cast<float>(i * 2654435761u >> 20);
    io::write_image(path, image, false);
    const std::string gz = bytes_of(path);
    ASSERT_EQ(gz.substr(12, 2), "Ar");
    const auto expect_right_or_refused = [&](const std::string& bytes, bool refused) {
        put(path, bytes);
        std::vector<float> values;
        const std::string error = error_of<InputError>([&] { values = io::read_image(path).data; });
        EXPECT_TRUE(refused ? !error.empty() : !error.empty() || values == image.data) << error;
    };
    for (std::size_t i = 0; i < 60; ++i)
        for (const int change : {1, 4, 0x80, 0xff}) {
            std::string bytes = gz;
            bytes[i] = static_cast<char>(bytes[i] ^ change);
            expect_right_or_refused(bytes, false);
        }
    for (std::size_t i = 32; i < gz.size(); i += i + 40 < gz.size() ? 997 : 1) {
        std::string bytes = gz;
        bytes[i] = static_cast<char>(bytes[i] ^ 0x10);
        expect_right_or_refused(bytes, true);
        expect_right_or_refused(gz.substr(0, i), true);
    }
    // Blocks in another order, index and all: each inflates, and their checksum is another one.
    const auto size_at = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(gz[i])) | static_cast<std::size_t>(static_cast<unsigned char>(gz[i + 1])) << 8 | static_cast<std::size_t>(static_cast<unsigned char>(gz[i + 2])) << 16; };
    const std::size_t first = size_at(20), second = size_at(24);
    expect_right_or_refused(gz.substr(0, 20) + gz.substr(24, 4) + gz.substr(20, 4) + gz.substr(28, 4) + gz.substr(32 + first, second) + gz.substr(32, first) + gz.substr(32 + first + second), true);
    expect_right_or_refused(gz + "bytes that are nobody's", false);
    put(path, gz + "bytes that are nobody's");
    EXPECT_EQ(io::read_image(path).data, image.data);
}
