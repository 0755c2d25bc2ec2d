#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace trainer {

/// One prepared SQL statement. Parameters are bound in order, then run() or row() executes it.
class Statement {
 public:
  Statement(sqlite3* database, std::string_view sql, std::string file);

  Statement& bind(int64_t value);
  Statement& bind(double value);
  Statement& bind(std::string_view value);
  /// NULL where there is no value.
  Statement& bind(std::optional<double> value);

  /// Executes a statement without result and makes it ready for new values.
  void run();
  /// Steps to the next row of a result; false after the last, when it is ready for new values.
  bool row();
  int64_t integer(int column) const;
  /// Empty for NULL.
  std::optional<double> real(int column) const;
  std::string text(int column) const;

 private:
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };
  void check(int status, int expected) const;

  std::string file_;
  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
  int bound_ = 0;
};

/// An SQLite file. Errors are SystemFailure; a file that is not a database is UsageError.
class Database {
 public:
  enum class Mode { create, existing, read_only };
  Database(const std::filesystem::path& file, Mode mode);

  void execute(const std::string& sql);
  Statement prepare(std::string_view sql);

 private:
  struct Closer {
    void operator()(sqlite3* database) const;
  };
  std::string file_;
  std::unique_ptr<sqlite3, Closer> database_;
};

}  // namespace trainer
