/* session.hpp - one emulator that is open: its network, and the caller's memory as tensors. */
#ifndef TORCH_SESSION_HPP
#define TORCH_SESSION_HPP

#include "network.hpp"

class Session {
public:
  using Load = std::unique_ptr<Network> (*)(const engine_source &, const at::Device &);

  Session(const engine_source &source, Load load);

  /*
   * Run the reference columns and compare. Nothing in the file names the model's inputs and
   * outputs, so only their values can tell a model whose order is another, and that it is this
   * card's model at all. The inputs are copies: a model that writes to them, which is refused,
   * would write to the host's arrays.
   */
  void replay(const engine_source &source);

  /* Run on the caller's memory: inputs, then outputs. */
  void run(int64_t columns, void *const *memory);

private:
  /* One input or output as the card declares it. */
  struct Variable {
    std::string name;
    std::vector<int64_t> shape;
    bool has_batch; /* shape[0] is the number of columns bound */
    at::ScalarType type;
    void *data = nullptr;
    at::Tensor tensor; /* over 'data' */
  };

  void bind(int64_t columns, void *const *memory);
  void check(const Variable &variable, const at::Tensor &found) const;
  void check_count(size_t found) const;
  void forward();
  void deliver();
  void compare(const Variable &variable, const void *recorded, const at::Tensor &found) const;

  at::Device device_;
  int threads_;
  std::vector<Variable> variables_;
  size_t n_inputs_;
  int64_t columns_ = 0;             /* that the tensors are bound for */
  std::vector<at::Tensor> inputs_;  /* what the network is given */
  std::vector<at::Tensor> outputs_; /* what it returned, while a run lasts */
  std::unique_ptr<Network> network_;
};

#endif
