// How the FODs of a subject are made: the same way in all of its sessions, so that they compare.
#pragma once

#include "arcuate/study/pipeline.hpp"

#include <string>
#include <vector>

namespace arcuate::study {

struct SubjectModel {
    bool multi_tissue = false;         ///< multi-tissue CSD of all shells; else CSD of the largest
    std::vector<std::string> tissues;  ///< "wm", ..., in the order of the responses; CSD: one without a name
    std::vector<Session> sources;      ///< whose responses are averaged; none where files are given
    std::vector<Session> placed;       ///< which are brought into one space; none where that was not asked for, or there is one session
    std::vector<Session> together;     ///< which share their streamlines, so that they are computed together; none where each has its own
    std::string remark;                ///< for the log, where the choice wants saying

    std::string name() const { return multi_tissue ? "msmt" : "csd"; }
};

/// Decided by the options and by the b-values as they stand in the files of the subject's sessions, before any image is read. The sources are all
/// sessions of the subject that can be used, also those the filter leaves out: so it does not matter which sessions are run together.
/// The same holds for those that are brought into one space. Throws InputError where the sessions' shells do not allow what is asked for, or one response cannot serve them all.
SubjectModel choose_model(const std::vector<Session>& sessions, const PipelineOptions& options);

}  // namespace arcuate::study
