#include "study/acquisition.hpp"

#include "arcuate/dwi/brain_mask.hpp"
#include "arcuate/io/gradients.hpp"
#include "arcuate/io/nifti.hpp"
#include "arcuate/io/threads.hpp"

#include <algorithm>

namespace arcuate::study {

Acquisition read_acquisition(const Session& session, const std::string& mask) {
    Acquisition out;
    out.dwi = io::read_series(session.dwi);
    out.gradients = io::read_fsl_gradients(session.bval, session.bvec, out.dwi.grid, out.dwi.volumes);
    if (mask.empty()) {
        out.mask = dwi::brain_mask(out.dwi, out.gradients);
        return out;
    }
    out.mask = io::read_mask(mask);
    require_same_grid(out.mask.grid, "mask " + mask, out.dwi.grid, "image " + session.dwi);
    voxels_inside(out.mask, "mask " + mask);
    return out;
}

// Who asked for one thread gets no other in the background.
ReadAhead::ReadAhead(std::vector<Wanted> in_order, std::size_t ahead) : ahead_(io::threads() > 1 ? ahead : 0) {
    for (auto& wanted : in_order) entries_.push_back({std::move(wanted)});
}

Acquisition ReadAhead::read(const Session& session, const std::string& mask) {
    std::future<Acquisition> begun;
    std::vector<std::future<Acquisition>> passed_over;  // whose reading, where it is under way, ends after the lock is given back
    {
        const std::lock_guard lock(mutex_);
        const auto found = std::find_if(entries_.begin(), entries_.end(),
                                        [&](const Entry& e) { return !e.over && e.wanted.session.dwi == session.dwi && e.wanted.mask == mask; });
        if (found != entries_.end()) {
            found->over = true;
            begun = std::move(found->begun);
            for (auto entry = entries_.begin(); entry != found; ++entry)
                if (entry->wanted.group == found->wanted.group && !entry->over) {
                    entry->over = true;
                    passed_over.push_back(std::move(entry->begun));
                }
        }
        if (begun.valid()) begin_next();
    }
    passed_over.clear();
    if (begun.valid()) return begun.get();
    Acquisition out = read_acquisition(session, mask);
    const std::lock_guard lock(mutex_);
    begin_next();
    return out;
}

void ReadAhead::drop(std::size_t group) {
    std::vector<std::future<Acquisition>> dropped;
    const std::lock_guard lock(mutex_);
    for (auto& entry : entries_)
        if (entry.wanted.group == group && !entry.over) {
            entry.over = true;
            dropped.push_back(std::move(entry.begun));
        }
    begin_next();
}

void ReadAhead::begin_next() {
    std::size_t held = 0;
    for (auto& entry : entries_) {
        if (held >= ahead_) return;
        if (entry.over) continue;
        if (!entry.begun.valid()) entry.begun = std::async(std::launch::async, read_acquisition, entry.wanted.session, entry.wanted.mask);
        ++held;
    }
}

}  // namespace arcuate::study
