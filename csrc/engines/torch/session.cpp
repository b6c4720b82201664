#include "session.hpp"

#include <c10/core/InferenceMode.h>

#include <cmath>
#include <cstring>
#include <sstream>

#include "threads.hpp"

namespace {

/* Share of an output's largest recorded value by which a run may differ from the record when the
 * file is opened. Far more than rounding, on any device and in any precision; far less than the
 * difference between two models, or two outputs. The card's own tolerance is for 'pyemu verify'. */
constexpr double same_model = 0.01;

at::Device find_device(const engine_device &where) {
  if (!where.is_cuda)
    return at::Device(at::kCPU);
  const size_t count = at::getNumGPUs();
  if (where.index >= 0 && static_cast<size_t>(where.index) < count)
    return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(where.index));
  const std::string name = "device 'cuda:" + std::to_string(where.index) + "' was asked for, ";
  if (count > 0)
    throw Failure{PYEMU_ERR_UNSUPPORTED, name + "but torch sees only the first " +
                                             std::to_string(count) + ", counted from 0"};
  throw Failure{PYEMU_ERR_UNSUPPORTED, name +
                                           "but torch sees no CUDA device: this build of torch may "
                                           "be for the CPU alone, or the driver may be missing"};
}

std::string text(at::ScalarType type, at::IntArrayRef shape) {
  std::ostringstream stream;
  stream << at::toString(type) << shape;
  return stream.str();
}

} // namespace

Session::Session(const engine_source &source, Load load)
    : device_(find_device(source.where)), threads_(source.threads),
      n_inputs_(static_cast<size_t>(source.n_inputs)) {
  c10::InferenceMode inference;
  Threads threads(threads_);
  for (int64_t i = 0; i < source.n_tensors; ++i) {
    const engine_tensor &tensor = source.tensors[i];
    Variable variable;
    variable.name = tensor.name;
    variable.shape.assign(tensor.shape, tensor.shape + tensor.rank);
    variable.has_batch = tensor.rank > 0 && tensor.shape[0] == -1;
    variable.type = scalar_type(tensor.dtype);
    variables_.push_back(std::move(variable));
  }
  inputs_.resize(n_inputs_);
  network_ = load(source, device_);
}

/* Wrap memory that has moved, or has another number of columns. Wrapping copies nothing. */
void Session::bind(int64_t columns, void *const *memory) {
  const bool is_resized = columns != columns_;
  columns_ = 0; /* until all are bound */
  for (size_t i = 0; i < variables_.size(); ++i) {
    Variable &v = variables_[i];
    if (v.data == memory[i] && !(is_resized && v.has_batch))
      continue;
    if (v.has_batch)
      v.shape[0] = columns;
    v.tensor = at::from_blob(memory[i], v.shape, at::TensorOptions(v.type));
    v.data = memory[i];
    if (i < n_inputs_)
      inputs_[i] =
          device_.is_cpu() ? v.tensor : at::empty(v.shape, v.tensor.options().device(device_));
  }
  columns_ = columns;
}

void Session::forward() {
  outputs_.clear(); /* of a run that failed */
  if (!device_.is_cpu())
    for (size_t i = 0; i < n_inputs_; ++i)
      inputs_[i].copy_(variables_[i].tensor);
  network_->forward(inputs_, outputs_);
}

void Session::check_count(size_t found) const {
  const size_t expected = variables_.size() - n_inputs_;
  if (found != expected)
    throw Failure{PYEMU_ERR_GRAPH, "the model returned " + std::to_string(found) +
                                       (found == 1 ? " output" : " outputs") +
                                       ", but the card lists " + std::to_string(expected)};
}

/* Another size is never stretched to fit. */
void Session::check(const Variable &variable, const at::Tensor &found) const {
  if (found.defined() && found.scalar_type() == variable.type && found.sizes() == variable.shape)
    return;
  throw Failure{PYEMU_ERR_GRAPH,
                "output '" + variable.name + "' of the model is " +
                    (found.defined() ? text(found.scalar_type(), found.sizes()) : "undefined") +
                    ", but the card says " + text(variable.type, variable.shape)};
}

void Session::run(int64_t columns, void *const *memory) {
  c10::InferenceMode inference;
  Threads threads(threads_);
  bind(columns, memory);
  forward();
  deliver();
}

/* Copy the outputs to the caller, all or none, and let go of them: the next run then takes the
 * memory that was in the cache just now, not other memory. */
void Session::deliver() {
  check_count(outputs_.size());
  for (size_t i = 0; i < outputs_.size(); ++i)
    check(variables_[n_inputs_ + i], outputs_[i]);
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const Variable &v = variables_[n_inputs_ + i];
    if (outputs_[i].is_cpu() && outputs_[i].is_contiguous())
      std::memcpy(v.data, outputs_[i].const_data_ptr(), outputs_[i].nbytes());
    else
      v.tensor.copy_(outputs_[i]);
  }
  outputs_.clear();
}

void Session::replay(const engine_source &source) {
  std::vector<std::vector<char>> copies(variables_.size());
  std::vector<void *> memory(variables_.size());
  std::vector<size_t> sizes(variables_.size());
  for (size_t i = 0; i < variables_.size(); ++i) {
    const int64_t rows = variables_[i].has_batch ? source.reference_columns : 1;
    sizes[i] =
        static_cast<size_t>(rows * source.tensors[i].width) * at::elementSize(variables_[i].type);
    copies[i].resize(sizes[i]);
    memory[i] = copies[i].data();
    if (i < n_inputs_)
      std::memcpy(memory[i], source.reference_values[i], sizes[i]);
  }
  run(source.reference_columns, memory.data());
  for (size_t i = 0; i < variables_.size(); ++i) {
    if (i >= n_inputs_)
      compare(variables_[i], source.reference_values[i], variables_[i].tensor);
    else if (std::memcmp(memory[i], source.reference_values[i], sizes[i]) != 0)
      throw Failure{PYEMU_ERR_GRAPH, "the model writes to its input '" + variables_[i].name +
                                         "', which belongs to the host: let it work on a copy"};
  }
  for (Variable &v : variables_)
    v.data = nullptr; /* the copies are about to go */
}

void Session::compare(const Variable &variable, const void *recorded,
                      const at::Tensor &found) const {
  const at::Tensor expected =
      at::from_blob(const_cast<void *>(recorded), variable.shape, at::TensorOptions(variable.type))
          .to(at::kDouble);
  const double largest = expected.abs().max().item<double>();
  const double difference = (found.to(at::kDouble) - expected).abs().max().item<double>();
  if (difference <= same_model * largest || largest == 0)
    return;
  std::ostringstream message;
  message << "output '" << variable.name
          << "' of the model differs from its recorded values by up to " << difference
          << ", which is more than " << 100 * same_model << " % of the largest, " << largest
          << ": this is not the model of the card, or its inputs or outputs have another order";
  throw Failure{PYEMU_ERR_GRAPH, message.str()};
}
