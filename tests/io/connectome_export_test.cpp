// Connectomes as other programs read them.
#include "arcuate/io/tables.hpp"

#include "support.hpp"

#include <nlohmann/json.hpp>

#include <cmath>

using namespace arcuate;
using namespace arcuate::test;
using testing::HasSubstr;
using testing::Not;

namespace {

/// Regions 1, 3 and 4, the last without a voxel.
Connectome example() {
    Connectome c;
    c.nodes = {{1, "Left-<A>", {1, 2, 3}, 10}, {3, "B & C", {-4, 5, 6.5}, 20}, {4, "gone", {std::nan(""), std::nan(""), std::nan("")}, 0}};
    c.metrics = {{"count", "streamlines", "", {2, 7, 0, 7, 0, 0, 0, 0, 0}}, {"mean_fa", "", "", {0.5, 0.25, std::nan(""), 0.25, std::nan(""), std::nan(""), std::nan(""), std::nan(""), std::nan("")}}};
    return c;
}

}  // namespace

TEST(MrtrixMatrix, IsThatOfTck2connectome) {
    const std::string folder = fresh_folder();
    const auto c = example();
    const auto text = [&](const Connectome& of, const char* metric, bool symmetric, const std::string& name = "m.csv") {
        io::write_mrtrix_matrix(folder + name, of.nodes, of.metric(metric).matrix, symmetric, true);
        return bytes_of(folder + name);
    };
    EXPECT_EQ(text(c, "count", false), "2,0,7,0\n0,0,0,0\n0,0,0,0\n0,0,0,0\n") << "label 2 is missing and has a row";
    EXPECT_EQ(text(c, "count", true), "2,0,7,0\n0,0,0,0\n7,0,0,0\n0,0,0,0\n");
    EXPECT_EQ(text(c, "mean_fa", false, "m.txt"), "0.5 0 0.25 0\n0 0 0 0\n0 0 0 0\n0 0 0 0\n");
    Connectome with_unassigned;
    with_unassigned.nodes = {{0, "unassigned", {}, 0}, {1, "a", {}, 1}};
    with_unassigned.metrics = {{"count", "", "", {9, 8, 8, 7}}};
    EXPECT_EQ(text(with_unassigned, "count", false), "9,8\n0,7\n");
}

TEST(Vector, IsATableOfRegionsOrOneLine) {
    const std::string folder = fresh_folder();
    Connectome c = example();
    c.vector = true;
    c.metrics = {{"count", "streamlines", "", {2, 7, 0}}, {"mean_fa", "", "", {0.5, 0.25, std::nan("")}}};
    io::write_vector(folder + "v.tsv", c, false);
    EXPECT_EQ(bytes_of(folder + "v.tsv"), "index\tname\tcount\tmean_fa\n1\tLeft-<A>\t2\t0.5\n3\tB & C\t7\t0.25\n4\tgone\t0\tn/a\n");
    io::write_mrtrix_vector(folder + "v.csv", c.nodes, c.metric("mean_fa").matrix, false);
    EXPECT_EQ(bytes_of(folder + "v.csv"), "0.5,0,0.25,0\n");
    c.nodes[0].label = 0;
    io::write_mrtrix_vector(folder + "v.txt", c.nodes, c.metric("count").matrix, false);
    EXPECT_EQ(bytes_of(folder + "v.txt"), "2 0 0 7 0\n");
}

TEST(NodeTable, SaysWhereRegionsAreAndHowLarge) {
    const std::string path = fresh_folder() + "nodes.tsv";
    io::write_node_table(path, example().nodes, 2.5, false);
    EXPECT_EQ(bytes_of(path), "index\tname\themisphere\tx\ty\tz\tvoxels\tvolume\n1\tLeft-<A>\tL\t1\t2\t3\t10\t25\n3\tB & C\tn/a\t-4\t5\t6.5\t20\t50\n4\tgone\tn/a\tn/a\tn/a\tn/a\t0\t0\n");
}

TEST(Graphml, HasNodesAndConnectedPairs) {
    const std::string path = fresh_folder() + "c.graphml";
    io::write_graphml(path, example(), false);
    const auto text = bytes_of(path);
    EXPECT_THAT(text, HasSubstr("<data key=\"node_name\">Left-&lt;A&gt;</data><data key=\"node_hemisphere\">L</data><data key=\"node_x\">1</data>"));
    EXPECT_THAT(text, HasSubstr("<edge source=\"1\" target=\"3\"><data key=\"edge_count\">7</data><data key=\"edge_mean_fa\">0.25</data></edge>"));
    EXPECT_THAT(text, HasSubstr("<edge source=\"1\" target=\"1\"><data key=\"edge_count\">2</data>"));
    EXPECT_THAT(text, Not(HasSubstr("target=\"4\"")));
    EXPECT_THAT(text, Not(HasSubstr("nan")));
}

TEST(Graphml, IsReadByNetworkx) {
    const std::string path = fresh_folder() + "c.graphml";
    io::write_graphml(path, example(), false);
    const std::string program = "/usr/bin/python3";
    if (std::system((program + " -c 'import networkx' 2> /dev/null").c_str()) != 0) GTEST_SKIP() << "no networkx for " << program;
    const std::string code = "import networkx as n; g = n.read_graphml(\"" + path + "\"); "
                             "assert sorted(g.nodes) == [\"1\", \"3\", \"4\"] and g.nodes[\"3\"][\"name\"] == \"B & C\" and g.nodes[\"3\"][\"z\"] == 6.5; "
                             "assert g.number_of_edges() == 2 and g[\"1\"][\"3\"][\"mean_fa\"] == 0.25 and g[\"1\"][\"3\"][\"count\"] == 7";
    EXPECT_EQ(std::system((program + " -c '" + code + "'").c_str()), 0);
}

TEST(Niivue, HasWhatTheViewerDraws) {
    const std::string path = fresh_folder() + "c.jcon";
    io::write_niivue(path, example(), "count", false);
    const auto json = nlohmann::json::parse(bytes_of(path));
    ASSERT_EQ(json["nodes"].size(), 2u) << "a region without a voxel has no place";
    EXPECT_EQ(json["nodes"][1]["name"], "B & C");
    EXPECT_EQ(json["nodes"][1]["z"], 6.5);
    EXPECT_EQ(json["nodes"][0]["colorValue"], 9);
    ASSERT_EQ(json["edges"].size(), 1u);
    EXPECT_EQ(json["edges"][0], (nlohmann::json{{"first", 0}, {"second", 1}, {"colorValue", 7}}));
    for (const char* key : {"name", "nodeColormap", "nodeColormapNegative", "nodeMinColor", "nodeMaxColor", "nodeScale", "edgeColormap", "edgeColormapNegative", "edgeMin", "edgeMax", "edgeScale"})
        EXPECT_TRUE(json.contains(key)) << key;
}
