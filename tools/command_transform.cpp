// arcuate transform: an image or a tractogram brought to another place, its directions turned along.
#include "arcuate/conventions.hpp"
#include "arcuate/core/error.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"
#include "arcuate/io/transforms.hpp"
#include "arcuate/registration/turn.hpp"
#include "tract_output.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>

namespace arcuate::tools {

namespace {

namespace fs = std::filesystem;
using registration::Kind;

struct Options {
    std::string in, out, transform, format = "auto", flirt_image, flirt_reference, kind = "auto", grid;
    bool inverse = false;
};

/// The sidecar of an image that this program wrote: what it says about the values.
io::MapDescription description_of(const std::string& image) {
    io::MapDescription out;
    std::ifstream file(io::sidecar_path(image));
    const auto json = file ? nlohmann::json::parse(file, nullptr, false) : nlohmann::json();
    if (!json.is_object()) return out;
    const auto text = [](const nlohmann::json& object, const char* key) { return object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : std::string(); };
    out.description = text(json, "Description");
    out.units = text(json, "Units");
    if (json.contains("Model") && json["Model"].is_object()) out.model = text(json["Model"], "Description");
    if (const auto encoding = json.find("OrientationEncoding"); encoding != json.end() && encoding->is_object()) {
        out.representation = text(*encoding, "Type");
        out.order = text(*encoding, "Order");
        if (encoding->contains("SphericalHarmonicDegree") && (*encoding)["SphericalHarmonicDegree"].is_number_integer()) out.lmax = (*encoding)["SphericalHarmonicDegree"].get<int>();
    }
    return out;
}

Kind kind_of(const Options& o, std::int64_t volumes, const io::MapDescription& map) {
    if (o.kind == "scalar" || o.kind == "labels" || volumes == 1) return Kind::scalar;
    if (o.kind == "fod") return Kind::fod;
    if (o.kind == "tensor") return Kind::tensor;
    if (o.kind == "kurtosis") return Kind::kurtosis;
    if (o.kind == "vectors") return Kind::vectors;
    if (map.representation == "sh") return Kind::fod;
    if (map.representation == "unit3vector") return Kind::vectors;
    if (map.representation == "param") return volumes == 15 ? Kind::kurtosis : Kind::tensor;
    if (map.representation == "dec") throw InputError(fmt::format("{} holds colours of directions, which do not turn; transform the directions (v1) instead", o.in));
    throw InputError(fmt::format("{} has {} volumes and no sidecar that says whether they turn; say with --kind whether it is a series of scalars (a DWI, too), fod, tensor, kurtosis or vectors", o.in,
                                 volumes));
}

/// Passes streamlines on with their vertices, and where they were seeded, moved.
class Moved : public StreamlineSink {
  public:
    Moved(StreamlineSink& to, const Affine& motion) : to_(to), motion_(motion) {}
    void append(const TractogramView& streamlines) override {
        positions_.assign(streamlines.positions.begin(), streamlines.positions.end());
        move(positions_);
        data_.assign(streamlines.per_streamline.begin(), streamlines.per_streamline.end());
        for (auto& array : data_)
            if (array.name == "seed_point" && array.columns == 3) move(array.values);
        TractogramView out = streamlines;
        out.positions = positions_;
        out.per_streamline = data_;
        to_.append(out);
    }

  private:
    template <class T>
    void move(std::vector<T>& points) const {
        for (std::size_t i = 0; i + 2 < points.size(); i += 3) {
            const Vec3d to = transform_point(motion_, {static_cast<double>(points[i]), static_cast<double>(points[i + 1]), static_cast<double>(points[i + 2])});
            for (std::size_t k = 0; k < 3; ++k) points[i + k] = static_cast<T>(to[k]);
        }
    }

    StreamlineSink& to_;
    Affine motion_;
    std::vector<float> positions_;
    std::vector<DataArray> data_;
};

Vec3d centre_of(const Grid& grid) {
    const auto middle = [](std::int64_t n) { return static_cast<double>(n - 1) / 2; };
    return transform_point(grid.voxel_to_world, {middle(grid.size[0]), middle(grid.size[1]), middle(grid.size[2])});
}

Affine motion_of(const Options& o) {
    std::optional<Grid> image, reference;
    if (!o.flirt_image.empty()) image = io::read_series(o.flirt_image).grid;
    if (!o.flirt_reference.empty()) reference = io::read_series(o.flirt_reference).grid;
    const Affine motion = io::read_transform(o.transform, io::transform_format(o.format), image, reference);
    return o.inverse ? inverse(motion) : motion;
}

std::vector<std::pair<std::string, std::string>> parameters_of(const Options& o) {
    std::vector<std::pair<std::string, std::string>> out{{"inverse", o.inverse ? "true" : "false"}, {"format", o.format}};
    if (o.kind != "auto") out.emplace_back("kind", o.kind);
    return out;
}

std::vector<std::pair<std::string, std::string>> transform_inputs(const Options& o) {
    std::vector<std::pair<std::string, std::string>> out{{"transform", o.transform}};
    if (!o.flirt_image.empty()) out.emplace_back("flirt image", o.flirt_image);
    if (!o.flirt_reference.empty()) out.emplace_back("flirt reference", o.flirt_reference);
    if (!o.grid.empty()) out.emplace_back("template", o.grid);
    return out;
}

void move_tractogram(Run& run, const Options& o, const Affine& motion) {
    if (!o.grid.empty()) throw InputError("--template goes with images (a tractogram has no grid to resample to); leave it out");
    TractOutput files;
    files.in = o.in;
    files.out = o.out;
    const auto reader = io::open_tractogram(o.in);
    auto info = reader->info();
    if (info.grid) info.grid = registration::moved(*info.grid, motion);
    const auto writer = files.open(run, info);
    Moved moved(*writer, motion);
    Counted counted(moved, run.progress());
    reader->stream(counted);
    files.close(run, *writer, info, parameters_of(o), transform_inputs(o));
    run.say(fmt::format("{} streamlines -> {}", writer->size(), o.out));
}

void finish(Run& run, const Options& o, const io::MapDescription& map) {
    auto inputs = transform_inputs(o);
    inputs.insert(inputs.begin(), {"image", o.in});
    io::write_sidecar(o.out, run.provenance(parameters_of(o), inputs), run.force, map);
    run.say(fmt::format("{} -> {}", o.in, o.out));
}

void move_labels(Run& run, const Options& o, const Affine& motion) {
    LabelImage labels = io::read_labels(o.in);
    if (o.grid.empty()) labels.grid = registration::moved(labels.grid, motion);
    else labels = registration::resampled(labels, motion, io::read_series(o.grid).grid, run.device());
    io::write_labels(o.out, labels, run.force);
}

void run_transform(Run& run, const Options& o) {
    const bool tractogram = o.out.ends_with(".tck") || o.out.ends_with(".trk") || o.out.ends_with(".trx");
    if (!tractogram) run.require_writable({o.out, io::sidecar_path(o.out)});
    const Affine motion = motion_of(o);
    if (tractogram) return move_tractogram(run, o, motion);

    const auto map = description_of(o.in);
    if (o.kind == "labels") {
        move_labels(run, o, motion);
        return finish(run, o, map);
    }
    ScalarImage image = io::read_image(o.in);
    const Kind kind = kind_of(o, image.volumes, map);
    if (image.volumes > 1) {
        const Affine rigid = registration::require_rigid(motion, centre_of(image.grid), o.transform);
        registration::move_image(image, kind, rigid, run.device(), run.progress());
    } else {
        image.grid = registration::moved(image.grid, motion);
    }
    if (!o.grid.empty()) image = registration::resampled(image, Affine{}, io::read_series(o.grid).grid, run.device());
    io::write_image(o.out, image, run.force);
    finish(run, o, map);
}

}  // namespace

void add_transform(CLI::App& root) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(root, "transform", "an image or tractogram in another place, its directions turned along, without resampling",
                            "An image keeps its voxels; what changes is its header, which says where they are, and the values that are directions: FODs, tensors, kurtosis tensors and vectors\n"
                            "turn exactly by the transform's rotation. What they are is read from the image's sidecar or said with --kind. A .bvec file goes along with its image unchanged,\n"
                            "because it is relative to the image's axes; a table of MRtrix3 (.b) is not, so convert it to .bval and .bvec before. All vertices of a tractogram move.\n\n"
                            "Directions turn by rigid transforms alone; what scales or shears is applied to 3-D images and tractograms, and refused for the rest. With --template the result is\n"
                            "resampled to another image's voxels: trilinear, labels (--kind labels) from the nearest voxel. Values are written as float32, labels as int32.\n\n"
                            "Transforms: MRtrix's matrices and ITK's (.tfm, .txt, binary .mat; affine, Euler, versor, translation) take points of the target to points of the image, as these\n"
                            "programs have it; FSL's FLIRT needs its two images. --format motion is a matrix that takes points of the image to the target. --inverse goes the other way.\n\n"
                            "Example:\n"
                            "  arcuate transform fod.nii.gz common_fod.nii.gz --transform common_2.txt &&\n"
                            "  arcuate transform parcels.nii.gz common_parcels.nii.gz --transform common_2.txt --kind labels\n\n"
                            "Reference: Ivanic & Ruedenberg 1996, J Phys Chem 100:6342 (rotation of spherical harmonics)",
                            [o](Run& run) { run_transform(run, *o); });
    app.add_option("IN", o->in, "image, NIfTI, or tractogram: .tck, .trk or .trx")->required();
    app.add_option("OUT", o->out, "image, .nii or .nii.gz, or tractogram: .tck, .trk or .trx")->required();
    app.add_option("--transform", o->transform, "the transform's file")->required();
    app.add_flag("--inverse", o->inverse, "apply its inverse");
    app.add_option("--format", o->format, "of the transform: auto, mrtrix, itk, flirt or motion")->check(CLI::IsMember({"auto", "mrtrix", "itk", "flirt", "motion"}))->capture_default_str();
    app.add_option("--flirt-image", o->flirt_image, "the image given to flirt -in, NIfTI");
    app.add_option("--flirt-reference", o->flirt_reference, "the image given to flirt -ref, NIfTI");
    app.add_option("--kind", o->kind, "what the values are: auto, scalar, labels, fod, tensor, kurtosis or vectors")
        ->check(CLI::IsMember({"auto", "scalar", "labels", "fod", "tensor", "kurtosis", "vectors"}))
        ->capture_default_str();
    app.add_option("--template", o->grid, "resample to this image's grid, NIfTI")->type_name("IMAGE");
}

}  // namespace arcuate::tools
