// The ways in which streamlines are given regions: by hand, and against looking at every voxel in double precision.
#include "arcuate/connectome/build.hpp"

#include "connectome/scene.hpp"
#include "devices.hpp"
#include "reference/connectome.hpp"

namespace arcuate::connectome {
namespace {

using Labels = std::vector<std::int32_t>;

class AssignStreamlines : public test::OnEachDevice {
  protected:
    Assignments assign(const Parcellation& parcellation, const Tractogram& tractogram, Assignment way, double search_mm) {
        ConnectomeBuilder builder(parcellation, {}, {.assignment = way, .search_mm = search_mm, .keep_assignments = true, .chunk = 100}, device());
        builder.append(tractogram.view());
        return builder.assignments();
    }
};
ARCUATE_ON_EACH_DEVICE(AssignStreamlines);

/// Ten voxels of 1 mm along x: region 1 at x = 0, 3 at x = 4, 2 at x = 9.
Tractogram one(std::initializer_list<float> xs) {
    Tractogram t;
    std::vector<float> line;
    for (const float x : xs) line.insert(line.end(), {x, 0, 0});
    t.append(line);
    return t;
}

TEST_P(AssignStreamlines, EndVoxelsByHand) {
    const auto way = Assignment::end_voxels;
    EXPECT_EQ(assign(row_of_regions(), one({0.4f, 2, 3.6f}), way, 0).labels, (Labels{1, 3}));
    EXPECT_EQ(assign(row_of_regions(), one({0.6f, 2, 3.4f}), way, 0).labels, (Labels{0, 0}));
    EXPECT_EQ(assign(row_of_regions(), one({-0.4f, 9.6f}), way, 0).labels, (Labels{1, 0})) << "beyond the image";
    EXPECT_EQ(assign(row_of_regions(), one({NAN, 9}), way, 0).labels, (Labels{0, 0})) << "no streamline";
}

TEST_P(AssignStreamlines, ReverseSearchByHand) {
    const auto way = Assignment::reverse_search;
    // Five vertices: the first end looks at the first three, the second at the last two.
    EXPECT_EQ(assign(row_of_regions(), one({2, 1, 0, 4, 5}), way, 0).labels, (Labels{1, 3}));
    EXPECT_EQ(assign(row_of_regions(), one({2, 1, 1, 0, 4, 5}), way, 0).labels, (Labels{0, 3})) << "region 1 is in the other half";
    // Region 1 is 2 mm along, region 3 1 mm: neither further than a reach of 2, the first beyond one of 1.5.
    EXPECT_EQ(assign(row_of_regions(), one({2, 1, 0, 4, 5}), way, 2).labels, (Labels{1, 3}));
    EXPECT_EQ(assign(row_of_regions(), one({2, 1, 0, 4, 5}), way, 1.5).labels, (Labels{0, 3}));
    EXPECT_EQ(assign(row_of_regions(), one({4}), way, 0).labels, (Labels{3, 0})) << "a single vertex is the first end's";
}

TEST_P(AssignStreamlines, ForwardSearchByHand) {
    const auto way = Assignment::forward_search;
    // From x = 2 to 7: straight ahead lie region 1, 2 mm away, and region 2, 2 mm away; region 3 lies behind both.
    EXPECT_EQ(assign(row_of_regions(), one({2, 3, 6, 7}), way, 2).labels, (Labels{1, 2}));
    EXPECT_EQ(assign(row_of_regions(), one({2, 3, 6, 7}), way, 1.9).labels, (Labels{0, 0})) << "out of reach";
    EXPECT_EQ(assign(row_of_regions(), one({2, 1, 8, 7}), way, 9).labels, (Labels{3, 3})) << "heading inwards";
    EXPECT_EQ(assign(row_of_regions(), one({4, 4}), way, 9).labels, (Labels{3, 3})) << "no direction: its own voxel alone";
    EXPECT_EQ(assign(row_of_regions(), one({5, 5}), way, 9).labels, (Labels{0, 0}));
    // A plane of regions 3 mm ahead: the dearest voxel within reach 4 is the one straight ahead, 26 degrees to the side already costs 3.35 x 1.59.
    LabelImage plane({{7, 7, 1}, {}}, 1, 0);
    for (std::int64_t y = 0; y < 7; ++y) plane.at(plane.grid.index(6, y, 0)) = y == 3 ? 5 : 6;
    Tractogram t;
    t.append(std::array<float, 6>{0, 3, 0, 3, 3, 0});
    EXPECT_EQ(assign(make_parcellation(plane, "plane"), t, way, 4).labels, (Labels{0, 5}));
}

TEST_P(AssignStreamlines, AllVoxelsByHand) {
    Tractogram t = one({4, 0, 1, 4, 9});
    t.append(std::array<float, 6>{4, 0, 0, 5, 0, 0});
    t.append(std::array<float, 3>{5, 0, 0});
    ConnectomeBuilder builder(row_of_regions(), {}, {.assignment = Assignment::all_voxels, .keep_assignments = true}, device());
    builder.append(t.view());
    EXPECT_EQ(builder.assignments().labels, (Labels{1, 2, 3, 3}));
    EXPECT_EQ(builder.assignments().offsets, (std::vector<std::uint64_t>{0, 3, 4, 4}));
    // All pairs of the first and each with itself; the second, of one region, is with none.
    const auto c = builder.connectome(0, true);
    EXPECT_EQ(c.metric("count").matrix, (std::vector<double>{1, 0, 0, 1,  //
                                                             0, 1, 1, 1,  //
                                                             0, 1, 1, 1,  //
                                                             1, 1, 1, 1}));
    EXPECT_EQ(c.assigned, 1);
    EXPECT_EQ(c.half_assigned, 1);
}

TEST_P(AssignStreamlines, AgreesWithTheOracle) {
    const Scene scene(597);
    const auto& labels = scene.parcellation.labels;
    const auto view = scene.tractogram.view();
    for (const double reach : {0.0, 3.0, 8.0}) {
        Labels ends, reverse, forward, all;
        for (std::int64_t s = 0; s < view.size(); ++s) {
            const auto line = view.streamline(s);
            for (const bool last : {false, true}) {
                ends.push_back(reference::label_at(labels, reference::vertex(line, last ? line.size() / 3 - 1 : 0)));
                reverse.push_back(reference::reverse_label(labels, line, last, reach));
                if (reach > 0) forward.push_back(reference::forward_label(labels, line, last, reach));
            }
            for (const auto label : reference::all_labels(labels, line)) all.push_back(label);
        }
        EXPECT_EQ(assign(scene.parcellation, scene.tractogram, Assignment::end_voxels, reach).labels, ends);
        EXPECT_EQ(assign(scene.parcellation, scene.tractogram, Assignment::reverse_search, reach).labels, reverse) << reach;
        EXPECT_EQ(assign(scene.parcellation, scene.tractogram, Assignment::all_voxels, reach).labels, all);
        if (reach == 0) continue;
        EXPECT_EQ(assign(scene.parcellation, scene.tractogram, Assignment::forward_search, reach).labels, forward) << reach;
        for (const auto& found : {ends, reverse, forward}) EXPECT_GT(std::count_if(found.begin(), found.end(), [](auto label) { return label > 0; }), 150);
        EXPECT_NE(forward, ends);
    }
}

TEST(AssignStreamlinesInput, RefusesAReachThatFindsNothing) {
    const auto device = Device::open("cpu", 1);
    EXPECT_THROW(ConnectomeBuilder(row_of_regions(), {}, {.assignment = Assignment::forward_search, .search_mm = 0}, device), InputError);
    EXPECT_THROW(ConnectomeBuilder(row_of_regions(), {}, {.assignment = Assignment::forward_search, .search_mm = 1e6}, device), InputError);
    EXPECT_THROW(ConnectomeBuilder(row_of_regions(), {}, {.assignment = Assignment::reverse_search, .search_mm = -1}, device), InputError);
}

}  // namespace
}  // namespace arcuate::connectome
