// Transforms of other programs: by hand, and beside MRtrix3's transformconvert where it is installed.
#include "arcuate/io/transforms.hpp"
#include "arcuate/io/nifti.hpp"
#include "arcuate/io/tables.hpp"
#include "support.hpp"

#include <cmath>
#include <cstring>

using namespace arcuate;
using namespace arcuate::io;
using namespace arcuate::test;
using testing::HasSubstr;

namespace {

void expect_point(const Affine& motion, Vec3d from, Vec3d to, double tolerance = 1e-12) {
    const Vec3d at = transform_point(motion, from);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(at[i], to[i], tolerance) << i;
}

std::string itk(const std::string& type, const std::string& parameters, const std::string& fixed) {
    return "#Insight Transform File V1.0\n#Transform 0\nTransform: " + type + "\nParameters: " + parameters + "\nFixedParameters: " + fixed + "\n";
}

/// A matrix of MATLAB's level 4.
template <class T>
std::string level4(const std::string& name, const std::vector<T>& values, std::int32_t type) {
    const std::int32_t header[5] = {type, static_cast<std::int32_t>(values.size()), 1, 0, static_cast<std::int32_t>(name.size()) + 1};
    std::string out(reinterpret_cast<const char*>(header), sizeof header);
    out += name + '\0';
    return out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

Grid plain(std::array<std::int64_t, 3> size, double voxel, Vec3d offset, double x_sign) {
    Grid grid;
    grid.size = size;
    grid.voxel_to_world.linear = {{{x_sign * voxel, 0, 0}, {0, voxel, 0}, {0, 0, voxel}}};
    grid.voxel_to_world.offset = offset;
    return grid;
}

}  // namespace

TEST(Transforms, MrtrixTakesPointsOfTheTargetToTheImage) {
    const auto folder = fresh_folder();
    put(folder + "t.txt", "# a comment\n0 -1 0 10\n1 0 0 20\n0 0 1 30\n0 0 0 1\n");
    expect_point(read_transform(folder + "t.txt"), {8, 21, 33}, {1, 2, 3});
    expect_point(read_transform(folder + "t.txt", TransformFormat::motion), {1, 2, 3}, {8, 21, 33});
    put(folder + "three.txt", "1 0 0 5\n0 1 0 6\n0 0 1 7\n");
    expect_point(read_transform(folder + "three.txt"), {5, 6, 7}, {0, 0, 0});
}

TEST(Transforms, ItkTextWithItsCentre) {
    const auto folder = fresh_folder();
    // In LPS: a quarter turn about the axis along z through (10, 0, 0), then a shift by (1, 2, 3): fixed (11, 0, 0) -> (10, 1, 0) + shift = moving (11, 3, 3).
    for (const std::string type : {"AffineTransform_double_3_3", "MatrixOffsetTransformBase_double_3_3", "AffineTransform_float_3_3"}) {
        put(folder + "t.tfm", itk(type, "0 -1 0 1 0 0 0 0 1 1 2 3", "10 0 0"));
        expect_point(read_transform(folder + "t.tfm"), {-11, -3, 3}, {-11, 0, 0});
    }
    put(folder + "euler.txt", itk("Euler3DTransform_double_3_3", "0 0 1.5707963267948966 1 2 3", "10 0 0 0"));
    expect_point(read_transform(folder + "euler.txt"), {-11, -3, 3}, {-11, 0, 0});
    put(folder + "versor.txt", itk("VersorRigid3DTransform_double_3_3", "0 0 0.70710678118654757 1 2 3", "10 0 0"));
    expect_point(read_transform(folder + "versor.txt"), {-11, -3, 3}, {-11, 0, 0}, 1e-7);
    put(folder + "shift.txt", itk("TranslationTransform_double_3_3", "1 2 3", ""));
    expect_point(read_transform(folder + "shift.txt"), {-1, -2, 3}, {0, 0, 0});
}

TEST(Transforms, EulerAnglesTurnAboutYThenXThenZ) {
    const auto folder = fresh_folder();
    // Quarter turns about x and y, in LPS: y first takes (0, 0, 1) to (1, 0, 0), which x leaves; x first takes it to (0, -1, 0), which y leaves.
    put(folder + "zxy.txt", itk("Euler3DTransform_double_3_3", "1.5707963267948966 1.5707963267948966 0 0 0 0", "0 0 0 0"));
    expect_point(read_transform(folder + "zxy.txt"), {-1, 0, 0}, {0, 0, 1});
    put(folder + "zyx.txt", itk("Euler3DTransform_double_3_3", "1.5707963267948966 1.5707963267948966 0 0 0 0", "0 0 0 1"));
    expect_point(read_transform(folder + "zyx.txt"), {0, 1, 0}, {0, 0, 1});
}

TEST(Transforms, ItkBinary) {
    const auto folder = fresh_folder();
    put(folder + "0GenericAffine.mat", level4<double>("AffineTransform_double_3_3", {0, -1, 0, 1, 0, 0, 0, 0, 1, 1, 2, 3}, 0) + level4<double>("fixed", {10, 0, 0}, 0));
    expect_point(read_transform(folder + "0GenericAffine.mat"), {-11, -3, 3}, {-11, 0, 0});
    put(folder + "f.mat", level4<float>("AffineTransform_float_3_3", {0, -1, 0, 1, 0, 0, 0, 0, 1, 1, 2, 3}, 10) + level4<float>("fixed", {10, 0, 0}, 10));
    expect_point(read_transform(folder + "f.mat"), {-11, -3, 3}, {-11, 0, 0});
}

TEST(Transforms, FlirtCountsFromCorners) {
    const auto folder = fresh_folder();
    put(folder + "f.mat", "1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n");
    // Both stored from right to left: FSL's x is the image's own. The corner of one goes to the corner of the other.
    const Grid a = plain({10, 10, 10}, 2, {50, 0, 0}, -1), b = plain({20, 10, 10}, 2, {10, 5, 6}, -1);
    expect_point(read_transform(folder + "f.mat", TransformFormat::automatic, a, b), {50, 0, 0}, {10, 5, 6});
    // Stored from left to right, x counts from the last voxel: world x = -30 + 2 * 9 = -12 is where b begins.
    const Grid c = plain({10, 10, 10}, 2, {-30, 0, 0}, 1);
    expect_point(read_transform(folder + "f.mat", TransformFormat::automatic, c, b), {-12, 0, 0}, {10, 5, 6});
    put(folder + "g.mat", "1 0 0 4\n0 1 0 0\n0 0 1 0\n0 0 0 1\n");
    expect_point(read_transform(folder + "g.mat", TransformFormat::flirt, c, b), {-12, 0, 0}, {6, 5, 6});
}

TEST(Transforms, WrittenOnesReadBack) {
    const auto folder = fresh_folder();
    put(folder + "t.txt", "0.8 -0.6 0 10.125\n0.6 0.8 0 -20\n0 0 1 30\n0 0 0 1\n");
    const Affine motion = read_transform(folder + "t.txt");
    for (const char* name : {"out.txt", "out.tfm"}) {
        write_transform(folder + name, motion, false);
        const Affine back = read_transform(folder + name);
        expect_point(back, {1, 2, 3}, transform_point(motion, {1, 2, 3}), 1e-12);
    }
    EXPECT_THAT(bytes_of(folder + "out.tfm"), testing::StartsWith("#Insight Transform File V1.0\n"));
    EXPECT_THROW(write_transform(folder + "out.txt", motion, false), OutputError);
}

TEST(Transforms, BadOnesAreRefused) {
    const auto folder = fresh_folder();
    const auto error = [&](const std::string& bytes, const std::string& name = "t.txt", TransformFormat format = TransformFormat::automatic) {
        put(folder + name, bytes);
        return error_of<InputError>([&] { read_transform(folder + name, format); });
    };
    const std::string identity = "1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n";
    EXPECT_THAT(error(identity, "t.mat"), HasSubstr("looks like a matrix of FLIRT"));
    EXPECT_THAT(error("1 0 0 0\n0 1 0 0\n"), HasSubstr("has 2 rows"));
    EXPECT_THAT(error("1 0 0\n0 1 0\n0 0 1\n"), HasSubstr("has 3 numbers, not 4"));
    EXPECT_THAT(error("1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 1 1\n"), HasSubstr("last row"));
    EXPECT_THAT(error("1 0 0 0\n1 0 0 0\n0 0 1 0\n0 0 0 1\n"), HasSubstr("has no inverse"));
    EXPECT_THAT(error("1 0 0 nan\n0 1 0 0\n0 0 1 0\n0 0 0 1\n"), HasSubstr("not a number"));
    EXPECT_THAT(error(itk("AffineTransform_double_3_3", "1 0 0", "0 0 0")), HasSubstr("has 3 parameters, not 12"));
    EXPECT_THAT(error(itk("AffineTransform_double_3_3", "1 x", "0 0 0")), HasSubstr("holds 'x'"));
    EXPECT_THAT(error(itk("BSplineTransform_double_3_3", "1", "0 0 0")), HasSubstr("no linear transform"));
    const std::string one = itk("TranslationTransform_double_3_3", "1 2 3", "");
    EXPECT_THAT(error(one + one.substr(one.find("Transform:"))), HasSubstr("several transforms"));
    EXPECT_THAT(error(one, "t.txt", TransformFormat::mrtrix), HasSubstr("leave out the format"));
    const std::string binary = level4<double>("AffineTransform_double_3_3", {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0}, 0);
    EXPECT_THAT(error(binary.substr(0, 60), "b.mat"), HasSubstr("truncated"));
    EXPECT_THAT(error(binary + binary.substr(0, 10), "b.mat"), HasSubstr("within a header"));
    EXPECT_THAT(error(std::string(4, '\0') + std::string(30, '\x7f'), "b.mat"), HasSubstr("a header is not"));
    EXPECT_THAT(error_of<InputError>([&] { read_transform(folder + "absent.txt"); }), HasSubstr("cannot open"));
}

TEST(Transforms, AgreeWithTransformconvert) {
    if (!has_program("transformconvert")) GTEST_SKIP() << "transformconvert (MRtrix3) is not on PATH";
    const auto folder = fresh_folder();
    const auto expect_same = [&](const Affine& ours, const std::string& file) {
        const Affine theirs = read_transform(file, TransformFormat::mrtrix);
        for (const Vec3d p : {Vec3d{0, 0, 0}, {50, -30, 20}, {-10, 70, 5}}) expect_point(ours, p, transform_point(theirs, p), 2e-4);
    };
    put(folder + "itk.txt", itk("AffineTransform_double_3_3", "0.98 -0.17 0.1 0.18 0.97 -0.05 -0.09 0.07 0.99 1 -2 3", "10 -20 30"));
    ASSERT_TRUE(run("transformconvert -quiet " + folder + "itk.txt itk_import " + folder + "itk_mrtrix.txt").ok);
    expect_same(read_transform(folder + "itk.txt"), folder + "itk_mrtrix.txt");

    Grid oblique = oblique_grid({8, 9, 10}), positive = oblique;
    for (auto& row : positive.voxel_to_world.linear) row[0] = -row[0];
    write_mask(folder + "in.nii", full_mask(oblique), false);
    write_mask(folder + "ref.nii", full_mask(positive), false);
    put(folder + "flirt.mat", "0.98 -0.17 0.1 4\n0.18 0.97 -0.05 -3\n-0.09 0.07 0.99 2\n0 0 0 1\n");
    for (const auto& [in, ref, a, b] : {std::tuple{"in.nii", "ref.nii", oblique, positive}, {"ref.nii", "in.nii", positive, oblique}}) {
        ASSERT_TRUE(run("transformconvert -force -quiet " + folder + "flirt.mat " + folder + in + " " + folder + ref + " flirt_import " + folder + "flirt_mrtrix.txt").ok);
        expect_same(read_transform(folder + "flirt.mat", TransformFormat::automatic, a, b), folder + "flirt_mrtrix.txt");
    }
}
