#include "run/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include "base/error.h"

namespace trainer {
namespace {

[[noreturn]] void fail(sqlite3* database, const std::string& file) {
  const int status = sqlite3_errcode(database);
  const std::string message = sqlite3_errmsg(database);
  if (status == SQLITE_NOTADB || status == SQLITE_CORRUPT) {
    throw UsageError(fmt::format("{}: damaged, not a database: {}; restore it from a copy", file, message));
  }
  throw SystemFailure(fmt::format("{}: {}; check free space and permissions", file, message));
}

}  // namespace

void Statement::Finalizer::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Statement::Statement(sqlite3* database, std::string_view sql, std::string file) : file_(std::move(file)) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &statement, nullptr) != SQLITE_OK) {
    fail(database, file_);
  }
  statement_.reset(statement);
}

void Statement::check(int status, int expected) const {
  if (status != expected) {
    fail(sqlite3_db_handle(statement_.get()), file_);
  }
}

Statement& Statement::bind(int64_t value) {
  check(sqlite3_bind_int64(statement_.get(), ++bound_, value), SQLITE_OK);
  return *this;
}

Statement& Statement::bind(double value) {
  check(sqlite3_bind_double(statement_.get(), ++bound_, value), SQLITE_OK);
  return *this;
}

Statement& Statement::bind(std::string_view value) {
  check(sqlite3_bind_text(statement_.get(), ++bound_, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT),
        SQLITE_OK);
  return *this;
}

Statement& Statement::bind(std::optional<double> value) {
  if (value) {
    return bind(*value);
  }
  check(sqlite3_bind_null(statement_.get(), ++bound_), SQLITE_OK);
  return *this;
}

void Statement::run() {
  check(sqlite3_step(statement_.get()), SQLITE_DONE);
  bound_ = 0;
  check(sqlite3_reset(statement_.get()), SQLITE_OK);
}

bool Statement::row() {
  const int status = sqlite3_step(statement_.get());
  if (status == SQLITE_ROW) {
    return true;
  }
  check(status, SQLITE_DONE);
  bound_ = 0;
  check(sqlite3_reset(statement_.get()), SQLITE_OK);
  return false;
}

int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }

std::optional<double> Statement::real(int column) const {
  if (sqlite3_column_type(statement_.get(), column) == SQLITE_NULL) {
    return std::nullopt;
  }
  return sqlite3_column_double(statement_.get(), column);
}

std::string Statement::text(int column) const {
  const unsigned char* const value = sqlite3_column_text(statement_.get(), column);
  return value == nullptr ? "" : reinterpret_cast<const char*>(value);
}

void Database::Closer::operator()(sqlite3* database) const { sqlite3_close(database); }

Database::Database(const std::filesystem::path& file, Mode mode) : file_(file.string()) {
  int flags = SQLITE_OPEN_READWRITE;
  if (mode == Mode::create) {
    flags |= SQLITE_OPEN_CREATE;
  } else if (mode == Mode::read_only) {
    flags = SQLITE_OPEN_READONLY;
  }
  if (mode != Mode::create && !std::filesystem::is_regular_file(file)) {
    throw UsageError(fmt::format("{}: not found; is this a run folder?", file_));
  }
  sqlite3* database = nullptr;
  const int status = sqlite3_open_v2(file.c_str(), &database, flags, nullptr);
  database_.reset(database);
  if (status != SQLITE_OK) {
    fail(database, file_);
  }
  sqlite3_busy_timeout(database, 10'000);  // a reader that looks at the file must not stop the run
}

void Database::execute(const std::string& sql) {
  if (sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    fail(database_.get(), file_);
  }
}

Statement Database::prepare(std::string_view sql) { return {database_.get(), sql, file_}; }

}  // namespace trainer
