// A calculator: one expression a line, of numbers, + - * / % ^ and parentheses. Each level of its
// recursion costs at least one character, so the bound on a line is a bound on the stack.
//
// inetd.conf: 10020 stream tcp nowait nobody /usr/libexec/inetd/calc calc
// try: printf '2 * (3 + 4)^2\n' | nc -N localhost 10020

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

static const char* at; // what is still to be read of the line

static char next() {
    return *(at += std::strspn(at, " \t\r"));
}

// An operand, and then signs and operands as long as the signs bind at least as tightly as asked.
static double value(int least) {
    double left = 0;
    if (next() == '-') {
        left = (++at, -value(3));
    } else if (*at == '(') {
        left = (++at, value(1));
        if (next() != ')') throw "a closing parenthesis";
        ++at;
    } else {
        const auto [end, error] = std::from_chars(at, at + std::strspn(at, "0123456789.e+-"), left);
        if (error == std::errc::result_out_of_range) throw "a number of ordinary size";
        if (error != std::errc{}) throw "a number";
        at = end;
    }
    for (;;) {
        const char sign = next();
        const int strength = sign == '^' ? 3 : sign == '+' || sign == '-' ? 1 : 2;
        if (sign == '\0' || !std::strchr("+-*/%^", sign) || strength < least) return left;
        const double right = (++at, value(sign == '^' ? 3 : strength + 1));
        if (sign == '+') left += right;
        if (sign == '-') left -= right;
        if (sign == '*') left *= right;
        if (sign == '/') left /= right;
        if (sign == '%') left = std::fmod(left, right);
        if (sign == '^') left = std::pow(left, right);
    }
}

int main(int argc, char** argv) {
    const unsigned patience = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 60;
    char line[1000];
    while (alarm(patience), std::fgets(line, sizeof line, stdin)) {
        at = line;
        line[std::strcspn(line, "\n")] = '\0';
        try {
            if (std::strlen(line) == sizeof line - 1) {
                while (std::getc(stdin) != '\n' && !std::feof(stdin)) {
                }
                throw "a shorter line";
            }
            const double result = value(1);
            if (next() != '\0') throw "an operator";
            dprintf(1, "%.15g\n", result);
        } catch (const char* wanted) {
            dprintf(1, "error: expected %s at '%.20s'\n", wanted, at);
        }
    }
}
