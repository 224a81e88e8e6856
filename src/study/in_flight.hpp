// Several sessions at once: who works on which, and what they share.
#pragma once

#include "arcuate/backend/device.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace arcuate::study {

/// Calls work(item, worker) for every item in [0, items), in their order, by `workers` threads of which each takes the next item when it is done with one. Returns when all have ended. After an
/// exception no further item is begun, and of several the first item's is thrown. One worker is the calling thread.
void at_once(std::size_t workers, std::size_t items, const std::function<void(std::size_t item, std::size_t worker)>& work);

/// For a sentence.
std::string names_of(std::span<const Device> devices);

/// Each device once.
std::vector<Device> different(std::span<const Device> devices);

/// What a subject's sessions have in common, found by the first that asks; the others wait for it.
template <class T>
class PerSubject {
  public:
    template <class Find>
    const T& get(const std::string& subject, const Find& find) {
        Entry& entry = entry_of(subject);
        const std::lock_guard lock(entry.mutex);
        if (!entry.value) entry.value = find();
        return *entry.value;
    }

  private:
    struct Entry {
        std::mutex mutex;
        std::optional<T> value;
    };
    Entry& entry_of(const std::string& subject) {
        const std::lock_guard lock(mutex_);
        return entries_[subject];
    }
    std::mutex mutex_;
    std::map<std::string, Entry> entries_;
};

}  // namespace arcuate::study
