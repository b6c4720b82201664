/* package.cpp - AOTInductor packages: the graph as compiled code. */
#include <link.h>
#include <sys/utsname.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <unordered_map>

extern "C" {
#include "dtype.h"
#include "sha256.h"
}
#include "network.hpp"

namespace {

using Metadata = std::unordered_map<std::string, std::string>;

/* What 'pyemu export' writes into a package's metadata: see signature(). */
const char tensors_key[] = "pyemu_tensors";

/*
 * The bytes as a file that only this user can read, for as long as it lives: torch loads a package
 * by its name. The file that was opened is not used, because it may have been replaced since its
 * bytes were read and its SHA-256 compared.
 */
class TemporaryFile {
public:
  TemporaryFile(const void *bytes, size_t size) {
    const char *directory = std::getenv("TMPDIR");
    path_ = std::string(directory && *directory ? directory : "/tmp") + "/pyemu_XXXXXX";
    int file = mkstemp(&path_[0]); /* for this user only: mode 0600 */
    if (file < 0)
      throw refused();
    const char *from = static_cast<const char *>(bytes);
    ssize_t written = 0;
    for (size_t left = size; left > 0 && written >= 0; from += written > 0 ? written : 0,
                left -= written > 0 ? static_cast<size_t>(written) : 0) {
      written = write(file, from, left);
      if (written < 0 && errno == EINTR)
        written = 0;
    }
    int is_closed = close(file) == 0;
    if (written < 0 || !is_closed) {
      Failure failure = refused();
      unlink(path_.c_str());
      throw failure;
    }
  }
  ~TemporaryFile() { unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile &) = delete;
  TemporaryFile &operator=(const TemporaryFile &) = delete;
  const std::string &path() const { return path_; }

private:
  Failure refused() const {
    return {PYEMU_ERR_ENGINE, "cannot write the temporary file '" + path_ + "': " +
                                  std::strerror(errno) + "; set TMPDIR to a directory with space"};
  }
  std::string path_;
};

using Loader = torch::inductor::AOTIModelPackageLoader;

/* The directories that torch has unpacked packages into and that hold code of this process. */
std::set<std::string> unpacked() {
  std::set<std::string> directories;
  dl_iterate_phdr(
      [](dl_phdr_info *info, size_t, void *found) {
        std::string name = info->dlpi_name ? info->dlpi_name : "";
        size_t mark = name.find("/aotinductor_");
        if (mark != std::string::npos)
          static_cast<std::set<std::string> *>(found)->insert(
              name.substr(0, name.find('/', mark + 1)));
        return 0;
      },
      &directories);
  return directories;
}

/*
 * Packages that are loaded and belong to no handle now, by content and device.
 *
 * Compiled code keeps its last error in a thread-local object, for whose sake the system leaves the
 * code in memory until every thread that ran it has ended: for a host's main thread, to the end. So
 * a package that is closed is kept for the next handle on the same file. A host that opens and
 * closes one file again and again then holds it once, and opens it faster.
 *
 * What is on the shelf is never destroyed: at the end of the process, what a package's destructor
 * needs may be gone before it. Only the directories it was unpacked into are removed then.
 */
class Shelf {
public:
  std::unique_ptr<Loader> take(const std::string &key) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = loaders_.find(key);
    if (found == loaders_.end())
      return nullptr;
    std::unique_ptr<Loader> loader = std::move(found->second);
    loaders_.erase(found);
    return loader;
  }
  void put(const std::string &key, std::unique_ptr<Loader> loader) {
    std::lock_guard<std::mutex> lock(mutex_);
    loaders_.emplace(key, std::move(loader));
  }
  /* Load one anew, and note the directories that came with it. */
  std::unique_ptr<Loader> load(const std::string &path, const at::Device &device) {
    std::lock_guard<std::mutex> lock(mutex_);
    std::set<std::string> before = unpacked();
    /* One run at a time, so the lock of a container that serves several callers is left out. */
    auto loader = std::make_unique<Loader>(
        path, "model", true, 1, device.has_index() ? device.index() : c10::DeviceIndex(-1));
    for (const std::string &directory : unpacked())
      if (!before.count(directory))
        directories_.push_back(directory);
    return loader;
  }
  static Shelf &shared() {
    static Shelf *shelf = [] {
      std::atexit([] { shared().clean(); });
      return new Shelf;
    }();
    return *shelf;
  }

private:
  /* A child made by fork has the directories of its parent, who still needs them. */
  void clean() noexcept {
    std::error_code ignored;
    if (getpid() == process_)
      for (const std::string &directory : directories_)
        std::filesystem::remove_all(directory, ignored);
  }

  std::mutex mutex_;
  std::multimap<std::string, std::unique_ptr<Loader>> loaders_;
  std::vector<std::string> directories_;
  const pid_t process_ = getpid();
};

class Package final : public Network {
public:
  Package(std::string key, std::unique_ptr<Loader> loader)
      : key_(std::move(key)), loader_(std::move(loader)) {}
  ~Package() override { Shelf::shared().put(key_, std::move(loader_)); }

  void forward(const std::vector<at::Tensor> &inputs, std::vector<at::Tensor> &outputs) override {
    outputs = loader_->run(inputs);
  }

private:
  std::string key_;
  std::unique_ptr<Loader> loader_;
};

/* The tensors as one text, for instance "float32[n,6] float32[n] -> float64[n,7]": n columns. */
std::string signature(const engine_source &source) {
  std::ostringstream text;
  for (int64_t i = 0; i < source.n_tensors; ++i) {
    const engine_tensor &tensor = source.tensors[i];
    text << (i == 0 ? "" : i == source.n_inputs ? " -> " : " ") << dtype_name(tensor.dtype) << '[';
    for (int32_t d = 0; d < tensor.rank; ++d) {
      text << (d == 0 ? "" : ",");
      tensor.shape[d] == -1 ? text << 'n' : text << tensor.shape[d];
    }
    text << ']';
  }
  return text.str();
}

std::string value(const Metadata &metadata, const char *key) {
  auto found = metadata.find(key);
  return found == metadata.end() ? "" : found->second;
}

/* Compiled code looks at no sizes: given less than it was compiled for, it would read beyond. */
void check_tensors(const Metadata &metadata, const engine_source &source) {
  std::string compiled = value(metadata, tensors_key), expected = signature(source);
  if (compiled.empty())
    throw Failure{PYEMU_ERR_GRAPH, "the package does not say which tensors it was compiled for; "
                                   "write it with 'pyemu export --format pt2'"};
  if (compiled != expected)
    throw Failure{PYEMU_ERR_GRAPH,
                  "the package was compiled for " + compiled + ", but the card says " + expected};
}

/* The names of what this processor can do, as the kernel lists them, blanks around each. */
std::string processor_features() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.compare(0, 5, "flags") == 0)
      return line.substr(line.find(':') + 1) + ' ';
  return "";
}

/* Code for another processor would stop the host with an illegal instruction. */
void check_processor(const Metadata &metadata) {
  utsname machine;
  std::string compiled = value(metadata, "AOTI_MACHINE");
  if (!compiled.empty() && uname(&machine) == 0 && compiled != machine.machine)
    throw Failure{PYEMU_ERR_GRAPH, "the package was compiled for " + compiled +
                                       ", but this machine is " + machine.machine +
                                       ": export it again here, or use the ONNX file"};
  std::string features = processor_features();
  std::istringstream needed(value(metadata, "AOTI_CPU_ISA"));
  for (std::string name; !features.empty() && needed >> name;) {
    for (char &letter : name)
      letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    std::string flag = name == "avx512" ? "avx512bw" : name;
    if (features.find(' ' + flag + ' ') == std::string::npos)
      throw Failure{PYEMU_ERR_GRAPH, "the package was compiled for a processor with " + name +
                                         ", which this one lacks: export it again here, or use "
                                         "the ONNX file"};
  }
}

void check_device(const Metadata &metadata, const at::Device &device) {
  std::string compiled = value(metadata, "AOTI_DEVICE_KEY"),
              given = at::DeviceTypeName(device.type(), true);
  if (!compiled.empty() && compiled != given)
    throw Failure{PYEMU_ERR_GRAPH, "the package was compiled for device '" + compiled +
                                       "', but was opened for '" + given + "'"};
}

} // namespace

std::unique_ptr<Network> load_package(const engine_source &source, const at::Device &device) {
  char digest[SHA256_TEXT];
  sha256_text(static_cast<const unsigned char *>(source.bytes), source.size, digest);
  std::string key = digest + (' ' + device.str());
  std::unique_ptr<Loader> loader = Shelf::shared().take(key);
  if (!loader) {
    TemporaryFile file(source.bytes, source.size);
    Metadata metadata = Loader::load_metadata_from_package(file.path(), "model");
    check_device(metadata, device);
    check_processor(metadata);
    check_tensors(metadata, source);
    loader = Shelf::shared().load(file.path(), device);
  }
  return std::make_unique<Package>(std::move(key), std::move(loader));
}
