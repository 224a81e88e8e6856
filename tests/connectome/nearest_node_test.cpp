// Which region a streamline's end belongs to: the quick search against looking at every voxel, on awkward grids.
#include "arcuate/connectome/build.hpp"

#include "devices.hpp"
#include "kernels/philox.hpp"
#include "reference/connectome.hpp"

#include <cmath>

namespace arcuate::connectome {
namespace {

using kernels::Philox;
using kernels::Purpose;
using kernels::uniform;

class NearestNode : public test::OnEachDevice {
  protected:
    /// Labels at points, each point a streamline of one vertex: both its ends.
    std::vector<std::int32_t> labels_at(const Parcellation& parcellation, const std::vector<Vec3d>& points, double radius_mm) {
        Tractogram tractogram;
        for (const auto& p : points) tractogram.append(std::array<float, 3>{float(p[0]), float(p[1]), float(p[2])});
        ConnectomeBuilder builder(parcellation, {}, {.search_mm = radius_mm, .keep_assignments = true}, device());
        builder.append(tractogram.view());
        std::vector<std::int32_t> out;
        for (std::size_t i = 0; i < points.size(); ++i) {
            EXPECT_EQ(builder.assignments().labels[2 * i], builder.assignments().labels[2 * i + 1]);
            out.push_back(builder.assignments().labels[2 * i]);
        }
        return out;
    }
};
ARCUATE_ON_EACH_DEVICE(NearestNode);

TEST_P(NearestNode, ByHand) {
    // A row of ten voxels of 2 mm along x, centres at x = 0, 2, ..., 18; regions 7 at x = 4 and 12175 at x = 14.
    Grid grid{{10, 1, 1}, {{{{2, 0, 0}, {0, 2, 0}, {0, 0, 2}}}, {0, 0, 0}}};
    LabelImage labels(grid, 1, 0);
    labels.at(2) = 7;
    labels.at(7) = 12175;
    const auto parcellation = make_parcellation(labels, "labels");
    const std::vector<Vec3d> points{{4, 0, 0}, {8.5, 0, 0}, {0.25, 0, 0}, {0, 0, 0}, {10.5, 0, 0}, {9, 0, 0}, {17.75, 0, 0}, {18, 0, 0}, {14, 3.5, 0}, {14, 3, 3},
                                    {22, 0, 0}, {NAN, 0, 0}, {INFINITY, 0, 0}, {1e30, 0, 0}};
    //                                      on it  4.5 away    3.75         4: not closer  3.5 of 12175  5 of both  3.75         4            3.5          4.2
    const std::vector<std::int32_t> expected{7, 0, 7, 0, 12175, 0, 12175, 0, 12175, 0, 0, 0, 0, 0};
    EXPECT_EQ(labels_at(parcellation, points, 4), expected);
    // Between both at 5 mm from each: the one of the lower voxel index.
    EXPECT_EQ(labels_at(parcellation, {{9, 0, 0}}, 5.5), std::vector<std::int32_t>{7});
}

TEST_P(NearestNode, AgreesWithLookingAtEveryVoxel) {
    // Axis steps [mm]: isotropic, strongly anisotropic, oblique with a reflection, sheared.
    const std::vector<Affine> affines{
        {{{{2, 0, 0}, {0, 2, 0}, {0, 0, 2}}}, {-12, 5, 30}},
        {{{{-0.8, 0, 0}, {0, 1.1, 0}, {0, 0, 5}}}, {7, -80, 3}},
        {{{{0.3, -1.9, 0.5}, {1.7, 0.4, -0.6}, {0.4, 0.5, 2.4}}}, {100, -40, 12}},
        {{{{2, 1.5, 0}, {0, 1.2, 0.9}, {0, 0, 1.6}}}, {1, 2, 3}},
    };
    std::uint64_t item = 0;
    for (const auto& affine : affines)
        for (const double radius_mm : {1.5, 4.0, 9.5}) {
            Grid grid{{11, 9, 7}, affine};
            LabelImage labels(grid, 1, 0);
            for (std::int64_t v = 0; v < grid.voxels(); ++v) {
                const auto r = Philox{1, item++, Purpose::seed, 0}(0);
                if (uniform(r.v[0]) < 0.15f) labels.at(v) = 1 + static_cast<std::int32_t>(r.v[1] % 40) * 97;
            }
            const auto parcellation = make_parcellation(labels, "labels");
            std::vector<Vec3d> points;
            std::vector<std::int32_t> expected;
            for (int i = 0; i < 400; ++i) {
                const auto r = Philox{2, item++, Purpose::seed, 0}(0);
                // From three voxels before the first centre to three behind the last.
                Vec3d voxel{};
                for (int axis = 0; axis < 3; ++axis) voxel[axis] = -3 + (static_cast<double>(grid.size[axis]) + 5) * static_cast<double>(uniform(r.v[axis]));
                Vec3d p = transform_point(affine, voxel);
                for (auto& c : p) c = static_cast<float>(c);
                points.push_back(p);
                expected.push_back(reference::nearest_label(labels, p, radius_mm));
            }
            EXPECT_EQ(labels_at(parcellation, points, radius_mm), expected) << "radius " << radius_mm;
            EXPECT_GT(std::count(expected.begin(), expected.end(), 0), 0);
            EXPECT_GT(std::count_if(expected.begin(), expected.end(), [](int l) { return l > 0; }), 10);
        }
}

TEST(NearestNodeInput, RefusesSensibly) {
    LabelImage labels({{3, 3, 3}, {}}, 1, 1);
    const auto parcellation = make_parcellation(labels, "labels");
    const auto device = Device::open("cpu", 1);
    EXPECT_THROW(ConnectomeBuilder(parcellation, {}, {.search_mm = 0}, device), InputError);
    EXPECT_THROW(ConnectomeBuilder(parcellation, {}, {.search_mm = NAN}, device), InputError);
    EXPECT_THROW(ConnectomeBuilder(parcellation, {}, {.search_mm = 1e6}, device), InputError);
}

}  // namespace
}  // namespace arcuate::connectome
