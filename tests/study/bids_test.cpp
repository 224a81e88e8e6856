// Finding sessions, gradients, masks and parcellations in made-up BIDS trees.
#include "arcuate/study/bids.hpp"

#include "arcuate/core/error.hpp"
#include "study/bids_name.hpp"
#include "study/session_days.hpp"
#include "study/subject_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

namespace arcuate::study {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

/// What an InputError says; empty where there was none.
template <class Body>
std::string complaint(const Body& body) {
    try {
        body();
    } catch (const InputError& error) {
        return error.what();
    }
    return {};
}

class Bids : public testing::Test {
  protected:
    void SetUp() override {
        root_ = fs::path(testing::TempDir()) / "arcuate_bids" / testing::UnitTest::GetInstance()->current_test_info()->name();
        fs::remove_all(root_);
        fs::create_directories(root_);
    }
    void TearDown() override { fs::remove_all(root_); }

    void file(const std::string& path, const std::string& text = "") {
        fs::create_directories((root_ / path).parent_path());
        std::ofstream(root_ / path) << text;
    }
    /// An image with its gradients: path without extension.
    void dwi(const std::string& stem) {
        for (const char* extension : {".nii.gz", ".bval", ".bvec"}) file(stem + extension);
    }
    std::vector<Session> sessions(const Filter& filter = {}) const { return find_sessions(root_.string(), filter); }
    std::vector<std::string> names(const Filter& filter = {}) const {
        std::vector<std::string> out;
        for (const auto& s : sessions(filter)) out.push_back(s.name() + (s.selected ? "" : " (not selected)"));
        return out;
    }
    std::string root() const { return root_.string(); }

  private:
    fs::path root_;
};

TEST(BidsName, IsTakenApart) {
    const auto name = parse_bids_name("a/sub-01_ses-x2_run-1_desc-preproc_dwi.nii.gz");
    EXPECT_EQ(name.label("sub"), "01");
    EXPECT_EQ(name.label("ses"), "x2");
    EXPECT_EQ(name.label("desc"), "preproc");
    EXPECT_EQ(name.label("acq"), "");
    EXPECT_EQ(name.suffix, "dwi");
    EXPECT_EQ(name.extension, ".nii.gz");
    EXPECT_TRUE(name.is_image("dwi"));
    EXPECT_FALSE(name.is_image("mask"));
}

TEST(SessionDays, CountFromTheCivilCalendar) {
    EXPECT_EQ(days_of("1970-01-01"), 0);
    EXPECT_EQ(days_of("2000-03-01T12:00:00"), 11017.5);
    EXPECT_EQ(days_of("2024-03-01") - days_of("2024-02-28"), 2);  // a leap year
    EXPECT_TRUE(std::isnan(days_of("n/a")));
    EXPECT_TRUE(std::isnan(days_of("2009-13-01")));
}

TEST_F(Bids, FindsSubjectsAndSessionsInOrder) {
    dwi("sub-02/dwi/sub-02_dwi");
    for (const char* s : {"1", "2", "10"}) dwi(std::string("sub-01/ses-") + s + "/dwi/sub-01_ses-" + s + "_dwi");
    file("sub-03/anat/sub-03_T1w.nii.gz");
    EXPECT_THAT(names(), ElementsAre("sub-01 ses-1", "sub-01 ses-2", "sub-01 ses-10", "sub-02"));
    EXPECT_EQ(sessions()[3].folder(), "sub-02");
    EXPECT_THAT(sessions()[1].bval, EndsWith("sub-01/ses-2/dwi/sub-01_ses-2_dwi.bval"));
    EXPECT_TRUE(std::isnan(sessions()[0].days));
}

TEST_F(Bids, AcquisitionTimesOrderSessionsAndCountDays) {
    for (const char* s : {"a", "b"}) dwi(std::string("sub-01/ses-") + s + "/dwi/sub-01_ses-" + s + "_dwi");
    file("sub-01/sub-01_sessions.tsv", "session_id\tacq_time\nses-a\t2020-02-10T18:00:00\nses-b\t2020-02-01T06:00:00\n");
    EXPECT_THAT(names(), ElementsAre("sub-01 ses-b", "sub-01 ses-a"));
    EXPECT_EQ(sessions()[0].days, 0);
    EXPECT_EQ(sessions()[1].days, 9.5);
}

TEST_F(Bids, ShellsOfAllSessionsDecideOnTheModel) {
    for (const char* s : {"1", "2"}) dwi(std::string("sub-01/ses-") + s + "/dwi/sub-01_ses-" + s + "_dwi");
    const auto with = [&](const std::string& one, const std::string& two, const PipelineOptions& options = {}) {
        file("sub-01/ses-1/dwi/sub-01_ses-1_dwi.bval", one);
        file("sub-01/ses-2/dwi/sub-01_ses-2_dwi.bval", two);
        return choose_model(sessions(), options);
    };
    const auto of = [](FodModel model) {
        PipelineOptions options;
        options.fod_model = model;
        return options;
    };
    EXPECT_EQ(with("0 700 2000", "5 705 1995").tissues, (std::vector<std::string>{"wm", "gm", "csf"}));
    EXPECT_EQ(with("0 700 2000", "5 705 1995").sources.size(), 2u);
    EXPECT_EQ(with("0 700 2000", "0 700 2000", of(FodModel::csd)).name(), "csd");
    EXPECT_EQ(with("0 2000", "0 2000").name(), "csd");
    EXPECT_EQ(with("0 2000", "0 2000", of(FodModel::msmt)).tissues, (std::vector<std::string>{"wm", "csf"}));
    EXPECT_EQ(with("700 1000 2000", "700 1000 2000").name(), "csd") << "no b = 0";
    // One response cannot serve sessions of different shells.
    EXPECT_THAT(with("0 700 2000", "0 2000").remark, HasSubstr("different shells"));
    EXPECT_EQ(with("0 700 2000", "0 2000").name(), "csd");
    EXPECT_THAT(complaint([&] { with("0 700 2000", "0 2000", of(FodModel::msmt)); }), HasSubstr("cannot serve both"));
    EXPECT_THAT(complaint([&] { with("0 1000", "0 3000"); }), testing::AllOf(HasSubstr("sub-01 ses-2"), HasSubstr("0, 3000")));
    EXPECT_THAT(complaint([&] { with("2000", "2000", of(FodModel::msmt)); }), HasSubstr("--fod csd"));
    // Given responses: the names decide.
    PipelineOptions given;
    given.responses = {{"wm", "w"}, {"csf", "c"}};
    EXPECT_EQ(with("0 1000", "0 3000", given).name(), "msmt");
    EXPECT_TRUE(with("0 1000", "0 3000", given).sources.empty());
    given.fod_model = FodModel::csd;
    EXPECT_THAT(complaint([&] { with("0 1000", "0 3000", given); }), HasSubstr("--fod csd does not go with"));
    given = {};
    given.responses = {{"", "r"}};
    EXPECT_EQ(with("0 1000", "0 3000", given).name(), "csd");
    // A session that cannot be used is no source.
    fs::remove(root() + "/sub-01/ses-2/dwi/sub-01_ses-2_dwi.bvec");
    EXPECT_EQ(choose_model(sessions(), {}).sources.size(), 1u);
}

TEST_F(Bids, FiltersWithAndWithoutPrefixes) {
    for (const char* sub : {"01", "02"})
        for (const char* ses : {"a", "b"}) dwi(std::string("sub-") + sub + "/ses-" + ses + "/dwi/sub-" + sub + "_ses-" + ses + "_dwi");
    EXPECT_THAT(names({{"sub-02"}, {"b"}}), ElementsAre("sub-02 ses-a (not selected)", "sub-02 ses-b"));
    EXPECT_THAT(names({{"01"}, {"ses-a"}}), ElementsAre("sub-01 ses-a", "sub-01 ses-b (not selected)"));
    EXPECT_THAT(complaint([&] { names({{"03"}, {}}); }), testing::AllOf(HasSubstr("sub-03"), HasSubstr("sub-01, sub-02")));
    EXPECT_THAT(complaint([&] { names({{}, {"c"}}); }), HasSubstr("ses-c"));
}

TEST_F(Bids, SaysWhatIsMissing) {
    EXPECT_THAT(complaint([&] { names(); }), HasSubstr("no diffusion images"));
    file("sub-01/dwi/sub-01_dwi.nii.gz");
    file("sub-01/dwi/sub-01_dwi.bval");
    EXPECT_THAT(sessions()[0].problem, testing::AllOf(HasSubstr("sub-01_dwi.nii.gz"), HasSubstr("no bvec")));
    dwi("sub-02/dwi/sub-02_run-1_dwi");
    dwi("sub-02/dwi/sub-02_run-2_dwi");
    EXPECT_THAT(sessions()[1].problem, testing::AllOf(HasSubstr("2 diffusion images"), HasSubstr("run-1"), HasSubstr("run-2")));
    EXPECT_THAT(complaint([&] { find_sessions(root() + "/nowhere", {}); }), HasSubstr("not a folder"));
}

TEST_F(Bids, GradientsAreInherited) {
    file("sub-01/ses-1/dwi/sub-01_ses-1_dwi.nii.gz");
    file("dwi.bval");
    file("task-rest_dwi.bval");  // not among the image's entities
    file("dwi.bvec");
    file("sub-01/sub-01_dwi.bvec");  // nearer
    const auto session = sessions()[0];
    EXPECT_EQ(session.problem, "");
    EXPECT_THAT(session.bval, EndsWith(root() + "/dwi.bval"));
    EXPECT_THAT(session.bvec, EndsWith("/sub-01/sub-01_dwi.bvec"));
}

TEST_F(Bids, ReadsAQsiprepDerivative) {
    dwi("sub-01/ses-1/dwi/sub-01_ses-1_space-ACPC_desc-preproc_dwi");
    file("sub-01/ses-1/dwi/sub-01_ses-1_space-ACPC_dwiref.nii.gz");
    file("sub-01/ses-1/dwi/sub-01_ses-1_space-ACPC_desc-brain_mask.nii.gz");
    file("sub-01/ses-1/dwi/sub-01_ses-1_space-MNI_desc-brain_mask.nii.gz");
    file("sub-01/anat/sub-01_space-ACPC_desc-brain_mask.nii.gz");
    file("sub-01/anat/sub-01_space-ACPC_seg-4S156Parcels_dseg.nii.gz");
    const auto session = sessions()[0];
    EXPECT_THAT(session.dwi, EndsWith("_desc-preproc_dwi.nii.gz"));
    EXPECT_EQ(derivative_prefix(session), "sub-01_ses-1_space-ACPC_");
    EXPECT_THAT(find_mask(root(), session).path, EndsWith("ses-1_space-ACPC_desc-brain_mask.nii.gz"));
    EXPECT_THAT(find_parcellation(root(), session, "").path, EndsWith("sub-01_space-ACPC_seg-4S156Parcels_dseg.nii.gz"));
    EXPECT_EQ(atlas_label(find_parcellation(root(), session, "").path), "4S156Parcels");
}

TEST_F(Bids, ParcellationOfTheSameSessionThenOfAnotherThenOfTheSubject) {
    for (const char* ses : {"1", "2"}) dwi(std::string("sub-01/ses-") + ses + "/dwi/sub-01_ses-" + ses + "_dwi");
    const std::string at = "derivatives/parcels/sub-01/";
    EXPECT_THAT(complaint([&] { find_parcellation(root(), sessions()[0], ""); }), HasSubstr("--parcellation"));
    file(at + "anat/sub-01_desc-x_dseg.nii.gz");
    EXPECT_THAT(find_parcellation(root(), sessions()[1], "").path, EndsWith("anat/sub-01_desc-x_dseg.nii.gz"));
    file(at + "ses-1/dwi/sub-01_ses-1_desc-x_dseg.nii.gz");
    const auto found = find_parcellation(root(), sessions()[1], "");
    EXPECT_THAT(found.path, EndsWith("ses-1/dwi/sub-01_ses-1_desc-x_dseg.nii.gz"));
    EXPECT_THAT(found.remark, HasSubstr("ses-1"));
    file(at + "ses-2/anat/sub-01_ses-2_desc-x_dseg.nii.gz");
    EXPECT_THAT(find_parcellation(root(), sessions()[1], "").path, EndsWith("ses-2/anat/sub-01_ses-2_desc-x_dseg.nii.gz"));
    EXPECT_EQ(find_parcellation(root(), sessions()[1], "").remark, "");
    // Several side by side: by label, or a message that lists them.
    file(at + "ses-2/anat/sub-01_ses-2_atlas-y_dseg.nii.gz");
    EXPECT_THAT(complaint([&] { find_parcellation(root(), sessions()[1], ""); }), testing::AllOf(HasSubstr("desc-x"), HasSubstr("atlas-y"), HasSubstr("--parcellation")));
    EXPECT_THAT(find_parcellation(root(), sessions()[1], "y").path, EndsWith("atlas-y_dseg.nii.gz"));
}

TEST_F(Bids, RegionNamesBesideOrInherited) {
    file("sub-01/anat/sub-01_seg-x_dseg.nii.gz");
    const std::string parcellation = root() + "/sub-01/anat/sub-01_seg-x_dseg.nii.gz";
    EXPECT_EQ(find_names(parcellation), "");
    file("seg-y_dseg.tsv");
    EXPECT_EQ(find_names(parcellation), "");
    file("seg-x_dseg.tsv");
    EXPECT_THAT(find_names(parcellation), EndsWith("/seg-x_dseg.tsv"));
    file("sub-01/anat/sub-01_seg-x_dseg.tsv");
    EXPECT_THAT(find_names(parcellation), EndsWith("/anat/sub-01_seg-x_dseg.tsv"));
    file("a_dseg.nii.gz");
    file("b_dseg.tsv");
    EXPECT_EQ(find_names(root() + "/a_dseg.nii.gz"), "");
}

}  // namespace
}  // namespace arcuate::study
