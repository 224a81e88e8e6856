// When sessions took place.
#pragma once

#include <map>
#include <string>

namespace arcuate::study {

/// Days of the civil calendar since 1970-01-01 of "2009-06-15T13:45:30" (fraction and time optional). NaN for anything else.
double days_of(const std::string& date_time);

/// acq_time of each session by its label without "ses-", in days since 1970-01-01, from sub-*/sub-*_sessions.tsv; empty where there is no such table or column.
std::map<std::string, double> session_days(const std::string& subject_folder);

}  // namespace arcuate::study
