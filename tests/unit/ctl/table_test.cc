#include "ctl/table.h"
#include "ctl/text.h"

#include <doctest/doctest.h>
#include <string>

using namespace inetd::ctl;

static Table example() {
    Table table;
    table.add_column("NAME", Table::Column::shrinking);
    table.add_column("STATE", Table::Column::left);
    table.add_column("COUNT", Table::Column::right);
    table.add_row({{"a-rather-long-name"}, {"failed", Colour::red}, {"7"}});
    table.add_row({{"öß\n\033[2J"}, {"on"}, {"1234567"}});
    return table;
}

TEST_CASE("ctl: a table is as wide as what is in it") {
    CHECK(example().text({}) == "NAME                STATE     COUNT\n"
                                "a-rather-long-name  failed        7\n"
                                "öß??[2J             on      1234567\n");
}

TEST_CASE("ctl: a table fits the terminal as far as it can") {
    CHECK(example().text({.width = 28}) == "NAME         STATE     COUNT\n"
                                           "a-rather-l…  failed        7\n"
                                           "öß??[2J      on      1234567\n");
    // Only the column that may is cut, and never to nothing.
    CHECK(example().text({.width = 3}) == "NAME    STATE     COUNT\n"
                                          "a-rat…  failed        7\n"
                                          "öß??[…  on      1234567\n");
}

TEST_CASE("ctl: how narrow a table can be, and how wide a column is at least") {
    CHECK(example().least_width(8) == 8 + 2 + 6 + 2 + 7);
    CHECK(example().least_width(80) == 18 + 2 + 6 + 2 + 7);
    Table table;
    table.add_column("A", Table::Column::right, 4);
    table.add_column("B", Table::Column::left);
    table.add_row({{"1"}, {"2"}});
    CHECK(table.text({}) == "   A  B\n   1  2\n");
    CHECK(table.least_width(1) == 7);
}

TEST_CASE("ctl: colours do not count as width") {
    CHECK(example().text({.width = 0, .colours = true}, 1) ==
          " \033[1mNAME\033[0m                \033[1mSTATE\033[0m     \033[1mCOUNT\033[0m\n"
          " a-rather-long-name  \033[31mfailed\033[0m        7\n"
          " öß??[2J             on      1234567\n");
}

TEST_CASE("ctl: amounts for people") {
    CHECK(duration_text(-1) == "0 s");
    CHECK(duration_text(59.9) == "59 s");
    CHECK(duration_text(60) == "1 min");
    CHECK(duration_text(3600 * 3 + 60 * 5) == "3 h 5 min");
    CHECK(duration_text(86400 * 9 + 3600) == "9 d 1 h");
    CHECK(bytes_text(1023) == "1023");
    CHECK(bytes_text(1536) == "1.5k");
    CHECK(bytes_text(std::uint64_t{5} << 30) == "5.0G");
    CHECK(fitted("äöü", 2) == "ä…");
    CHECK(fitted("äöü", 3) == "äöü");
}
