#include "study/session_days.hpp"

#include "arcuate/io/tables.hpp"
#include "study/bids_name.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <limits>

namespace arcuate::study {

namespace fs = std::filesystem;

double days_of(const std::string& date_time) {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0;
    double second = 0;
    const int read = std::sscanf(date_time.c_str(), "%4d-%2d-%2dT%2d:%2d:%lf", &year, &month, &day, &hour, &minute, &second);
    if ((read != 3 && read < 5) || month < 1 || month > 12 || day < 1 || day > 31) return std::numeric_limits<double>::quiet_NaN();
    // Days from the civil calendar: years that begin in March put the leap day last.
    const int y = month <= 2 ? year - 1 : year, m = (month + 9) % 12;
    const long days = 365L * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
    return static_cast<double>(days) + (hour * 3600 + minute * 60 + second) / 86400;
}

std::map<std::string, double> session_days(const std::string& subject_folder) {
    const auto path = fs::path(subject_folder) / (fs::path(subject_folder).filename().string() + "_sessions.tsv");
    std::map<std::string, double> out;
    if (!fs::exists(path)) return out;
    const auto table = io::read_table(path.string());
    if (table.empty()) return out;
    const auto& header = table.front();
    const auto session = std::find(header.begin(), header.end(), "session_id"), time = std::find(header.begin(), header.end(), "acq_time");
    if (session == header.end() || time == header.end()) return out;
    for (std::size_t row = 1; row < table.size(); ++row) {
        if (table[row].size() != header.size()) continue;
        const double days = days_of(table[row][static_cast<std::size_t>(time - header.begin())]);
        if (days == days) out[without_prefix(table[row][static_cast<std::size_t>(session - header.begin())], "ses-")] = days;
    }
    return out;
}

}  // namespace arcuate::study
