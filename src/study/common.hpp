// What the sessions of a run share, whichever of them are in flight.
#pragma once

#include "study/acquisition.hpp"
#include "study/in_flight.hpp"
#include "study/plan.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace arcuate::study {

struct SubjectResponses {
    std::vector<dwi::Tissue> mean;              ///< per unit of white-matter intensity
    std::map<std::string, std::string> faults;  ///< by path of the image: why a session gives none
};

struct SubjectPlaces {
    std::map<std::string, registration::SessionPlace> places;  ///< by session label
    std::map<std::string, std::string> faults;                 ///< by session label: why it has none
};

struct Common {
    ReadAhead images;
    PerSubject<SubjectResponses> responses{};
    PerSubject<SubjectPlaces> places{};
};

}  // namespace arcuate::study
