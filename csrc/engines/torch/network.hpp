/* network.hpp - a graph that torch runs, whatever the file it came from. */
#ifndef TORCH_NETWORK_HPP
#define TORCH_NETWORK_HPP

#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <vector>

extern "C" {
#include "engine.h"
}

/* An error of ours, with the status to return; errors of torch are exceptions of its own. */
struct Failure {
  int status;
  std::string message;
};

/* A graph: inputs and outputs by position. Any member may throw. */
class Network {
public:
  virtual ~Network() = default;
  /* Run the graph. 'outputs' is given empty; the memory it has once taken can be used again. */
  virtual void forward(const std::vector<at::Tensor> &inputs, std::vector<at::Tensor> &outputs) = 0;
};

/* Load an AOTInductor package. */
std::unique_ptr<Network> load_package(const engine_source &source, const at::Device &device);

/* Load a TorchScript archive. */
std::unique_ptr<Network> load_script(const engine_source &source, const at::Device &device);

/* torch's name of one of our element types. */
inline at::ScalarType scalar_type(int32_t dtype) {
  return dtype == PYEMU_FLOAT32 ? at::kFloat : dtype == PYEMU_FLOAT64 ? at::kDouble : at::kInt;
}

#endif
