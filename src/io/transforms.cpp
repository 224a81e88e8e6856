#include "arcuate/io/transforms.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/tables.hpp"

#include "text.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <vector>

namespace arcuate::io {

namespace {

constexpr std::string_view itk_text = "#Insight Transform File";

// ---- plain matrices ------------------------------------------------------------------------------------------------
Affine matrix_of(const std::string& path) {
    const auto rows = read_numbers(path);
    const bool square = rows.size() == 4;
    if (!square && rows.size() != 3) throw InputError(fmt::format("{} is no transform (it has {} rows of numbers, a matrix has 3 or 4); check that it is the right file", path, rows.size()));
    Affine out;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        if (rows[r].size() != 4) throw InputError(fmt::format("{} is no transform (row {} has {} numbers, not 4); check that it is the right file", path, r + 1, rows[r].size()));
        if (r == 3) continue;
        out.linear[r] = {rows[r][0], rows[r][1], rows[r][2]};
        out.offset[r] = rows[r][3];
    }
    if (square && rows[3] != std::vector<double>{0, 0, 0, 1}) throw InputError(fmt::format("{} is no affine transform (its last row is not 0 0 0 1); check that it is the right file", path));
    return out;
}

// ---- ITK ------------------------------------------------------------------------------------------------------------
/// A transform as ITK stores it.
struct ItkTransform {
    std::string type;
    std::vector<double> parameters, fixed;
};

std::vector<double> numbers_of(std::string_view line, const std::string& path) {
    std::vector<double> out;
    for (const auto word : split_words(line)) {
        const auto value = parse_double(word);
        if (!value) throw InputError(fmt::format("{} is a damaged ITK transform (it holds '{}' where a number should be); write it again", path, word));
        out.push_back(*value);
    }
    return out;
}

ItkTransform parse_itk_text(const std::string& text, const std::string& path) {
    ItkTransform out;
    for (const auto line : split_lines(text)) {
        const auto colon = line.find(':');
        if (line.starts_with('#') || colon == std::string_view::npos) continue;
        const auto key = trimmed(line.substr(0, colon)), value = trimmed(line.substr(colon + 1));
        if (key == "Transform") {
            if (!out.type.empty()) throw InputError(fmt::format("{} holds several transforms (one is read); combine them, for instance with antsApplyTransforms -o Linear[...]", path));
            out.type = value;
        } else if (key == "Parameters") {
            out.parameters = numbers_of(value, path);
        } else if (key == "FixedParameters") {
            out.fixed = numbers_of(value, path);
        }
    }
    return out;
}

/// MATLAB's format of level 4: per matrix a header of five 32-bit integers (type, rows, columns, imaginary part, length of the name), the name and the values.
ItkTransform parse_itk_binary(const std::string& bytes, const std::string& path) {
    const auto damaged = [&](const char* why) { return InputError(fmt::format("{} is no ITK transform ({}); check that it is the right file", path, why)); };
    ItkTransform out;
    std::size_t at = 0;
    while (at < bytes.size()) {
        std::int32_t header[5];
        if (bytes.size() - at < sizeof header) throw damaged("it ends within a header");
        std::memcpy(header, bytes.data() + at, sizeof header);
        at += sizeof header;
        const auto [type, rows, columns, imaginary, name_length] = header;
        if ((type != 0 && type != 10) || rows < 0 || rows > 1000 || columns != 1 || imaginary != 0 || name_length < 1 || name_length > 1000) throw damaged("a header is not that of a column of little-endian numbers");
        const std::size_t width = type == 0 ? 8 : 4, values = static_cast<std::size_t>(rows), name = static_cast<std::size_t>(name_length);
        if (bytes.size() - at < name + values * width) throw damaged("it is truncated");
        const std::string key(bytes.data() + at, strnlen(bytes.data() + at, name));
        at += name;
        std::vector<double> numbers;
        for (std::size_t i = 0; i < values; ++i, at += width) {
            double value = 0;
            float narrow = 0;
            if (width == 8) std::memcpy(&value, bytes.data() + at, 8);
            else std::memcpy(&narrow, bytes.data() + at, 4), value = static_cast<double>(narrow);
            numbers.push_back(value);
        }
        if (key == "fixed") out.fixed = std::move(numbers);
        else if (!out.type.empty()) throw InputError(fmt::format("{} holds several transforms (one is read); combine them, for instance with antsApplyTransforms -o Linear[...]", path));
        else out.type = key, out.parameters = std::move(numbers);
    }
    return out;
}

Affine turn_about(std::size_t axis, double angle) {
    Affine out;
    const std::size_t i = (axis + 1) % 3, j = (axis + 2) % 3;
    out.linear[i][i] = out.linear[j][j] = std::cos(angle);
    out.linear[j][i] = std::sin(angle);
    out.linear[i][j] = -out.linear[j][i];
    return out;
}

/// The matrix of a versor, whose vector part is given.
Affine versor(double x, double y, double z) {
    const double w = std::sqrt(std::max(0.0, 1 - x * x - y * y - z * z));
    Affine out;
    out.linear = {{{1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)},
                   {2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)},
                   {2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)}}};
    return out;
}

/// Points of the fixed image to points of the moving one, LPS+: y = M (x - c) + c + t.
Affine affine_of(const ItkTransform& t, const std::string& path) {
    const auto& p = t.parameters;
    const std::string kind = t.type.substr(0, t.type.find('_'));
    const auto expect = [&](std::size_t n) {
        if (p.size() != n) throw InputError(fmt::format("{} is a damaged ITK transform ({} has {} parameters, not {}); write it again", path, t.type, p.size(), n));
    };
    Affine linear;
    Vec3d shift{};
    if (kind == "AffineTransform" || kind == "MatrixOffsetTransformBase") {
        expect(12);
        for (std::size_t r = 0; r < 3; ++r) linear.linear[r] = {p[3 * r], p[3 * r + 1], p[3 * r + 2]};
        shift = {p[9], p[10], p[11]};
    } else if (kind == "Euler3DTransform") {
        expect(6);
        const bool zyx = t.fixed.size() > 3 && t.fixed[3] != 0;
        const Affine x = turn_about(0, p[0]), y = turn_about(1, p[1]), z = turn_about(2, p[2]);
        linear = zyx ? composed(z, composed(y, x)) : composed(z, composed(x, y));
        shift = {p[3], p[4], p[5]};
    } else if (kind == "VersorRigid3DTransform") {
        expect(6);
        linear = versor(p[0], p[1], p[2]);
        shift = {p[3], p[4], p[5]};
    } else if (kind == "TranslationTransform") {
        expect(3);
        shift = {p[0], p[1], p[2]};
    } else {
        throw InputError(fmt::format("{} holds '{}', which is no linear transform that is read (affine, Euler, versor or translation in three dimensions); convert it to an affine one", path, t.type));
    }
    const Vec3d centre = t.fixed.size() >= 3 ? Vec3d{t.fixed[0], t.fixed[1], t.fixed[2]} : Vec3d{};
    const Vec3d moved = transform_direction(linear, centre);
    for (std::size_t i = 0; i < 3; ++i) linear.offset[i] = shift[i] + centre[i] - moved[i];
    return linear;
}

/// LPS+ to RAS+ and back: x and y change their signs on both sides.
Affine flipped_lps(Affine a) {
    for (std::size_t r = 0; r < 3; ++r) {
        for (std::size_t c = 0; c < 3; ++c)
            if ((r == 2) != (c == 2)) a.linear[r][c] = -a.linear[r][c];
        if (r < 2) a.offset[r] = -a.offset[r];
    }
    return a;
}

// ---- FLIRT ----------------------------------------------------------------------------------------------------------
/// Voxel indices to FSL's millimetres: voxel sizes along the image's axes, x counted from the other end where the determinant is positive.
Affine fsl_frame(const Grid& grid) {
    const Vec3d size = voxel_sizes(grid.voxel_to_world);
    Affine out;
    for (std::size_t i = 0; i < 3; ++i) out.linear[i][i] = size[i];
    if (determinant(grid.voxel_to_world) > 0) {
        out.linear[0][0] = -size[0];
        out.offset[0] = size[0] * static_cast<double>(grid.size[0] - 1);
    }
    return out;
}

Affine read_flirt(const std::string& path, const std::optional<Grid>& image, const std::optional<Grid>& reference) {
    if (!image || !reference)
        throw InputError(fmt::format("{} looks like a matrix of FLIRT, whose millimetres count from the corners of its two images; give FLIRT's input and reference image, or the format "
                                     "if it is another one",
                                     path));
    const Affine to_fsl = composed(fsl_frame(*image), inverse(image->voxel_to_world));
    const Affine from_fsl = composed(reference->voxel_to_world, inverse(fsl_frame(*reference)));
    return composed(from_fsl, composed(matrix_of(path), to_fsl));
}

Affine inverse_of(const Affine& transform, const std::string& path) {
    for (std::size_t r = 0; r < 3; ++r)
        for (const double value : {transform.linear[r][0], transform.linear[r][1], transform.linear[r][2], transform.offset[r]})
            if (!std::isfinite(value)) throw InputError(fmt::format("{} holds a value that is not a number; write it again", path));
    try {
        return inverse(transform);
    } catch (const InputError&) {
        throw InputError(fmt::format("{} has no inverse (its matrix is singular); check that it is the right file", path));
    }
}

std::string matrix_text(const Affine& a) {
    std::string out;
    for (std::size_t r = 0; r < 3; ++r) out += fmt::format("{} {} {} {}\n", number(a.linear[r][0]), number(a.linear[r][1]), number(a.linear[r][2]), number(a.offset[r]));
    return out + "0 0 0 1\n";
}

std::string itk_text_of(const Affine& ras) {
    const Affine a = flipped_lps(ras);
    std::string out = fmt::format("{} V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\nParameters:", itk_text);
    for (const auto& row : a.linear)
        for (const double value : row) out += " " + number(value);
    for (const double value : a.offset) out += " " + number(value);
    return out + "\nFixedParameters: 0 0 0\n";
}

}  // namespace

TransformFormat transform_format(const std::string& name) {
    if (name == "auto") return TransformFormat::automatic;
    if (name == "mrtrix") return TransformFormat::mrtrix;
    if (name == "itk") return TransformFormat::itk;
    if (name == "flirt") return TransformFormat::flirt;
    if (name == "motion") return TransformFormat::motion;
    throw InputError(fmt::format("there is no transform format '{}'; choose auto, mrtrix, itk, flirt or motion", name));
}

Affine read_transform(const std::string& path, TransformFormat format, const std::optional<Grid>& image, const std::optional<Grid>& reference) {
    const std::string bytes = read_text(path);
    const bool text = bytes.starts_with(itk_text), binary = bytes.find('\0') != std::string::npos;
    if (format == TransformFormat::automatic)
        format = text || binary ? TransformFormat::itk : has_extension(path, ".mat") ? TransformFormat::flirt : TransformFormat::mrtrix;
    else if ((text || binary) && format != TransformFormat::itk)
        throw InputError(fmt::format("{} is a transform of ITK, not a plain matrix; leave out the format", path));
    switch (format) {
        case TransformFormat::itk: return inverse_of(flipped_lps(affine_of(binary ? parse_itk_binary(bytes, path) : parse_itk_text(bytes, path), path)), path);
        case TransformFormat::flirt: {
            const Affine motion = read_flirt(path, image, reference);
            inverse_of(motion, path);
            return motion;
        }
        case TransformFormat::motion: {
            const Affine motion = matrix_of(path);
            inverse_of(motion, path);
            return motion;
        }
        default: return inverse_of(matrix_of(path), path);
    }
}

void write_transform(const std::string& path, const Affine& motion, bool overwrite) {
    const Affine pulled = inverse(motion);
    write_text(path, has_extension(path, ".tfm") ? itk_text_of(pulled) : matrix_text(pulled), overwrite);
}

}  // namespace arcuate::io
