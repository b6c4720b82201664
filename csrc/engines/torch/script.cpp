/* script.cpp - TorchScript archives. */
#include <caffe2/serialize/read_adapter_interface.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <cstring>

#include "network.hpp"

namespace {

/* The archive, read where it lies. */
class Bytes final : public caffe2::serialize::ReadAdapterInterface {
public:
  Bytes(const void *bytes, size_t size) : bytes_(static_cast<const char *>(bytes)), size_(size) {}
  size_t size() const override { return size_; }
  size_t read(uint64_t position, void *buffer, size_t count, const char *) const override {
    if (position >= size_)
      return 0;
    count = std::min(count, size_ - static_cast<size_t>(position));
    std::memcpy(buffer, bytes_ + position, count);
    return count;
  }

private:
  const char *bytes_;
  size_t size_;
};

class Script final : public Network {
public:
  explicit Script(torch::jit::Module module)
      : module_(std::move(module)), forward_(module_.get_method("forward").function()) {}

  /* The function takes its arguments off the stack and leaves its result there: what the stack and
   * the vector have once taken from memory they keep. */
  void forward(const std::vector<at::Tensor> &inputs, std::vector<at::Tensor> &outputs) override {
    stack_.clear();
    stack_.emplace_back(module_._ivalue());
    for (const at::Tensor &input : inputs)
      stack_.emplace_back(input);
    const auto &arguments = forward_.getSchema().arguments();
    for (size_t i = stack_.size(); i < arguments.size(); ++i)
      stack_.emplace_back(*arguments[i].default_value());
    forward_.run(stack_);
    take(stack_.back(), outputs);
    stack_.clear();
  }

  /* How many tensors 'forward' must be given, and how many it can take. */
  void count_inputs(size_t *required, size_t *possible) const {
    const auto &arguments = forward_.getSchema().arguments();
    *possible = arguments.size() - 1; /* the first is the module */
    *required = 0;
    for (size_t i = 1; i < arguments.size(); ++i)
      *required += !arguments[i].default_value();
  }

private:
  static void take(const c10::IValue &result, std::vector<at::Tensor> &outputs) {
    if (result.isTensor()) {
      outputs.push_back(result.toTensor());
    } else if (result.isTuple()) {
      for (const c10::IValue &element : result.toTupleRef().elements())
        take_tensor(element, outputs);
    } else if (result.isTensorList()) {
      for (const c10::IValue &element : result.toListRef())
        take_tensor(element, outputs);
    } else {
      take_tensor(result, outputs);
    }
  }

  static void take_tensor(const c10::IValue &value, std::vector<at::Tensor> &outputs) {
    if (!value.isTensor())
      throw Failure{PYEMU_ERR_GRAPH, "the model returned a value of type " + value.tagKind() +
                                         "; expected a tensor, or a tuple or list of tensors"};
    outputs.push_back(value.toTensor());
  }

  torch::jit::Module module_;
  torch::jit::Function &forward_;
  torch::jit::Stack stack_;
};

} // namespace

std::unique_ptr<Network> load_script(const engine_source &source, const at::Device &device) {
  torch::jit::Module module =
      torch::jit::load(std::make_shared<Bytes>(source.bytes, source.size), device, false);
  if (module.hasattr("training")) /* a frozen module has none */
    module.eval();
  if (!module.find_method("forward"))
    throw Failure{PYEMU_ERR_GRAPH, "the TorchScript module has no method 'forward'"};
  auto script = std::make_unique<Script>(std::move(module));
  size_t required, possible, given = static_cast<size_t>(source.n_inputs);
  script->count_inputs(&required, &possible);
  if (given < required || given > possible)
    throw Failure{PYEMU_ERR_GRAPH, "'forward' of the TorchScript module takes " +
                                       std::to_string(required) + " inputs, but the card lists " +
                                       std::to_string(given)};
  return script;
}
