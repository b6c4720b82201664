/* bare_torch.cpp - torch alone: an AOTInductor package, and a TorchScript module. Input tensors lie
 * over ready memory; torch takes memory for its outputs itself, so these are copied into ready
 * memory. */
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bare.h"

namespace {

using Loader = torch::inductor::AOTIModelPackageLoader;

at::Tensor wrap(const bare_tensor &tensor) {
  return at::from_blob(tensor.data, at::IntArrayRef(tensor.shape, static_cast<size_t>(tensor.rank)),
                       at::kFloat);
}

/* Where the results are delivered. */
class Memory {
public:
  explicit Memory(const bare_source &source) {
    for (int64_t i = 0; i < source.n_tensors; ++i)
      if (!source.tensors[i].is_input)
        outputs_.push_back(source.tensors[i]);
  }
  void take(size_t i, const at::Tensor &found) const {
    if (i >= outputs_.size() || found.nbytes() != outputs_[i].size || !found.is_contiguous())
      throw std::runtime_error("an output is not as the card says");
    std::memcpy(outputs_[i].data, found.const_data_ptr(), outputs_[i].size);
  }

private:
  std::vector<bare_tensor> outputs_;
};

class Package {
public:
  /* One caller at a time: without the lock for several, as in the engine. */
  explicit Package(const bare_source &source)
      : loader_(source.path, "model", true), memory_(source) {
    for (int64_t i = 0; i < source.n_tensors; ++i)
      if (source.tensors[i].is_input)
        inputs_.push_back(wrap(source.tensors[i]));
  }
  void run() {
    c10::InferenceMode inference;
    const std::vector<at::Tensor> outputs = loader_.run(inputs_);
    for (size_t i = 0; i < outputs.size(); ++i)
      memory_.take(i, outputs[i]);
  }

private:
  Loader loader_;
  Memory memory_;
  std::vector<at::Tensor> inputs_;
};

class Script {
public:
  explicit Script(const bare_source &source)
      : module_(torch::jit::load(source.path, at::kCPU)), memory_(source) {
    module_.eval();
    for (int64_t i = 0; i < source.n_tensors; ++i)
      if (source.tensors[i].is_input)
        inputs_.emplace_back(wrap(source.tensors[i]));
  }
  void run() {
    c10::InferenceMode inference;
    const c10::IValue result = module_.forward(inputs_);
    if (result.isTensor())
      return memory_.take(0, result.toTensor());
    const auto &outputs = result.toTupleRef().elements();
    for (size_t i = 0; i < outputs.size(); ++i)
      memory_.take(i, outputs[i].toTensor());
  }

private:
  torch::jit::Module module_;
  Memory memory_;
  std::vector<c10::IValue> inputs_;
};

/* Do it; an exception becomes its text. */
template <class Action> const char *guarded(Action action) noexcept {
  static std::string message;
  try {
    action();
    return nullptr;
  } catch (const std::exception &e) {
    message = e.what();
    return message.c_str();
  }
}

template <class Contestant> bare make(const char *name) {
  return {name,
          [](const bare_source *source, void **state) {
            return guarded([&] {
              at::set_num_threads(source->threads); /* of the process */
              c10::InferenceMode inference;
              *state = new Contestant(*source);
            });
          },
          [](void *state) { return guarded([&] { static_cast<Contestant *>(state)->run(); }); },
          [](void *state) { delete static_cast<Contestant *>(state); }};
}

} // namespace

__attribute__((visibility("default"))) const bare *bench_torch_bare(const char *name) {
  static const bare bares[] = {make<Package>("aoti"), make<Script>("torchscript")};
  for (const bare &found : bares)
    if (std::strcmp(found.name, name) == 0)
      return &found;
  return nullptr;
}
