// What a map of a local model holds, in the words of the BIDS draft on diffusion models (BEP016), for its JSON sidecar.
#pragma once

#include <string>
#include <string_view>

namespace arcuate::io {

struct MapDescription {
    std::string description;     ///< "fractional anisotropy"; empty: nothing is written
    std::string units;           ///< "mm^2/s"; empty where it has none
    std::string model;           ///< "diffusion tensor"
    std::string representation;  ///< empty: scalar; else the draft's `param`, `unit3vector`, `dec` or `sh`, in scanner axes
    std::string order;           ///< of the volumes of `param`
    int lmax = 0;                ///< of `sh`
};

/// The description of parameter `param` ("fa", "v1", "mk", "fa_se", ...) of `model` ("tensor", "kurtosis", "bootstrap", "csd", "msmt"). For FODs
/// `param` names the tissue and `lmax` their order. An unknown parameter is described by its name.
MapDescription describe_map(std::string_view model, std::string_view param, int lmax = 0);

}  // namespace arcuate::io
