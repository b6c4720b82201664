/* bridge.h - what libpyemu_torch.so, the part of the torch engines that is built against torch,
 * gives to the plugin, which is not and so can look before it loads. */
#ifndef TORCH_BRIDGE_H
#define TORCH_BRIDGE_H

#include "engine.h"

/* The function it exports: the engine "aoti" or "torchscript"; NULL for another name. */
typedef const struct engine *torch_bridge_function(const char *name);
#define TORCH_BRIDGE_SYMBOL "pyemu_torch_bridge"

#endif
