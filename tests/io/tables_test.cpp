#include "arcuate/io/tables.hpp"

#include "support.hpp"

#include <cmath>
#include <limits>

using namespace arcuate;
using namespace arcuate::test;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Number, IsTheShortestTextThatReadsBack) {
    EXPECT_EQ(io::number(0.1), "0.1");
    EXPECT_EQ(io::number(3), "3");
    EXPECT_EQ(io::number(-1.0 / 3), "-0.3333333333333333");
    EXPECT_EQ(io::number(1e-300), "1e-300");
    EXPECT_EQ(io::number(std::nan("")), "n/a");
    for (const double value : {0.1 + 0.2, 1e22, 5e-324, std::numeric_limits<double>::max()}) EXPECT_EQ(std::strtod(io::number(value).c_str(), nullptr), value);
}

TEST(Matrix, ReturnsWhatWasWritten) {
    const std::string folder = fresh_folder();
    const std::vector<std::string> names{"Left V1, area 17", "2", "say \"hi\""};
    const std::vector<double> values{1, 0.1, std::nan(""), 0.1, 2, -3e-9, std::nan(""), -3e-9, 0};
    for (const std::string extension : {".tsv", ".csv"}) {
        io::write_matrix(folder + "m" + extension, names, values, false);
        const auto back = io::read_matrix(folder + "m" + extension);
        EXPECT_EQ(back.labels, names);
        EXPECT_EQ(back.size, 3);
        ASSERT_EQ(back.values.size(), 9u);
        for (std::size_t i = 0; i < 9; ++i) EXPECT_TRUE(back.values[i] == values[i] || (std::isnan(back.values[i]) && std::isnan(values[i]))) << i;
    }
    io::write_matrix(folder + "two.tsv", {"a", "b"}, {1, 2, 2, std::nan("")}, false);
    EXPECT_EQ(bytes_of(folder + "two.tsv"), "node\ta\tb\na\t1\t2\nb\t2\tn/a\n");
}

TEST(Matrix, ReadsPlainOnesOfOthers) {
    const std::string path = fresh_folder() + "plain.txt";
    for (const std::string text : {"1 2\n2 3\n", "1,2\r\n2,3\r\n", "1\t2\t\n2\t3\t\n", "# command_history: tck2connectome\n1, 2\n2, 3", " 1  2 \n 2 3\n\n"}) {
        put(path, text);
        const auto m = io::read_matrix(path);
        EXPECT_THAT(m.values, ElementsAre(1, 2, 2, 3)) << text;
        EXPECT_TRUE(m.labels.empty());
        EXPECT_EQ(m.size, 2);
    }
}

TEST(Matrix, SaysWhatIsWrong) {
    const std::string path = fresh_folder() + "bad.csv";
    const auto refusal = [&](const std::string& text) {
        put(path, text);
        return error_of<InputError>([&] { io::read_matrix(path); });
    };
    EXPECT_THAT(refusal("1,2\n3,4\n5,6\n"), HasSubstr("is not square (row 1 has 2 values, and there are 3 rows)"));
    EXPECT_THAT(refusal("1,2\n3,x\n"), HasSubstr("row 2 holds 'x'"));
    EXPECT_THAT(refusal("node,a,b\na,1,2\nc,2,3\n"), HasSubstr("row 2 is 'c'"));
    EXPECT_THAT(refusal("# nothing\n"), HasSubstr("is empty"));
    EXPECT_THAT(error_of<OutputError>([&] { io::write_matrix(path, {"a"}, {1, 2}, true); }), HasSubstr("1 labels for a matrix of 2 values"));
}

TEST(Table, ReturnsWhatWasWritten) {
    const std::string folder = fresh_folder();
    const io::Table table{{"edge", "note"}, {"a-b", ""}, {"b-c", "x, y \"z\""}};
    for (const std::string extension : {".tsv", ".csv"}) {
        io::write_table(folder + "t" + extension, table, false);
        EXPECT_EQ(io::read_table(folder + "t" + extension), table) << extension;
    }
    put(folder + "bom.tsv", "\xEF\xBB\xBFindex\tname\r\n1\tx\r\n");
    EXPECT_EQ(io::read_table(folder + "bom.tsv"), (io::Table{{"index", "name"}, {"1", "x"}}));
}

TEST(Table, SaysWhatIsWrong) {
    const std::string folder = fresh_folder();
    put(folder + "r.tsv", "a\tb\n1\n");
    EXPECT_THAT(error_of<InputError>([&] { io::read_table(folder + "r.tsv"); }), HasSubstr("is ragged (row 2 has 1 cells, the header has 2)"));
    put(folder + "e.tsv", "\n\n");
    EXPECT_THAT(error_of<InputError>([&] { io::read_table(folder + "e.tsv"); }), HasSubstr("is empty"));
    EXPECT_THAT(error_of<InputError>([&] { io::read_table(folder + "e.xlsx"); }), HasSubstr("tables end in .tsv or .csv"));
    EXPECT_THAT(error_of<OutputError>([&] { io::write_table(folder + "t.tsv", {{"a\tb"}}, false); }), HasSubstr("holds a tab or a line break"));
    EXPECT_EQ(files_in(folder), 2u);
}

TEST(Numbers, ReadsAResponseFunction) {
    const std::string path = fresh_folder() + "wm.txt";
    put(path, "# Shells: 0,2000\n501.5 0 0\n 250.25 -120.5\t3e1 # trailing\n\n");
    const auto rows = io::read_numbers(path);
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_THAT(rows[1], ElementsAre(250.25, -120.5, 30));
    put(path, "1 two 3");
    EXPECT_THAT(error_of<InputError>([&] { io::read_numbers(path); }), HasSubstr("it holds 'two'"));
    put(path, "# nothing");
    EXPECT_THAT(error_of<InputError>([&] { io::read_numbers(path); }), HasSubstr("it holds no number"));
}

class NodeNames : public testing::Test {
  protected:
    NodeNames() {
        LabelImage image(Grid{{3, 1, 1}, {}}, 1);
        image.data = {5, 0, 5};
        parcellation = make_parcellation(image, "image");
    }
    std::string refusal(const std::string& text) {
        put(folder + "dseg.tsv", text);
        return error_of<InputError>([&] { io::read_node_names({folder + "dseg.tsv"}, parcellation); });
    }
    std::string folder = fresh_folder();
    Parcellation parcellation;
};

TEST_F(NodeNames, AreTakenFromTheTableAndRegionsItLacksAreAdded) {
    EXPECT_EQ(refusal("color\tindex\tname\n#000\t0\tBackground\n#fff\t9\tThalamus\n#aaa\t5\tV1\n"), "");
    ASSERT_EQ(parcellation.nodes.size(), 2u);
    EXPECT_EQ(parcellation.nodes[0].name, "V1");
    EXPECT_EQ(parcellation.nodes[0].voxels, 2);
    EXPECT_EQ(parcellation.nodes[0].centre, (Vec3d{1, 0, 0}));
    EXPECT_EQ(parcellation.nodes[1].label, 9);
    EXPECT_EQ(parcellation.nodes[1].voxels, 0);
    EXPECT_TRUE(std::isnan(parcellation.nodes[1].centre[0])) << "nowhere";
}

TEST_F(NodeNames, SayWhatIsWrong) {
    EXPECT_THAT(refusal("index\tname\n9\tThalamus\n"), HasSubstr("does not name label 5 (2 voxels of the parcellation have it)"));
    EXPECT_THAT(refusal("label\tname\n5\tV1\n"), HasSubstr("has no column 'index'"));
    EXPECT_THAT(refusal("index\tname\n5\tV1\n5\tV2\n"), HasSubstr("names label 5 twice"));
    for (const std::string bad : {"5.5", "-1", "x", "4294967296", "nan"})
        EXPECT_THAT(refusal("index\tname\n" + bad + "\tV1\n"), HasSubstr("has the index '" + bad + "' in row 2")) << bad;
    EXPECT_EQ(parcellation.nodes.size(), 1u) << "untouched by a refused table";
}

TEST_F(NodeNames, ComeFromLookUpTablesOfFreeSurferAndMRtrix) {
    const auto named = [&](const std::string& text) {
        put(folder + "lut.txt", text);
        io::read_node_names({folder + "lut.txt"}, parcellation);
        EXPECT_EQ(parcellation.nodes.size(), 1u) << "labels that the image lacks are no regions";
        return parcellation.nodes[0].name;
    };
    EXPECT_EQ(named("#$Id: FreeSurferColorLUT.txt\n\n0   Unknown  0 0 0 0\n5   Left-Lateral-Ventricle  120 18 134 0\n9 Left-Thalamus 0 118 14 0\n"), "Left-Lateral-Ventricle");
    EXPECT_EQ(named("0 ??? Unknown 0 0 0 0\n5 L.LV Left-Ventricle 12 18 134 255\n"), "Left-Ventricle");
    EXPECT_EQ(named("5 V1\n6 V2\n"), "V1");
    EXPECT_EQ(named("5 \"area 17\"\n"), "area 17");
}

TEST_F(NodeNames, OfTablesThatDisagreeAreRefused) {
    put(folder + "a_dseg.tsv", "index\tname\n5\tV1\n");
    put(folder + "same.txt", "5 V1\n7 V3\n");
    put(folder + "other.txt", "5 V2\n");
    put(folder + "none.txt", "5 1 0.5 x y\n");
    const auto refused = [&](const std::string& second) { return error_of<InputError>([&] { io::read_node_names({folder + "a_dseg.tsv", folder + second}, parcellation); }); };
    EXPECT_EQ(refused("same.txt"), "");
    EXPECT_THAT(refused("other.txt"), HasSubstr("two tables disagree on label 5"));
    EXPECT_THAT(refused("none.txt"), HasSubstr("line 1 of"));
}
