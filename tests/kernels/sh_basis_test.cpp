// kernels/sh_basis.hpp: by hand, against the definition (tests/reference), by quadrature, and against MRtrix3's sh2amp where it is installed.
#include "kernels/sh_basis.hpp"
#include "reference/spherical_harmonics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numbers>
#include <string>
#include <vector>

namespace k = arcuate::kernels;
using arcuate::sh_count;
using arcuate::sh_index;
constexpr double pi = std::numbers::pi;

namespace {

struct Direction {
    double x, y, z;
};

/// n points that cover the sphere evenly (Fibonacci lattice), and the six ends of the axes.
std::vector<Direction> directions(int n) {
    std::vector<Direction> out{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {-1, 0, 0}, {0, -1, 0}, {0, 0, -1}};
    for (int i = 0; i < n; ++i) {
        const double z = 1 - (2 * i + 1.0) / n, r = std::sqrt(1 - z * z), phi = pi * (3 - std::sqrt(5.0)) * i;
        out.push_back({r * std::cos(phi), r * std::sin(phi), z});
    }
    return out;
}

/// The largest absolute error of one basis value over the sphere.
template <int Lmax, class T>
double worst_error(int n_directions) {
    double worst = 0;
    for (const auto& [x, y, z] : directions(n_directions)) {
        const T d[3] = {static_cast<T>(x), static_cast<T>(y), static_cast<T>(z)};
        T values[sh_count(Lmax)];
        k::sh_basis<Lmax, T>(d[0], d[1], d[2], values);
        const auto exact = arcuate::reference::spherical_harmonics(Lmax, d[0], d[1], d[2]);
        for (int i = 0; i < sh_count(Lmax); ++i) worst = std::max(worst, std::abs(values[i] - exact[static_cast<std::size_t>(i)]));
    }
    return worst;
}

TEST(ShBasis, ByHand) {
    const double h = std::sqrt(0.5);
    double v[6];
    k::sh_basis<2>(h, 0.0, h, v);
    EXPECT_NEAR(v[0], 1 / std::sqrt(4 * pi), 1e-15);
    EXPECT_NEAR(v[sh_index(2, 1)], -0.546274, 1e-6);  // -sqrt(15 / 4 pi) x z
    k::sh_basis<2>(0.0, h, h, v);
    EXPECT_NEAR(v[sh_index(2, -1)], -0.546274, 1e-6);  // -sqrt(15 / 4 pi) y z
    k::sh_basis<2>(1.0, 0.0, 0.0, v);
    EXPECT_NEAR(v[sh_index(2, 2)], 0.546274, 1e-6);  // sqrt(15 / 16 pi) (x^2 - y^2)
    EXPECT_NEAR(v[sh_index(2, 0)], -std::sqrt(5 / (16 * pi)), 1e-15);  // sqrt(5 / 16 pi) (3 z^2 - 1)
    k::sh_basis<2>(h, h, 0.0, v);
    EXPECT_NEAR(v[sh_index(2, -2)], 0.546274, 1e-6);  // sqrt(15 / 4 pi) x y
}

TEST(ShBasis, AgreesWithTheDefinitionInDouble) {
    EXPECT_LT((worst_error<4, double>(2000)), 3e-15);
    EXPECT_LT((worst_error<8, double>(2000)), 1.2e-14);
    EXPECT_LT((worst_error<12, double>(2000)), 1e-12);
}

TEST(ShBasis, AgreesWithTheDefinitionInSingle) {
    EXPECT_LT((worst_error<4, float>(20000)), 4e-7);
    EXPECT_LT((worst_error<8, float>(20000)), 1.6e-6);
}

TEST(ShBasis, IsOrthonormal) {
    // Products of two orders <= 8 are polynomials of degree <= 16 in z: 9 Gauss-Legendre nodes integrate them exactly; 17 azimuths the rest.
    constexpr int lmax = 8, n = sh_count(lmax), nodes = 9, azimuths = 17;
    std::vector<double> gram(n * n);
    for (int i = 0; i < nodes; ++i) {
        double z = std::cos(pi * (i + 0.75) / (nodes + 0.5)), slope = 0;  // Newton's iteration from the classical first guess
        for (int iteration = 0; iteration < 20; ++iteration) {
            slope = nodes * (std::legendre(nodes - 1, z) - z * std::legendre(nodes, z)) / (1 - z * z);
            z -= std::legendre(nodes, z) / slope;
        }
        const double weight = 2 / ((1 - z * z) * slope * slope) * (2 * pi / azimuths), r = std::sqrt(1 - z * z);
        for (int j = 0; j < azimuths; ++j) {
            const double phi = 2 * pi * j / azimuths;
            double v[n];
            k::sh_basis<lmax>(r * std::cos(phi), r * std::sin(phi), z, v);
            for (int a = 0; a < n; ++a)
                for (int b = 0; b < n; ++b) gram[static_cast<std::size_t>(a * n + b)] += weight * v[a] * v[b];
        }
    }
    for (int a = 0; a < n; ++a)
        for (int b = 0; b < n; ++b) EXPECT_NEAR(gram[static_cast<std::size_t>(a * n + b)], a == b, 1e-13) << a << " " << b;
}

TEST(ShBasis, IsTheSameInOppositeDirections) {
    for (const auto& [x, y, z] : directions(100)) {
        float a[45], b[45];
        k::sh_basis<8>(float(x), float(y), float(z), a);
        k::sh_basis<8>(-float(x), -float(y), -float(z), b);
        for (int i = 0; i < 45; ++i) EXPECT_EQ(a[i], b[i]) << i;
    }
}

TEST(ShBasis, ZonalValuesAreTheColumnMZero) {
    for (double z = -1; z <= 1; z += 0.125) {
        double zonal[5];
        k::zonal_basis<8>(z, zonal);
        for (int l = 0; l <= 8; l += 2) EXPECT_NEAR(zonal[l / 2], arcuate::reference::spherical_harmonic(l, 0, std::acos(z), 0), 1.2e-14) << l << " " << z;
    }
}

TEST(ShBasis, AgreesWithMrtrix) {
    if (std::system("command -v sh2amp > /dev/null 2>&1") != 0) GTEST_SKIP() << "sh2amp (MRtrix3) is not on PATH";
    const auto folder = std::filesystem::path(testing::TempDir()) / "sh_basis_agrees_with_mrtrix";
    std::filesystem::create_directories(folder);
    // An image of 45 voxels; voxel i holds the series that is 1 in coefficient i.
    constexpr int n = 45;
    {
        std::ofstream image(folder / "unit.mif", std::ios::binary);
        image << "mrtrix image\ndim: " << n << ",1,1," << n << "\nvox: 1,1,1,1\nlayout: +1,+2,+3,+0\ndatatype: Float32LE\nfile: . 256\nEND\n";
        image.seekp(256);
        for (int voxel = 0; voxel < n; ++voxel)
            for (int i = 0; i < n; ++i) {
                const float value = voxel == i;
                image.write(reinterpret_cast<const char*>(&value), sizeof value);
            }
        std::ofstream table(folder / "directions.txt");
        table.precision(17);
        for (const auto& [x, y, z] : directions(50)) table << x << " " << y << " " << z << "\n";
    }
    const std::string at = folder.string();
    const auto command = "cd '" + at + "' && sh2amp -quiet -force unit.mif directions.txt amplitudes.nii 2> log.txt";
    ASSERT_EQ(std::system(command.c_str()), 0) << "see " << at << "/log.txt";
    std::ifstream nifti(folder / "amplitudes.nii", std::ios::binary);
    const auto all = directions(50);
    std::vector<float> amplitudes(n * all.size());
    nifti.seekg(352);
    nifti.read(reinterpret_cast<char*>(amplitudes.data()), static_cast<std::streamsize>(amplitudes.size() * sizeof(float)));
    ASSERT_TRUE(nifti.good());
    for (std::size_t d = 0; d < all.size(); ++d) {
        double v[n];
        k::sh_basis<8>(all[d].x, all[d].y, all[d].z, v);
        for (std::size_t i = 0; i < n; ++i) ASSERT_NEAR(v[i], amplitudes[d * n + i], 1e-5) << "coefficient " << i << ", direction " << d;
    }
    std::filesystem::remove_all(folder);
}

}  // namespace
