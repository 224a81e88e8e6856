#include "arcuate/io/map_description.hpp"

namespace arcuate::io {

namespace {

constexpr const char* diffusivity = "mm^2/s";

struct Row {
    const char *param, *description, *units, *representation, *order;
};

constexpr Row rows[] = {
    {"tensor", "diffusion tensor", diffusivity, "param", "Dxx, Dyy, Dzz, Dxy, Dxz, Dyz"},
    {"s0", "estimated signal without diffusion weighting", "", "", ""},
    {"fa", "fractional anisotropy", "", "", ""},
    {"md", "mean diffusivity", diffusivity, "", ""},
    {"ad", "axial diffusivity", diffusivity, "", ""},
    {"rd", "radial diffusivity", diffusivity, "", ""},
    {"l1", "largest eigenvalue of the tensor", diffusivity, "", ""},
    {"l2", "middle eigenvalue of the tensor", diffusivity, "", ""},
    {"l3", "smallest eigenvalue of the tensor", diffusivity, "", ""},
    {"v1", "eigenvector of the largest eigenvalue", "", "unit3vector", ""},
    {"v2", "eigenvector of the middle eigenvalue", "", "unit3vector", ""},
    {"v3", "eigenvector of the smallest eigenvalue", "", "unit3vector", ""},
    {"mode", "mode of the tensor, -1 (planar) to 1 (linear)", "", "", ""},
    {"cl", "linearity of the tensor, normalised by its trace", "", "", ""},
    {"cp", "planarity of the tensor, normalised by its trace", "", "", ""},
    {"cs", "sphericity of the tensor, normalised by its trace", "", "", ""},
    {"colour_fa", "fractional anisotropy times the magnitudes of v1's components", "", "dec", ""},
    {"residual", "root mean square residual of the signal", "as the image", "", ""},
    {"mk", "mean kurtosis", "", "", ""},
    {"ak", "axial kurtosis", "", "", ""},
    {"rk", "radial kurtosis", "", "", ""},
    {"mkt", "mean of the kurtosis tensor", "", "", ""},
    {"kurtosis", "kurtosis tensor", "", "param",
     "Wxxxx, Wyyyy, Wzzzz, Wxxxy, Wxxxz, Wxyyy, Wxzzz, Wyyyz, Wyzzz, Wxxyy, Wxxzz, Wyyzz, Wxxyz, Wxyyz, Wxyzz"},
    {"fa_se", "bootstrap standard error of the fractional anisotropy", "", "", ""},
    {"md_se", "bootstrap standard error of the mean diffusivity", diffusivity, "", ""},
    {"fa_lower", "lower end of the 95% interval of the fractional anisotropy", "", "", ""},
    {"fa_upper", "upper end of the 95% interval of the fractional anisotropy", "", "", ""},
    {"md_lower", "lower end of the 95% interval of the mean diffusivity", diffusivity, "", ""},
    {"md_upper", "upper end of the 95% interval of the mean diffusivity", diffusivity, "", ""},
    {"v1_cone95", "half-angle of the 95% cone of uncertainty of v1", "degrees", "", ""},
};

constexpr struct {
    const char *model, *description;
} models[] = {
    {"tensor", "diffusion tensor"},
    {"kurtosis", "diffusion kurtosis tensor"},
    {"bootstrap", "diffusion tensor, bootstrapped"},
    {"csd", "constrained spherical deconvolution, one shell"},
    {"msmt", "constrained spherical deconvolution, several shells and tissues"},
};

}  // namespace

MapDescription describe_map(std::string_view model, std::string_view param, int lmax) {
    MapDescription out;
    for (const auto& m : models)
        if (model == m.model) out.model = m.description;
    if (model == "csd" || model == "msmt") {
        out.description = "fibre orientation distribution" + (param.empty() ? std::string() : " of " + std::string(param));
        out.units = "multiples of the response";
        out.representation = "sh";
        out.lmax = lmax;
        return out;
    }
    out.description = param;
    for (const auto& row : rows)
        if (param == row.param) {
            out.description = row.description;
            out.units = row.units;
            out.representation = row.representation;
            out.order = row.order;
        }
    return out;
}

}  // namespace arcuate::io
