// Finding what to work on in a BIDS data set: subjects, sessions, their diffusion images, and the masks and parcellations among its derivatives.
#pragma once

#include <limits>
#include <string>
#include <vector>

namespace arcuate::study {

/// One acquisition of one subject.
struct Session {
    std::string subject;  ///< label without "sub-"
    std::string session;  ///< label without "ses-"; empty where the subject has no session folders
    double days = std::numeric_limits<double>::quiet_NaN();  ///< since the subject's first session (acq_time in sub-*_sessions.tsv); NaN where unknown
    std::string dwi, bval, bvec;  ///< paths
    std::string problem;          ///< why it cannot be used, a sentence; empty where it can
    bool selected = true;         ///< by the filter

    std::string name() const;    ///< "sub-01 ses-02"
    std::string folder() const;  ///< "sub-01/ses-02"
};

/// Labels with or without "sub-" and "ses-"; empty: all.
struct Filter {
    std::vector<std::string> participants, sessions;
};

/// The sessions with diffusion images of every participant that the filter names, also those that the session filter leaves out (`selected` is then
/// false). Subjects by label; a subject's sessions by acquisition time where all have one, else by label.
///
/// Image: sub-*/[ses-*/]dwi/*_dwi.nii[.gz]; where some have desc-preproc (a derivative such as QSIPrep's), those alone. Several are a problem
/// of the session. Gradients: the .bval and .bvec of the same name, else by the inheritance principle.
/// Throws InputError where there is no such folder or image, or where a filter matches nothing.
std::vector<Session> find_sessions(const std::string& bids_dir, const Filter& filter);

/// A file found, and a remark for the log where its choice wants saying.
struct Found {
    std::string path;
    std::string remark;
};

/// The session's *_desc-brain*_mask.nii[.gz] in BIDS_DIR itself or in a derivatives/<pipeline>: the session's dwi folder, its anat, then the subject's dwi
/// and anat. It must have the image's space- entity (or lack it, too), and no other acq-, dir- or run-.
/// Files below `except` do not count: a run's own outputs are not its inputs. The path is empty where there is none, and the remark then names those of other
/// spaces or acquisitions. Throws InputError where there are several in the same place.
Found find_mask(const std::string& bids_dir, const Session& session, const std::string& except = "");

/// The same for *_dseg.nii[.gz], which must be there (else InputError); after the session's folders come those of the subject's other sessions, which share its world frame.
/// `label`: that of the file's desc-, seg- or atlas- entity, where several parcellations lie side by side; empty: whichever there is.
Found find_parcellation(const std::string& bids_dir, const Session& session, const std::string& label);

/// The table of a parcellation's region names: the .tsv of the same name beside it, else by the inheritance principle. Empty where there is none.
std::string find_names(const std::string& parcellation);

/// The parcellation's name for outputs: its atlas-, seg- or desc- label, else the letters and digits of its file name.
std::string atlas_label(const std::string& parcellation);

/// Name of the session's derivatives up to and including the last underscore: its image's entities without desc-, "sub-01_ses-02_".
std::string derivative_prefix(const Session& session);

}  // namespace arcuate::study
