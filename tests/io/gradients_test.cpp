#include "arcuate/io/gradients.hpp"

#include "arcuate/io/nifti.hpp"

#include "support.hpp"

#include <cmath>

using namespace arcuate;
using namespace arcuate::test;
using testing::HasSubstr;

namespace {

Grid axis_aligned(double x_sign) {
    Grid grid;
    grid.size = {4, 4, 4};
    grid.voxel_to_world.linear = {{{2 * x_sign, 0, 0}, {0, 3, 0}, {0, 0, 4}}};
    return grid;
}

struct Pair {
    std::string bval, bvec;
};
Pair pair(const std::string& b_text, const std::string& vectors) {
    const std::string folder = fresh_folder();
    put(folder + "dwi.bval", b_text);
    put(folder + "dwi.bvec", vectors);
    return {folder + "dwi.bval", folder + "dwi.bvec"};
}

void expect_direction(const Vec3d& a, const Vec3d& b, double tolerance = 1e-12) {
    for (int i = 0; i < 3; ++i) EXPECT_NEAR(a[i], b[i], tolerance);
}

}  // namespace

TEST(Gradients, XIsFlippedWhereTheDeterminantIsPositive) {
    const auto files = pair("0 1000 1000\n", "0 1 0\n0 0 0.6\n0 0 0.8\n");
    const auto right = io::read_fsl_gradients(files.bval, files.bvec, axis_aligned(1), 3);
    expect_direction(right.directions[1], {-1, 0, 0});
    expect_direction(right.directions[2], {0, 0.6, 0.8});
    // Voxel x runs to the left here, so image +x is world -x, and nothing is flipped.
    const auto left = io::read_fsl_gradients(files.bval, files.bvec, axis_aligned(-1), 3);
    expect_direction(left.directions[1], {-1, 0, 0});
    EXPECT_EQ(left.b_values, (std::vector<double>{0, 1000, 1000}));
}

TEST(Gradients, ObliqueAxesTurnTheDirections) {
    const auto files = pair("1000 1000 1000", "1 0 0\n0 1 0\n0 0 1\n");
    // oblique_grid: image x is world z, image y is (-sin 30, cos 30, 0), image z is (cos 30, sin 30, 0); determinant negative.
    const auto table = io::read_fsl_gradients(files.bval, files.bvec, oblique_grid({2, 2, 2}), 3);
    ASSERT_LT(determinant(oblique_grid({2, 2, 2}).voxel_to_world), 0);
    expect_direction(table.directions[0], {0, 0, 1});
    expect_direction(table.directions[1], {-0.5, std::sqrt(0.75), 0});
    expect_direction(table.directions[2], {std::sqrt(0.75), 0.5, 0});
}

TEST(Gradients, RowsAndColumnsAndAnyBlanksAreTheSame) {
    const auto rows = pair("0\t1000   2000 5\r\n", "0 1 0 nan\r\n0  0 1 nan\r\n0\t0 0 nan\r\n");
    const auto a = io::read_fsl_gradients(rows.bval, rows.bvec, axis_aligned(1), 4);
    const auto columns = pair("0\n1000\n2000\n5\n\n", "0 0 0\n1 0 0\n0 1 0\nnan nan nan\n");
    const auto b = io::read_fsl_gradients(columns.bval, columns.bvec, axis_aligned(1), 4);
    EXPECT_EQ(a.directions, b.directions);
    EXPECT_EQ(a.b_values, b.b_values);
    EXPECT_EQ(a.directions[3], (Vec3d{0, 0, 0})) << "b=0, where scanners leave NaN or any vector";
}

TEST(Gradients, LengthsScaleBValuesOnlyWhereOneIsFarFromOne) {
    // |g|^2 = 1.009 is within 1%: rounding in the file, b-values stay.
    auto files = pair("1000 1000", "1.00449 0\n0 1\n0 0\n");
    auto table = io::read_fsl_gradients(files.bval, files.bvec, axis_aligned(1), 2);
    EXPECT_EQ(table.b_values, (std::vector<double>{1000, 1000}));
    expect_direction(table.directions[0], {-1, 0, 0});
    // |g|^2 = 1/2 codes b = 500, and a zero vector codes b = 0.
    files = pair("1000 1000 1000", "0.5 0 0\n0.5 1 0\n0 0 0\n");
    table = io::read_fsl_gradients(files.bval, files.bvec, axis_aligned(1), 3);
    EXPECT_EQ(table.b_values, (std::vector<double>{500, 1000, 0}));
    expect_direction(table.directions[0], {-std::sqrt(0.5), std::sqrt(0.5), 0});
    EXPECT_EQ(table.directions[2], (Vec3d{0, 0, 0}));
}

TEST(Gradients, WritingIsTheInverseOfReading) {
    const std::string folder = fresh_folder();
    for (const Grid& grid : {axis_aligned(1), axis_aligned(-1), oblique_grid({3, 3, 3})}) {
        GradientTable table;
        table.directions = {{0, 0, 0}, {0.36, 0.48, 0.8}, {-0.6, 0, 0.8}};
        table.b_values = {0, 1000, 2500.5};
        io::write_fsl_gradients(folder + "o.bval", folder + "o.bvec", table, grid, true);
        const auto back = io::read_fsl_gradients(folder + "o.bval", folder + "o.bvec", grid, 3);
        EXPECT_EQ(back.b_values, table.b_values);
        for (std::size_t v = 0; v < 3; ++v) expect_direction(back.directions[v], table.directions[v], 1e-14);
    }
    EXPECT_EQ(bytes_of(folder + "o.bval"), "0 1000 2500.5\n");
}

TEST(Gradients, MrtrixTablesAreInTheScannerFrameAlready) {
    const std::string path = fresh_folder() + "dwi.b";
    put(path, "# command_history: something\n0 0 0 0\n0 0 2 250\n0.6 0.8 0 1000\n");
    const auto table = io::read_mrtrix_gradients(path, 3);
    expect_direction(table.directions[2], {0.6, 0.8, 0});
    EXPECT_EQ(table.b_values, (std::vector<double>{0, 1000, 1000}));
    EXPECT_THAT(error_of<InputError>([&] { io::read_mrtrix_gradients(path, 4); }), HasSubstr("the gradient table has 3 rows but the image has 4 volumes"));
    put(path, "0 0 1\n");
    EXPECT_THAT(error_of<InputError>([&] { io::read_mrtrix_gradients(path, 1); }), HasSubstr("has 3 columns (MRtrix's gradient tables have four"));
}

TEST(Gradients, SayWhatDoesNotMatch) {
    const auto refusal = [](const std::string& b_text, const std::string& vectors, std::int64_t volumes) {
        const auto files = pair(b_text, vectors);
        return error_of<InputError>([&] { io::read_fsl_gradients(files.bval, files.bvec, axis_aligned(1), volumes); });
    };
    EXPECT_THAT(refusal("0 1 2 3", "0 1 1\n0 0 0\n0 0 0\n", 4), HasSubstr("bvec has 3 columns but the image has 4 volumes (was the b=0 volume removed from one file only?)"));
    EXPECT_THAT(refusal("0 1 2 3", "0 0 0\n1 0 0\n1 0 0\n1 0 0\n1 0 0\n", 4), HasSubstr("bvec has 5 rows but the image has 4 volumes"));
    EXPECT_THAT(refusal("0 1 2", "0 1 1 1\n0 0 0 0\n0 0 0 0\n", 4), HasSubstr("bval has 3 values but the image has 4 volumes"));
    EXPECT_THAT(refusal("0 1\n2 3", "0 1 1 1\n0 0 0 0\n0 0 0 0\n", 4), HasSubstr("b-values are one row or one column"));
    EXPECT_THAT(refusal("0 1000", "0 1\n0 0\n", 2), HasSubstr("gradient vectors are three rows or three columns"));
    EXPECT_THAT(refusal("0 1000", "0 1\n0 0\n0\n", 2), HasSubstr("is ragged"));
    EXPECT_THAT(refusal("0 1000", "0 one\n0 0\n0 0\n", 2), HasSubstr("it holds 'one'"));
    EXPECT_THAT(refusal("0 1000", "0 nan\n0 nan\n0 nan\n", 2), HasSubstr("volume 1 has b = 1000 and no direction"));
    EXPECT_THAT(refusal("0 -1000", "0 1\n0 0\n0 0\n", 2), HasSubstr("volume 1 has the b-value -1000"));
    EXPECT_THAT(refusal("", "0 1\n0 0\n0 0\n", 2), HasSubstr("is empty"));
    const auto files = pair("0", "0\n0\n0\n");
    EXPECT_THAT(error_of<InputError>([&] { io::read_fsl_gradients(files.bval, files.bvec + "x", axis_aligned(1), 1); }), HasSubstr("cannot open"));
}

TEST(Gradients, SayWhichUnitIsExpected) {
    const auto read = [](const std::string& b_text, const std::string& x) {
        const auto files = pair(b_text, x + "\n0 0 0\n0 0 0\n");
        return io::read_fsl_gradients(files.bval, files.bvec, axis_aligned(1), 3).b_values;
    };
    const auto refusal = [&](const std::string& b_text) { return error_of<InputError>([&] { read(b_text, "0 1 1"); }); };
    EXPECT_THAT(refusal("0 1 3"), HasSubstr("the largest b-value is 3 (b-values are expected in s/mm2, such as 1000; these look like ms/um2); multiply them by 1000 in"));
    EXPECT_THAT(refusal("0 0.003 0.001"), HasSubstr("these look like s/um2); multiply them by 1000000"));
    EXPECT_THAT(refusal("0 1e9 1e9"), HasSubstr("these look like s/m2); divide them by 1000000"));
    EXPECT_THAT(refusal("0 1 3"), HasSubstr(".bval")) << "names the file that is to be repaired";
    // Either side of the bounds; and an image without diffusion weighting, which other places judge.
    EXPECT_THAT(refusal("0 19.9 1"), HasSubstr("ms/um2"));
    EXPECT_EQ(read("0 20 20", "0 1 1").back(), 20);
    EXPECT_EQ(read("0 100000 1000", "0 1 1").back(), 1000);
    EXPECT_THAT(refusal("0 100001 1000"), HasSubstr("s/m2"));
    EXPECT_EQ(read("0 0 0", "0 1 1").back(), 0);
    EXPECT_EQ(read("0 5 5", "0 0 0").back(), 5) << "b=0 as some scanners write it";
    // MRtrix's coding comes first: b = 100000 with |g|^2 = 0.01 is b = 1000.
    EXPECT_NEAR(read("0 150000 150000", "0 0.1 0.1").back(), 1500, 1e-9);
    const std::string table = fresh_folder() + "dwi.b";
    put(table, "0 0 1 1\n1 0 0 1\n");
    EXPECT_THAT(error_of<InputError>([&] { io::read_mrtrix_gradients(table, 2); }), HasSubstr("in " + table));
}

TEST(Gradients, AgreeWithMrtrixOnBothScans) {
    if (test_data().empty()) GTEST_SKIP() << "ARCUATE_TEST_DATA is not set";
    if (!has_program("mrinfo")) GTEST_SKIP() << "MRtrix is not installed";
    for (const std::string session : {"ses-01", "ses-02"}) {
        const std::string stem = test_data() + "human_rescan/sub-01/" + session + "/dwi/sub-01_" + session + "_dwi";
        const auto image = io::read_image(stem + ".nii.gz");
        const auto table = io::read_fsl_gradients(stem + ".bval", stem + ".bvec", image.grid, image.volumes);
        EXPECT_EQ(determinant(image.grid.voxel_to_world) > 0, session == "ses-01") << "the data cover both signs";
        std::istringstream peer(run("mrinfo -quiet -dwgrad -fslgrad " + stem + ".bvec " + stem + ".bval " + stem + ".nii.gz").text);
        for (std::size_t v = 0; v < table.b_values.size(); ++v) {
            Vec3d direction{};
            double b = -1;
            peer >> direction[0] >> direction[1] >> direction[2] >> b;
            expect_direction(table.directions[v], direction, 1e-6);
            EXPECT_NEAR(table.b_values[v], b, 1e-5 * b) << session << " volume " << v;
        }
    }
}
