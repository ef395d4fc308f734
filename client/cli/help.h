// The text of --help.
#ifndef TREDUCE_CLIENT_CLI_HELP_H_
#define TREDUCE_CLIENT_CLI_HELP_H_

#include <string>

#include "server/engine/plan/op_registry.h"

namespace treduce::cli {

// Of the program.
std::string HelpText();

// Of one op: what it does, gives and takes.
std::string HelpText(const OpInfo& op);

}  // namespace treduce::cli

#endif  // TREDUCE_CLIENT_CLI_HELP_H_
