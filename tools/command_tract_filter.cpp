// arcuate tract filter: some of a tractogram's streamlines.
#include "arcuate/core/error.hpp"
#include "arcuate/io/region.hpp"
#include "arcuate/io/tables.hpp"
#include "arcuate/tract/filter.hpp"
#include "tract_output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace arcuate::tools {

namespace {

struct Options {
    TractOutput files;
    std::vector<std::string> include, exclude, mask, ends_in, groups;
    std::string ids;
    tract::FilterOptions filter;
};

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// Reads the regions; a sphere becomes a parameter of the run, an image an input.
void read_regions(const char* role, const std::vector<std::string>& texts, std::vector<Region>& regions, Pairs& parameters, Pairs& inputs) {
    for (const auto& text : texts) {
        regions.push_back(io::read_region(text));
        (regions.back().is_sphere() ? parameters : inputs).emplace_back(role, text);
    }
}

std::vector<std::uint64_t> read_ids(const std::string& path) {
    std::vector<std::uint64_t> ids;
    for (const auto& row : io::read_numbers(path))
        for (const double id : row) {
            if (!(id >= 0 && id < 0x1p53) || id != std::floor(id))
                throw InputError(fmt::format("{} has {} (the place of a streamline in its file is a whole number from 0); correct the list", path, id));
            ids.push_back(static_cast<std::uint64_t>(id));
        }
    return ids;
}

std::vector<std::uint64_t> ids_of_groups(const std::vector<std::string>& names, const io::TractogramInfo& info, const std::string& path) {
    std::vector<std::uint64_t> ids;
    for (const auto& name : names) {
        const auto group = std::find_if(info.groups.begin(), info.groups.end(), [&](const auto& g) { return g.name == name; });
        if (group == info.groups.end()) throw InputError(fmt::format("{} has no group '{}' (see arcuate tract info); give the name of one", path, name));
        ids.insert(ids.end(), group->members.begin(), group->members.end());
    }
    return ids;
}

void sort_unique(std::vector<std::uint64_t>& ids) {
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

/// The members of a group by their new places; `sources` are the old ones, ascending.
void renumber(std::vector<io::StreamlineGroup>& groups, const std::vector<std::uint32_t>& sources) {
    for (auto& group : groups) {
        std::sort(group.members.begin(), group.members.end());
        std::vector<std::uint32_t> members;
        auto member = group.members.begin();
        for (std::size_t i = 0; i < sources.size(); ++i) {
            while (member != group.members.end() && *member < sources[i]) ++member;
            if (member != group.members.end() && *member == sources[i]) members.push_back(static_cast<std::uint32_t>(i));
        }
        group.members = std::move(members);
        group.data.clear();  // they were of other streamlines
    }
}

void run_filter(Run& run, Options& o) {
    auto& filter = o.filter;
    if (!(filter.min_length_mm <= filter.max_length_mm))
        throw InputError(fmt::format("no streamline is at least {} and at most {} mm long; correct --min-length or --max-length", filter.min_length_mm, filter.max_length_mm));
    if (o.ends_in.size() > 2) throw InputError("--ends-in was given more than twice (a streamline has two ends); give one or two regions");
    Pairs parameters, inputs;
    read_regions("include", o.include, filter.include, parameters, inputs);
    read_regions("exclude", o.exclude, filter.exclude, parameters, inputs);
    read_regions("mask", o.mask, filter.mask, parameters, inputs);
    read_regions("ends_in", o.ends_in, filter.ends_in, parameters, inputs);
    if (filter.min_length_mm > 0) parameters.emplace_back("min_length_mm", io::number(filter.min_length_mm));
    if (std::isfinite(filter.max_length_mm)) parameters.emplace_back("max_length_mm", io::number(filter.max_length_mm));
    if (filter.skip > 0) parameters.emplace_back("skip", std::to_string(filter.skip));
    if (filter.first) parameters.emplace_back("first", std::to_string(*filter.first));

    const auto reader = io::open_tractogram(o.files.in);
    auto info = reader->info();
    if (!o.ids.empty()) {
        filter.ids = read_ids(o.ids);
        sort_unique(*filter.ids);
        inputs.emplace_back("ids", o.ids);
    }
    if (!o.groups.empty()) {
        auto ids = ids_of_groups(o.groups, info, o.files.in);
        sort_unique(ids);
        if (filter.ids) {
            std::vector<std::uint64_t> both;
            std::set_intersection(ids.begin(), ids.end(), filter.ids->begin(), filter.ids->end(), std::back_inserter(both));
            ids = std::move(both);
        }
        filter.ids = std::move(ids);
        for (const auto& name : o.groups) parameters.emplace_back("group", name);
    }

    const auto last_id = filter.ids && !filter.ids->empty() ? filter.ids->back() : 0;
    const auto writer = o.files.open(run, info);
    tract::Filter passing(filter, *writer);
    if (!info.groups.empty()) passing.remember_sources();
    Counted counted(passing, run.progress());
    reader->stream(counted);
    if (last_id >= static_cast<std::uint64_t>(std::max<std::int64_t>(passing.seen(), 1)))
        throw InputError(fmt::format("streamline {} was asked for and {} has {} (the first is 0); correct the list", last_id, o.files.in, passing.seen()));
    renumber(info.groups, passing.sources());
    o.files.close(run, *writer, info, std::move(parameters), std::move(inputs));
    run.say(fmt::format("{} streamlines of {} -> {}", passing.passed(), passing.seen(), o.files.out));
    if (passing.passed() == 0) run.warn("no streamline passes; check that the regions are in the world frame of the tractogram");
}

}  // namespace

void add_tract_filter(CLI::App& tract) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(tract, "filter", "some of the streamlines: by region, length, place in the file or group",
                            "A REGION is a mask image, or a sphere x,y,z,r in scanner coordinates [mm]. As in tckedit, vertices alone decide; resample first where they lie far apart.\n"
                            "All conditions must hold. Data go along, and groups keep those of their members that pass.\n\n"
                            "Example:\n  arcuate tract filter tracks.trx arc.trx --include temporal.nii.gz --include -40,20,10,12 --exclude midline.nii.gz --min-length 30",
                            [o](Run& run) { run_filter(run, *o); });
    o->files.add_to(app);
    const auto repeatable = [&](const char* name, std::vector<std::string>& to, const char* text, const char* type = "REGION") {
        app.add_option(name, to, text)->type_name(type)->allow_extra_args(false);
    };
    repeatable("--include", o->include, "keep streamlines with a vertex here; repeated: in every one of them");
    repeatable("--exclude", o->exclude, "drop streamlines with a vertex here; repeated: in any of them");
    repeatable("--ends-in", o->ends_in, "keep streamlines with both ends here; given twice: with one end in each");
    repeatable("--mask", o->mask, "cut streamlines to the parts inside; a part of one vertex is dropped, every other is a streamline");
    app.add_option("--min-length", o->filter.min_length_mm, "[mm], after the cut")->check(CLI::NonNegativeNumber);
    app.add_option("--max-length", o->filter.max_length_mm, "[mm], after the cut")->check(CLI::NonNegativeNumber);
    app.add_option("--ids", o->ids, "places in IN, from 0, as text")->type_name("FILE");
    repeatable("--group", o->groups, "keep members of this group; repeated: of any of them", "NAME");
    app.add_option("--skip", o->filter.skip, "leave out the first so many of those that pass")->check(CLI::NonNegativeNumber);
    app.add_option("--first", o->filter.first, "then keep so many at most")->check(CLI::NonNegativeNumber);
}

}  // namespace arcuate::tools
