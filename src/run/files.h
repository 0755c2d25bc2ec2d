#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace trainer {

/// Replaces `file` by `text`: written aside, fsynced, renamed, so that either the old or the new content is there
/// whatever happens. Throws SystemFailure.
void write_file_atomically(const std::filesystem::path& file, std::string_view text);

}  // namespace trainer
