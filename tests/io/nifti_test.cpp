#include "arcuate/io/nifti.hpp"

#include "arcuate/core/provenance.hpp"
#include "arcuate/io/threads.hpp"

#include "hand_made_nifti.hpp"
#include "support.hpp"

#include <zlib.h>

#include <cmath>
#include <limits>

using namespace arcuate;
using namespace arcuate::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

ScalarImage ramp(const Grid& grid, std::int64_t volumes) {
    ScalarImage image(grid, volumes);
    for (std::size_t i = 0; i < image.data.size(); ++i) image.data[i] = 0.25f * static_cast<float>(i) - 7.0f;
    return image;
}

/// The header stores the affine in float32.
void expect_near(const Affine& a, const Affine& b) {
    for (int r = 0; r < 3; ++r) {
        for (int c = 0; c < 3; ++c) EXPECT_NEAR(a.linear[r][c], b.linear[r][c], 1e-6);
        EXPECT_NEAR(a.offset[r], b.offset[r], 1e-5);
    }
}

}  // namespace

TEST(Nifti, ReturnsWhatWasWrittenOnAwkwardShapes) {
    const std::string folder = fresh_folder();
    for (const auto& size : {std::array<std::int64_t, 3>{1, 1, 1}, {5, 3, 2}, {1, 7, 1}})
        for (const std::int64_t volumes : {1, 3})
            for (const std::string extension : {".nii", ".nii.gz"}) {
                ScalarImage image = ramp(oblique_grid(size), volumes);
                image.data[0] = std::numeric_limits<float>::quiet_NaN();
                const std::string path = folder + "image" + extension;
                io::write_image(path, image, true);
                const ScalarImage back = io::read_image(path);
                EXPECT_EQ(back.grid.size, size);
                EXPECT_EQ(back.volumes, volumes);
                EXPECT_EQ(0, std::memcmp(back.data.data(), image.data.data(), image.data.size() * sizeof(float)));
                expect_near(back.grid.voxel_to_world, image.grid.voxel_to_world);
            }
}

namespace {

/// The contents of a gzip file by zlib, which knows nothing of blocks.
std::string unpacked(const std::string& path) {
    std::string out, piece(1 << 20, '\0');
    const gzFile file = gzopen(path.c_str(), "rb");
    for (int n; (n = gzread(file, piece.data(), static_cast<unsigned>(piece.size()))) > 0;) out.append(piece, 0, static_cast<std::size_t>(n));
    EXPECT_EQ(gzclose(file), Z_OK) << path;
    return out;
}

struct ThreadsOfIo {
    ~ThreadsOfIo() { io::set_threads(0); }
};

}  // namespace

TEST(Nifti, CompressesBlocksThatEveryReaderTakes) {
    // Blocks of 128 KiB, header included: one; two to the last byte, a little less and a little more; 25. The gzip is one member.
    const std::string folder = fresh_folder(), path = folder + "a.nii.gz";
    const ThreadsOfIo restored;
    for (const auto& size : {std::array<std::int64_t, 3>{1, 1, 1}, {8181, 8, 1}, {8180, 8, 1}, {8182, 8, 1}, {80, 100, 100}}) {
        const ScalarImage image = ramp(oblique_grid(size), 1);
        std::string sum;
        for (const int threads : {1, 2, 3, 0}) {
            io::set_threads(threads);
            io::write_image(path, image, true);
            if (sum.empty()) sum = sha256_of_file(path);
            EXPECT_EQ(sha256_of_file(path), sum) << threads << " threads";
            EXPECT_EQ(io::read_image(path).data, image.data);
        }
        const std::string all = unpacked(path);
        ASSERT_EQ(all.size(), 352 + image.data.size() * sizeof(float));
        EXPECT_EQ(0, std::memcmp(all.data() + 352, image.data.data(), all.size() - 352));
        Mask mask(image.grid, 1);  // read in pieces that end inside blocks
        for (std::size_t i = 0; i < mask.data.size(); ++i) mask.data[i] = (i * 2654435761u >> 16) & 1;
        io::write_mask(path, mask, true);
        EXPECT_EQ(io::read_mask(path).data, mask.data);
        if (has_program("gzip")) {
            EXPECT_TRUE(run("gzip -t " + path).ok);
        }
    }
    EXPECT_EQ(files_in(folder), 1u);
}

TEST(Nifti, WritesNoiseThatNothingCompresses) {
    const std::string folder = fresh_folder();
    ScalarImage image = ramp(oblique_grid({80, 80, 100}), 1);
    std::uint64_t state = 1;
    for (float& value : image.data) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const auto bits = static_cast<std::uint32_t>(state >> 32);
        std::memcpy(&value, &bits, sizeof value);
    }
    io::write_image(folder + "a.nii.gz", image, false);
    const ScalarImage back = io::read_image(folder + "a.nii.gz");
    EXPECT_EQ(0, std::memcmp(back.data.data(), image.data.data(), image.data.size() * sizeof(float)));
    if (has_program("gzip")) {
        EXPECT_TRUE(run("gzip -t " + folder + "a.nii.gz").ok);
    }
}

TEST(Nifti, WritesTheSameBytesTwice) {
    const std::string folder = fresh_folder();
    for (const std::string extension : {".nii", ".nii.gz"}) {
        io::write_image(folder + "a" + extension, ramp(oblique_grid({4, 3, 2}), 2), false);
        io::write_image(folder + "b" + extension, ramp(oblique_grid({4, 3, 2}), 2), false);
        EXPECT_EQ(sha256_of_file(folder + "a" + extension), sha256_of_file(folder + "b" + extension));
    }
}

TEST(Nifti, KeepsMasksAndLabelsExact) {
    const std::string folder = fresh_folder();
    Mask mask(oblique_grid({3, 2, 1}), 1);
    mask.data = {0, 1, 0, 1, 1, 0};
    io::write_mask(folder + "m.nii.gz", mask, false);
    EXPECT_EQ(io::read_mask(folder + "m.nii.gz").data, mask.data);

    LabelImage labels(oblique_grid({3, 1, 1}), 1);
    labels.data = {0, 16777217, 2147483647};  // float32 would make 16777216 of the second
    io::write_labels(folder + "l.nii", labels, false);
    EXPECT_EQ(io::read_labels(folder + "l.nii").data, labels.data);
}

TEST(Nifti, ReadsParcellationsOfOneVolumeOrOfShares) {
    const std::string folder = fresh_folder();
    LabelImage labels(oblique_grid({3, 1, 1}), 1);
    labels.data = {0, 7, 3};
    io::write_labels(folder + "l.nii", labels, false);
    const auto hard = io::read_parcellation(folder + "l.nii");
    EXPECT_FALSE(hard.is_soft());
    EXPECT_EQ(hard.nodes.size(), 2u);

    ScalarImage shares(oblique_grid({3, 1, 1}), 2);
    shares.data = {0.5f, 0, 0.25f, 0.5f, 0, 0};
    io::write_image(folder + "s.nii.gz", shares, false);
    const auto soft = io::read_parcellation(folder + "s.nii.gz");
    EXPECT_EQ(soft.offsets, (std::vector<std::uint64_t>{0, 2, 2, 3}));
    EXPECT_EQ(soft.labels.data, (std::vector<std::int32_t>{1, 0, 1})) << "of equal shares the lower label";
    EXPECT_TRUE(same_grid(soft.labels.grid, shares.grid));
    shares.data[4] = NAN;
    io::write_image(folder + "n.nii", shares, false);
    EXPECT_THAT(error_of<InputError>([&] { io::read_parcellation(folder + "n.nii"); }), HasSubstr("n.nii holds nan at voxel (1, 0, 0) of volume 2"));
}

TEST(Nifti, WritesNifti2WhereADimensionNeedsIt) {
    const std::string path = fresh_folder() + "long.nii.gz";
    const ScalarImage image = ramp(oblique_grid({40000, 1, 1}), 1);
    io::write_image(path, image, false);
    const ScalarImage back = io::read_image(path);
    EXPECT_EQ(back.data, image.data);
    EXPECT_EQ(back.grid.voxel_to_world, image.grid.voxel_to_world) << "NIfTI-2 holds the affine in double";
}

void expect_same(const Series& series, const ScalarImage& image) {
    ASSERT_EQ(series.grid.size, image.grid.size);
    ASSERT_EQ(series.volumes, image.volumes);
    for (std::int64_t k = 0; k < image.volumes; ++k)
        for (std::int64_t v = 0; v < image.grid.voxels(); ++v) EXPECT_EQ(series.at(v, k), image.at(v, k)) << "voxel " << v << ", volume " << k;
}

template <class T>
void expect_reads(std::int16_t datatype, const std::vector<T>& values) {
    const std::string path = fresh_folder() + "typed.nii";
    for (const bool big : {false, true}) {
        HandMadeNifti made;
        made.big = big;
        made.datatype = datatype;
        made.bitpix = static_cast<std::int16_t>(8 * sizeof(T));
        made.dim[1] = static_cast<std::int16_t>(values.size());
        put(path, made.file(values));
        const ScalarImage image = io::read_image(path);
        ASSERT_EQ(image.data.size(), values.size());
        for (std::size_t i = 0; i < values.size(); ++i)
            EXPECT_EQ(image.data[i], static_cast<float>(values[i])) << "datatype " << datatype << (big ? ", big-endian" : ", little-endian");
        expect_same(io::read_series(path), image);
        made.slope = 0.37f, made.inter = -11.5f;
        put(path, made.file(values));
        expect_same(io::read_series(path), io::read_image(path));
    }
}

TEST(Nifti, ReadsEveryIntegerAndFloatTypeInBothByteOrders) {
    expect_reads<std::uint8_t>(2, {0, 1, 255});
    expect_reads<std::int16_t>(4, {-32768, 258, 32767});
    expect_reads<std::int32_t>(8, {-2147483647, 66051, 5});
    expect_reads<float>(16, {-1.5f, 3e38f, 1e-40f});
    expect_reads<double>(64, {-1.5, 1e-300, 0.1});
    expect_reads<std::int8_t>(256, {-128, 0, 127});
    expect_reads<std::uint16_t>(512, {0, 258, 65535});
    expect_reads<std::uint32_t>(768, {0, 66051, 4294967295u});
    expect_reads<std::int64_t>(1024, {-(1ll << 62), 72623859790382856ll, 1});
    expect_reads<std::uint64_t>(1280, {1ull << 63, 72623859790382856ull, 1});
}

TEST(Nifti, SeriesKeepIntegersOf8And16Bits) {
    const std::string path = fresh_folder() + "series.nii";
    HandMadeNifti made;
    made.dim = {4, 1, 1, 1, 3, 1, 1, 1};
    put(path, made.file<std::int16_t>({1, -2, 3}));
    EXPECT_EQ(io::read_series(path).type(), Series::Type::int16);
    made.datatype = 8, made.bitpix = 32;
    put(path, made.file<std::int32_t>({1, -2, 3}));
    EXPECT_EQ(io::read_series(path).type(), Series::Type::float32);
    const ScalarImage image = io::read_image(path);
    expect_same(image, image);               // a view
    expect_same(io::read_image(path), image);  // and an owner
}

TEST(Nifti, AppliesSlopeAndIntercept) {
    const std::string path = fresh_folder() + "scaled.nii";
    HandMadeNifti made;
    made.slope = 0.5f;
    made.inter = -1;
    put(path, made.file<std::int16_t>({4, -6}));
    EXPECT_THAT(io::read_image(path).data, ElementsAre(1.0f, -4.0f));
    made.slope = 0;  // means: no scaling, whatever the intercept says
    put(path, made.file<std::int16_t>({4, -6}));
    EXPECT_THAT(io::read_image(path).data, ElementsAre(4.0f, -6.0f));
    made.slope = std::numeric_limits<float>::quiet_NaN();
    put(path, made.file<std::int16_t>({4, -6}));
    EXPECT_THAT(io::read_image(path).data, ElementsAre(4.0f, -6.0f));
}

TEST(Nifti, FlattensFiveDimensionsIntoVolumes) {
    const std::string path = fresh_folder() + "five.nii";
    HandMadeNifti made;
    made.dim = {5, 1, 1, 2, 3, 2, 1, 1};
    std::vector<std::int16_t> values(12);
    for (int i = 0; i < 12; ++i) values[static_cast<std::size_t>(i)] = static_cast<std::int16_t>(i);
    put(path, made.file(values));
    const ScalarImage image = io::read_image(path);
    EXPECT_EQ(image.volumes, 6);
    EXPECT_EQ(image.at(1, 4), 9.0f);
}

TEST(Nifti, TakesSformThenQformThenVoxelSizes) {
    const std::string path = fresh_folder() + "frames.nii";
    HandMadeNifti made;
    made.pixdim = {-1, 2, 3, 4, 1, 1, 1, 1};       // qfac -1 turns the third axis round
    made.quaternion = {0, 0, 1, 10, 20, 30};       // half a turn about z
    made.rows = {5, 0, 0, 1, 0, 6, 0, 2, 0, 0, 7, 3};
    made.sform_code = 1;
    made.qform_code = 1;
    put(path, made.file<std::int16_t>({1, 2}));
    EXPECT_EQ(io::read_image(path).grid.voxel_to_world, (Affine{{{{5, 0, 0}, {0, 6, 0}, {0, 0, 7}}}, {1, 2, 3}}));
    made.sform_code = 0;
    put(path, made.file<std::int16_t>({1, 2}));
    expect_near(io::read_image(path).grid.voxel_to_world, Affine{{{{-2, 0, 0}, {0, -3, 0}, {0, 0, -4}}}, {10, 20, 30}});
    made.qform_code = 0;
    put(path, made.file<std::int16_t>({1, 2}));
    EXPECT_EQ(io::read_image(path).grid.voxel_to_world, (Affine{{{{2, 0, 0}, {0, 3, 0}, {0, 0, 4}}}, {0, 0, 0}}));
}

TEST(Nifti, SkipsExtensionsAndReadsPairs) {
    const std::string folder = fresh_folder();
    HandMadeNifti made;
    made.vox_offset = 384;  // 32 bytes of extension
    put(folder + "extended.nii", made.file<std::int16_t>({3, 4}));
    EXPECT_THAT(io::read_image(folder + "extended.nii").data, ElementsAre(3.0f, 4.0f));

    made.vox_offset = 0;
    made.magic = "ni1";
    put(folder + "pair.hdr", made.header());
    EXPECT_THAT(error_of<InputError>([&] { io::read_image(folder + "pair.hdr"); }), HasSubstr("the voxels of"));
    put(folder + "pair.img", as_bytes<std::int16_t>(8, false) + as_bytes<std::int16_t>(9, false));
    EXPECT_THAT(io::read_image(folder + "pair.hdr").data, ElementsAre(8.0f, 9.0f));
    EXPECT_THAT(io::read_image(folder + "pair.img").data, ElementsAre(8.0f, 9.0f));
}

TEST(Nifti, ShearedAxesAreWrittenAsSformAlone) {
    const std::string path = fresh_folder() + "sheared.nii";
    ScalarImage image = ramp(oblique_grid({2, 2, 2}), 1);
    image.grid.voxel_to_world.linear[0][0] = 0.5;
    io::write_image(path, image, false);
    const std::string bytes = bytes_of(path);
    EXPECT_EQ(bytes[252], 0) << "qform_code: a quaternion cannot say it";
    EXPECT_EQ(bytes[254], 1) << "sform_code";
    expect_near(io::read_image(path).grid.voxel_to_world, image.grid.voxel_to_world);
}

TEST(Nifti, NibabelAndMrtrixSeeTheSameGrid) {
    const std::string folder = fresh_folder();
    const Grid grid = oblique_grid({4, 3, 2});
    io::write_image(folder + "peer.nii.gz", ramp(grid, 3), false);
    if (!has_python_module("nibabel") && !has_program("mrinfo")) GTEST_SKIP() << "neither nibabel nor MRtrix is installed";
    if (has_python_module("nibabel")) {
        const auto seen = run("/usr/bin/python3 -c 'import nibabel, sys; i = nibabel.load(sys.argv[1]); h = i.header; print(i.shape, h[\"sform_code\"], h[\"qform_code\"], "
                              "h.get_xyzt_units(), bytes(h[\"descrip\"]).split(b\"\\0\")[0].decode(), i.get_fdata()[3, 2, 1, 2], abs(h.get_qform() - h.get_sform()).max() < 1e-5, "
                              "*i.affine.ravel()[:4])' " + folder + "peer.nii.gz");
        // The last value: 0.25 * 71 - 7; the affine's first row: 0, -1.5, 4 cos 30, -10.5.
        EXPECT_EQ(seen.text, "(4, 3, 2, 3) 1 1 ('mm', 'sec') Arcuate " + version() + " 10.75 True 0.0 -1.5 3.464101552963257 -10.5\n");
    }
    if (has_program("mrinfo")) {
        // MRtrix reorders axes to be near RAS: its first is our third (4 mm), its third our first (2 mm), none turned round.
        std::istringstream seen(run("mrinfo -quiet -size -spacing -transform " + folder + "peer.nii.gz").text);
        const double c = 0.8660254037844387;
        for (const double wanted : {2., 3., 4., 3., 4., 3., 2., 1., c, -0.5, 0., -10.5, 0.5, c, 0., 20.25, 0., 0., 1., -30.125}) {
            double value = std::nan("");
            seen >> value;
            EXPECT_NEAR(value, wanted, 1e-5);
        }
    }
}

TEST(Nifti, RefusesMasksAndLabelsThatAreNone) {
    const std::string folder = fresh_folder();
    ScalarImage image(oblique_grid({2, 2, 1}), 1);
    image.data = {1, 2, std::numeric_limits<float>::quiet_NaN(), 0};
    io::write_image(folder + "nan.nii", image, false);
    EXPECT_THAT(error_of<InputError>([&] { io::read_mask(folder + "nan.nii"); }), HasSubstr("holds NaN at voxel (0, 1, 0)"));
    EXPECT_THAT(error_of<InputError>([&] { io::read_labels(folder + "nan.nii"); }), HasSubstr("holds nan at voxel (0, 1, 0)"));
    image.data = {1, 2.5f, 0, 0};
    io::write_image(folder + "half.nii", image, false);
    EXPECT_THAT(error_of<InputError>([&] { io::read_labels(folder + "half.nii"); }), HasSubstr("holds 2.5 at voxel (1, 0, 0) (labels are whole numbers"));
    image.data = {1, 2147483648.0f, 0, 0};
    io::write_image(folder + "large.nii", image, false);
    EXPECT_THAT(error_of<InputError>([&] { io::read_labels(folder + "large.nii"); }), HasSubstr("labels are whole numbers of at most 32 bits"));
    io::write_image(folder + "two.nii", ScalarImage(oblique_grid({2, 2, 1}), 2), false);
    EXPECT_THAT(error_of<InputError>([&] { io::read_mask(folder + "two.nii"); }), HasSubstr("has 2 volumes (a mask is one 3-D volume)"));
}
