// fuzz SEED SECONDS DIRECTORY: hostile bytes and random changes against the native answers. The same seed makes the same
// choices. Built with the address and the undefined-behaviour sanitizer by ../native-harness.test.ts.
#include "fuzz.h"

#include <algorithm>

#include "answer-table.h"

namespace harness {

namespace {

// A row as JavaScript sends it, now and then with a part that is hostile.
std::string SomeRow(Chance& chance) {
  std::string row;
  for (int field = 0; field < 8; ++field) {
    const uint64_t kind = chance.Below(40);
    if (kind == 0) row += "-";
    if (kind == 1) row += "9223372036854775807";
    else if (kind == 2) row += "99999999999999999999999999";
    else if (kind == 3) row += "x";
    else if (kind == 4) row += "-9223372036854775808";
    else if (kind != 5) row += std::to_string(chance.Below(field == 0 ? 50 : 3));
    row += ' ';
  }
  return row + std::string(chance.Below(chance.OneIn(20) ? 5000 : 4), static_cast<char>(1 + chance.Below(255)));
}

std::string SomeRows(Chance& chance) {
  std::string rows;
  for (uint64_t count = chance.Below(12); count > 0; --count) (rows += SomeRow(chance)) += '\0';
  for (uint64_t count = chance.OneIn(3) ? chance.Below(6) : 0; count > 0 && !rows.empty(); --count) {
    rows[chance.Below(rows.size())] = static_cast<char>(chance.Any());
  }
  if (chance.OneIn(10)) rows.resize(chance.Below(rows.size() + 1));
  return rows;
}

}  // namespace

size_t RunHostileRows(Chance& chance, const Deadline& deadline) {
  size_t blobs = 0;
  while (!deadline.Passed()) {
    elastic::AnswerTable table;
    for (int step = 0; step < 200; ++step, ++blobs) {
      const uint64_t ino = chance.OneIn(20) ? chance.Any() : 1 + chance.Below(50);
      const std::string rows = SomeRows(chance);
      const std::vector<char> exact(rows.begin(), rows.end());
      table.KeepDirectory(ino, ino * 65'536, chance.OneIn(2), {exact.data(), exact.size()});
      for (uint64_t known = 0; known < 60; ++known) {
        const auto* directory = table.DirectoryByIno(known);
        if (directory == nullptr) continue;
        CHECK(directory->byIno.size() == directory->byName.size());
        for (const auto* item : directory->byIno) CHECK(table.ItemByIno(item->ino) == item && directory->Find(item->name) == item);
      }
    }
  }
  return blobs;
}

}  // namespace harness

int main(int count, char** arguments) {
  if (count != 4) return 2;
  harness::Chance chance(std::strtoull(arguments[1], nullptr, 10));
  const double seconds = std::strtod(arguments[2], nullptr) / 3;
  std::printf("table steps %zu\n", harness::RunTableModel(chance, harness::Deadline(seconds)));
  std::printf("blobs of rows %zu\n", harness::RunHostileRows(chance, harness::Deadline(seconds)));
  std::printf("requests %zu\n", harness::RunHostileRequests(chance, harness::Deadline(seconds), arguments[3]));
}
