// The parts of the program `fuzz`. Each runs until the deadline and answers how much it did; what is not as it should be
// ends the process.
#pragma once

#include "harness.h"

namespace harness {

size_t RunTableModel(Chance& chance, const Deadline& deadline);
// Rows that are no rows, or nearly.
size_t RunHostileRows(Chance& chance, const Deadline& deadline);
// `directory` is an empty folder for files of a cache.
size_t RunHostileRequests(Chance& chance, const Deadline& deadline, const std::string& directory);

}  // namespace harness
