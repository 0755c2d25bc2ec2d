#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "run/temporary_folder.h"

namespace trainer::testing_help {

struct ProgramResult {
  int status = 0;  ///< exit status, or 128 + signal when a signal killed it
  std::string out;
  std::string err;
};

/// What starts the program with these arguments: for another kind of CPU, an emulator stands before it.
inline std::vector<std::string> program_command(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {TRAINER_COMMAND};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

/// For a forked process: becomes the program, in `folder`, where it keeps what it measures. Does not return.
[[noreturn]] inline void become_program(const std::filesystem::path& folder,
                                        const std::vector<std::string>& arguments) {
  const std::string cache = (folder / "cache").string();
  std::vector<std::string> words = program_command(arguments);
  std::vector<char*> pointers;
  std::transform(words.begin(), words.end(), std::back_inserter(pointers), [](auto& word) { return word.data(); });
  pointers.push_back(nullptr);
  if (chdir(folder.c_str()) == 0 && setenv("TRAINER_CACHE", cache.c_str(), 1) == 0) {
    execvp(pointers[0], pointers.data());
  }
  _exit(99);
}

/// The real program, started in `folder` with its output, and what it measures, in files there.
class Program {
 public:
  Program(const std::filesystem::path& folder, const std::vector<std::string>& arguments)
      : out_(folder / "stdout.txt"), err_(folder / "stderr.txt") {
    process_ = fork();
    if (process_ == 0) {
      const int out = open(out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
      const int err = open(err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
      if (dup2(out, 1) == 1 && dup2(err, 2) == 2) {
        become_program(folder, arguments);
      }
      _exit(99);
    }
  }
  ~Program() {
    if (!ended_) {
      ::kill(process_, SIGKILL);
      waitpid(process_, nullptr, 0);
    }
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  bool running() {
    if (!ended_ && waitpid(process_, &raw_status_, WNOHANG) == process_) {
      ended_ = true;
    }
    return !ended_;
  }
  void signal(int number) const { ::kill(process_, number); }
  ProgramResult wait() {
    if (!ended_) {
      waitpid(process_, &raw_status_, 0);
      ended_ = true;
    }
    const int status = WIFEXITED(raw_status_) ? WEXITSTATUS(raw_status_) : 128 + WTERMSIG(raw_status_);
    return {status, read_text(out_), read_text(err_)};
  }

 private:
  std::filesystem::path out_;
  std::filesystem::path err_;
  pid_t process_ = -1;
  int raw_status_ = 0;
  bool ended_ = false;
};

inline ProgramResult run_program(const std::filesystem::path& folder, const std::vector<std::string>& arguments) {
  return Program(folder, arguments).wait();
}

}  // namespace trainer::testing_help
